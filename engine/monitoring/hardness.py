"""How hard the rows of a window were: what the plainest answer would have cost on the same rows.

A loss grows where a model is worse, and where everybody's is: prices scatter more in summer, nothing repeats in a week
of holidays. So a loss is held against the promise times what the plain answer's loss grew by since the holdout, where
it was the Dummy's. For a forecast the plain answer is the series' value one season before, for a regression the
best constant of the window itself; a shift of the level makes neither of them dearer for long.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.measures.drift_codes import rounded
from engine.measures.metrics import Predicted, find, measure
from engine.monitoring import outcomes
from engine.monitoring.columns import FEATURES
from engine.monitoring.predictions import read_versions, united
from store.rows import PLAIN

if TYPE_CHECKING:
    from engine.deck import Deck
    from engine.settings.model import ModelSettings
    from store.rows import Version

TRUTH = "outcome.number"
LEAST_KNOWN = 0.5  # share of the rows whose value a season before is known, below which nothing is said
NOTES = {"forecasting": "the value one season before", "regression": "the best constant"}


@dataclass(frozen=True, slots=True)
class Past:
    """Answered rows of a forecast, n of them: id, time (microseconds), number of the series, truth or NaN."""

    ids: pa.Array
    at: Any
    series: Any
    truth: Any

    def before(self, ids: pa.ChunkedArray, season_us: int) -> Any:
        """Return what was true of each row's series one season before it; NaN where that is not known."""
        place = np.asarray(pc.fill_null(pc.index_in(ids, value_set=self.ids), -1).combine_chunks(), dtype=np.int64)
        moments = np.unique(self.at)
        known = np.isfinite(self.truth)
        keys = self.series[known] * len(moments) + np.searchsorted(moments, self.at[known])
        order = np.argsort(keys, kind="stable")
        wanted_at = self.at[place] - season_us
        at = np.searchsorted(moments, wanted_at)
        is_moment = (place >= 0) & (moments[np.minimum(at, len(moments) - 1)] == wanted_at)
        wanted = self.series[place] * len(moments) + at
        found = np.minimum(np.searchsorted(keys[order], wanted, side="right") - 1, len(keys) - 1)
        if not len(keys):
            return np.full(len(place), np.nan)
        is_there = is_moment & (found >= 0) & (keys[order][found] == wanted)
        return np.where(is_there, self.truth[known][order][found], np.nan)


def past_of(deck: Deck, settings: ModelSettings, tables: Iterable[pa.Table]) -> Past | None:
    """Return what was true of a forecast's series in some windows and the season before; None for other tasks.

    `tables` are the windows' answered rows. Of the log only ids, times and series are read, in one scan.
    """
    if settings.task != "forecasting":
        return None
    spans = [pc.min_max(one["event_at"]).as_py() for one in tables if len(one)]
    known = [one for one in spans if one["min"] is not None]
    if not known:
        return None
    first, last = min(one["min"] for one in known), max(one["max"] for one in known)
    names = [FEATURES + name for name in settings.forecast.series]
    columns = ["prediction_id", "event_at", "status", *names]
    read = read_versions(deck, settings.name, first - season_of(settings), last + 1, "event", columns=columns)
    kept = [table.select(columns) for table in read.values() if all(one in table.column_names for one in columns)]
    if not kept:
        return None
    rows = united(kept)
    rows = rows.filter(pc.and_(pc.equal(rows["status"], 200), pc.is_valid(rows["event_at"])))
    if not len(rows):
        return None
    ids = pc.min_max(rows["prediction_id"]).as_py()
    rows = outcomes.join(rows, outcomes.between(deck, settings.name, (ids["min"], ids["max"])))
    return Past(
        rows["prediction_id"].combine_chunks(),
        np.asarray(rows["event_at"].combine_chunks(), dtype=np.int64),
        _numbers([rows[name] for name in names], len(rows)),
        np.asarray(rows[TRUTH].combine_chunks().cast(pa.float64()), dtype=np.float64),
    )


def season_of(settings: ModelSettings) -> int:
    """Return the season of a forecast in microseconds."""
    return round(settings.forecast.season_s * 1e6)


def plain_loss(settings: ModelSettings, primary: str, table: pa.Table, past: Past | None) -> dict[str, dict[str, Any]]:
    """Return the primary metric of the plain answer on the rows whose outcome has come, as a window keeps a metric.

    Empty where there is none: of a metric that is a score and no loss, of classes, and where too little of the past is
    known.
    """
    note = NOTES.get(settings.task)
    if note is None or find(primary).greater_is_better or not len(table):
        return {}
    labelled = table.filter(pc.is_valid(table[TRUTH]))
    truth = np.asarray(labelled[TRUTH].combine_chunks(), dtype=np.float64)
    if not len(truth):
        return {}
    if settings.task == "regression":
        guesses = [np.full(len(truth), one) for one in (float(np.median(truth)), float(np.mean(truth)))]
    elif past is None:
        return {}
    else:
        guesses = [past.before(labelled["prediction_id"], season_of(settings))]
    there = np.isfinite(guesses[0])
    if there.mean() < LEAST_KNOWN:
        return {}
    values = [measure(primary, truth[there], Predicted(values=one[there])).value for one in guesses]
    losses = [one for one in values if one is not None]
    if not losses:
        return {}
    return {PLAIN + primary: {"value": rounded(min(losses)), "low": None, "high": None, "n": len(truth), "note": note}}


def harder(primary: str, plain: dict[str, Any], version: Version) -> float:
    """Return how many times as hard rows were as the holdout, 1 at least: of easier rows the promise stands."""
    then = (version.evaluation.get("baseline") or {}).get(primary)
    usual = then.get("value") if isinstance(then, dict) else then
    value = plain.get("value")
    if not usual or value is None or usual <= 0.0:
        return 1.0
    return max(1.0, cast("float", value) / float(usual))


def _numbers(columns: list[pa.ChunkedArray], rows: int) -> Any:
    """Return the same number for rows that are of the same series, by its (rows,) columns."""
    found = np.zeros(rows, dtype=np.int64)
    for column in columns:
        codes = np.asarray(pc.fill_null(column.combine_chunks().cast(pa.string()).dictionary_encode().indices, -1))
        _, found = np.unique(found * (int(codes.max(initial=0)) + 2) + codes, return_inverse=True)
    return found
