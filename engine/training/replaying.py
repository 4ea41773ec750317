"""A new version beside the champion on logged production inputs: `[retrain] compare = "replay"`.

The champion's side is what it answered when it was asked; the new version answers the same inputs now. Of the past a
forecast then knows what the champion remembered, no more: it is as far from its row as the champion was, and has not
seen what was true. How much a newer memory is worth is asked by the gates. Where outcomes
came, and only for rows later than what the new version was fitted on, the rows' losses are compared by a confidence
sequence, so that the same comparison may be made again after each training without one too many being believed.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.measures.confidence import mean_sequence
from engine.measures.metrics import Predicted, find, predicted
from engine.measures.shift import tolerance
from engine.model_io.load import ask_as_of, load_version
from engine.monitoring import outcomes
from engine.monitoring.columns import FEATURES
from engine.monitoring.performance import guess_of, truth_of
from engine.monitoring.predictions import read_versions
from engine.settings.apply import settings_of
from engine.training.differences import frame_of, why_apart
from engine.training.unread import hidden
from store import snapshots, versions

if TYPE_CHECKING:
    from engine.deck import Deck
    from engine.serving.predict import Predictor
    from store.rows import Version

MOST = 2000  # newest rows that are replayed
LEAST = 20
SPANS_S = (60, 3600, 86_400, 7 * 86_400, 30 * 86_400)  # looked back so far, until there are enough
SHOWN = 5  # largest differences
TIMED = 100  # rows that are timed one by one
SCORE_TOLERANCE = 0.1  # as a release compares scores
US = 1_000_000


def replay(deck: Deck, model: str, new: Predictor, metric: str, cutoff_at: int | None) -> dict[str, Any]:
    """Return the report that a version keeps in its evaluation; where nothing can be compared, a note that says why.

    `new` is asked as of the champion's memory from then on.

    Keys: champion, rows, from_at, to_at, agreement (share of rows), tolerance, mean_difference, largest (prediction id,
    both answers, and why they differ), latency_ms of both (p50, p99, one row at a time in one process), outcomes.
    """
    champion = versions.named(deck.database, model, "champion")
    if champion is None:
        return {"note": "nothing serves yet"}
    told = {"champion": champion.number, "rows": 0}
    rows = _rows(deck, model, champion.number)
    if len(rows) < LEAST:
        return {**told, "rows": len(rows), "note": f"{len(rows)} logged rows of the last 30 days, {LEAST} are needed"}
    personal = settings_of(deck, champion.settings_revision).models[model].data.personal
    serving = load_version(deck, champion)
    if tokens := hidden(rows, personal, new, serving):
        kept = f"of {', '.join(tokens)} the log keeps only tokens"
        return {**told, "note": f"{kept}: nothing to replay, use a shadow release"}
    absent = [name for name in names_of(new) if FEATURES + name not in rows.column_names]
    if absent:
        return {**told, "note": f"it reads {', '.join(absent)}, which nobody sent to the champion"}
    return {**told, **_compared(deck, champion, (serving, new), rows, metric, cutoff_at)}


def names_of(predictor: Predictor) -> list[str]:
    """Return the input columns a predictor reads."""
    return [column.name for column in predictor.signature.inputs]


def _rows(deck: Deck, model: str, version: int) -> pa.Table:
    now, found = deck.clock.now(), pa.table({})
    for span in SPANS_S:
        table = read_versions(deck, model, from_us=now - span * US).get(version)
        if table is not None:
            found = table.filter(pc.equal(table["status"], 200))
        if len(found) >= MOST:
            break
    return found.slice(max(0, len(found) - MOST))


def _compared(
    deck: Deck, champion: Version, pair: tuple[Predictor, Predictor], rows: pa.Table, metric: str, cutoff_at: int | None
) -> dict[str, Any]:
    serving, new = pair
    classes = tuple(champion.signature.get("classes") or ())
    if classes != tuple(new.signature.classes):
        return {"note": "its classes are others than the champion's"}
    remembered = snapshots.snapshot(deck.database, champion.snapshot_id, champion.model).to_at
    if remembered is not None:
        ask_as_of(new, remembered + 1)
    frame = frame_of(rows, new)
    ours, theirs = predicted(new.predict_frame(frame), classes), guess_of(rows, classes)
    return {
        "rows": len(rows),
        "from_at": rows["received_at"][0].as_py(),
        "to_at": rows["received_at"][-1].as_py(),
        **_with_reasons(_agreement(rows, ours, theirs), rows, serving, new),
        "latency_ms": {"champion": _latency(serving, frame_of(rows, serving)), "challenger": _latency(new, frame)},
        "outcomes": _outcomes(deck, champion.model, rows, ours, theirs, metric, cutoff_at),
    }


def _agreement(rows: pa.Table, ours: Predicted, theirs: Predicted) -> dict[str, Any]:
    """Compare row by row: labels that are equal, else numbers within what nobody would notice."""
    if theirs.labels is not None:
        mine, other = ours.scores[:, -1], theirs.scores[:, -1]
        within, agree = SCORE_TOLERANCE, ours.labels == theirs.labels
    else:
        mine, other = ours.values, theirs.values
        within = tolerance(other)
        agree = np.abs(mine - other) <= within
    apart = mine - other
    worst = np.argsort(-np.abs(apart), kind="stable")[:SHOWN]
    return {
        "agreement": _short(float(np.mean(agree))),
        "tolerance": _short(within),
        "mean_difference": _short(float(apart.mean())),
        "largest": [
            {
                "prediction_id": rows["prediction_id"][int(at)].as_py(),
                "champion": _short(float(other[at])),
                "challenger": _short(float(mine[at])),
            }
            for at in worst
        ],
    }


def _with_reasons(told: dict[str, Any], rows: pa.Table, champion: Predictor, new: Predictor) -> dict[str, Any]:
    """Return what was compared, each of the largest differences with what its columns contributed to both answers."""
    place = {id: at for at, id in enumerate(rows["prediction_id"].to_pylist())}
    reasons = why_apart(rows, [place[one["prediction_id"]] for one in told["largest"]], champion, new)
    return {**told, "largest": [{**one, "why": why} for one, why in zip(told["largest"], reasons, strict=True)]}


def _latency(predictor: Predictor, frame: Any) -> dict[str, float]:
    spent = []
    for at in range(min(TIMED, len(frame))):
        begun = time.perf_counter()
        predictor.predict_frame(frame.iloc[at : at + 1])
        spent.append((time.perf_counter() - begun) * 1000)
    return {"p50": _short(float(np.quantile(spent, 0.5))), "p99": _short(float(np.quantile(spent, 0.99)))}


def _outcomes(
    deck: Deck, model: str, rows: pa.Table, ours: Predicted, theirs: Predicted, metric: str, cutoff_at: int | None
) -> dict[str, Any]:
    """Return how much smaller the new version's loss is per row, with its sequence; positive: it is better."""
    named = find(metric)
    if named.per_row is None:
        return {"metric": metric, "n": 0, "note": f"{metric} is no mean over rows: not compared row by row"}
    classes = ours.classes
    joined = outcomes.join(rows, outcomes.current(deck, model, rows["prediction_id"].to_pylist()))
    known = pc.is_valid(joined["outcome.text" if classes else "outcome.number"])
    at = pc.coalesce(joined["event_at"], joined["received_at"])
    unseen = known if cutoff_at is None else pc.and_(known, pc.greater(at, cutoff_at))
    told: dict[str, Any] = {"metric": metric, "n": int(pc.sum(unseen).as_py() or 0)}
    left_out = int(pc.sum(known).as_py() or 0) - told["n"]
    if left_out:
        told["fitted_on"] = left_out  # rows that the new version may have learned from
    if not told["n"]:
        return {**told, "note": "no outcome of a row that is new to both"}
    mask = np.asarray(unseen.combine_chunks() if isinstance(unseen, pa.ChunkedArray) else unseen)
    truth = truth_of(joined.filter(pa.array(mask)), classes)
    sign = -1.0 if named.greater_is_better else 1.0
    gains = sign * (named.per_row(truth, theirs.take(mask)) - named.per_row(truth, ours.take(mask)))
    interval = mean_sequence(gains)
    told["gain"] = _short(float(np.mean(gains)))
    if interval is None:
        return {**told, "verdict": "undecided", "note": "too few outcomes"}
    low, high = interval
    verdict = "challenger better" if low > 0 else "champion better" if high < 0 else "undecided"
    return {**told, "low": _short(low), "high": _short(high), "verdict": verdict}


def _short(value: float) -> float:
    return float(f"{value:.5g}")
