"""Why two versions answer the same rows otherwise: what each column contributed to the one answer and to the other.

Both are explained against the same background, rows of the traffic that they were compared on. So the contributions of
a row and the difference of the two bases add up to the difference of the answers, where both have one scale.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.measures.attribution import attribute
from engine.monitoring.columns import FEATURES
from engine.monitoring.predictions import read_versions
from engine.serving.contract import InputError
from engine.serving.frames import conform
from engine.serving.predict import PredictError
from engine.settings.apply import settings_of
from engine.training.apart import Lost, Overdue, Raised, apart
from engine.training.trial import one_quiet_thread
from engine.training.unread import hidden
from store import versions
from store.errors import ModeldeckError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.deck import Deck
    from engine.serving.predict import Predictor

BACKGROUND = 100  # of the rows compared
COLUMNS = 5  # told of each row
SECONDS = 30.0
SEED = 7


def frame_of(rows: pa.Table, predictor: Predictor) -> Any:
    """Return logged rows as the frame that a predictor reads.

    Raises:
        InputError: they do not fit its signature.
    """
    names = [column.name for column in predictor.signature.inputs]
    table = rows.select([FEATURES + name for name in names]).rename_columns(names)
    return conform(table.to_pandas(), predictor.signature)


def why_apart(
    rows: pa.Table, places: Sequence[int], champion: Predictor, challenger: Predictor
) -> list[dict[str, Any]]:
    """Return per place in `rows` (logged, of both): `{"scale", "base", "columns"}`.

    `scale` and `base` are `{"champion", "challenger"}`; `columns` `{"column", "champion", "challenger"}`, what each
    contributed, first where the two are furthest apart. Of classes the last one's score is explained. No input value is
    told.
    """
    some = np.sort(np.random.default_rng(SEED).permutation(len(rows))[:BACKGROUND])
    told = {}
    for name, predictor in (("champion", champion), ("challenger", challenger)):
        classes = predictor.signature.classes
        frame, background = (frame_of(rows.take(pa.array(each)), predictor) for each in (list(places), some))
        told[name] = attribute(predictor.model, frame, background, place=len(classes) - 1 if classes else None)
    first, second = told["champion"], told["challenger"]
    columns = list(dict.fromkeys((*first.columns, *second.columns)))
    found = []
    for at in range(len(places)):
        sides = [dict(zip(one.columns, one.contributions[at].tolist(), strict=True)) for one in (first, second)]
        listed: list[dict[str, Any]] = [
            {"column": name, "champion": _short(sides[0].get(name, 0.0)), "challenger": _short(sides[1].get(name, 0.0))}
            for name in columns
        ]
        listed.sort(key=lambda one: -abs(one["challenger"] - one["champion"]))
        found.append(
            {
                "scale": {"champion": first.scale, "challenger": second.scale},
                "base": {"champion": _short(first.base), "challenger": _short(second.base)},
                "columns": listed[:COLUMNS],
            }
        )
    return found


def explained(
    deck: Deck, model: str, pair: tuple[int, int], largest: list[dict[str, Any]], since_us: int
) -> list[dict[str, Any]]:
    """Return differences that live answers showed, each with its `why`, or with a `note` that says why there is none.

    `pair` is champion and challenger by number, `largest` has the `prediction_id` of each. In a process of its own, for
    half a minute at most: a release does not wait longer, and holds no model itself.
    """
    if not largest:
        return largest
    try:
        return apart(lambda: _explained(deck, model, pair, largest, since_us), time.monotonic() + SECONDS)
    except (Lost, Overdue, Raised) as error:
        note = f"not explained: {error or 'the time was up'}"
    return [{**one, "note": note} for one in largest]


def _explained(
    deck: Deck, model: str, pair: tuple[int, int], largest: list[dict[str, Any]], since_us: int
) -> list[dict[str, Any]]:
    from engine.model_io.load import load_version

    try:
        rows = read_versions(deck, model, from_us=since_us).get(
            pair[0], pa.table({"key_id": pa.array([], pa.string())})
        )
        rows = rows.filter(pc.equal(rows["status"], 200)) if len(rows) else rows
        place = {id: at for at, id in enumerate(rows["prediction_id"].to_pylist())} if len(rows) else {}
        known = [one for one in largest if one["prediction_id"] in place]
        first, second = (versions.version(deck.database, model, number) for number in pair)
        both = load_version(deck, first), load_version(deck, second)
        if tokens := hidden(rows, settings_of(deck, first.settings_revision).models[model].data.personal, *both):
            note = f"not explained: of {', '.join(tokens)} the log keeps only tokens"
            return [{**one, "note": note} for one in largest]
        with one_quiet_thread():
            reasons = why_apart(rows, [place[one["prediction_id"]] for one in known], *both) if known else []
    except (ModeldeckError, PredictError, InputError, KeyError) as error:
        return [{**one, "note": f"not explained: {' '.join(str(error).split())}"} for one in largest]
    told = {one["prediction_id"]: why for one, why in zip(known, reasons, strict=True)}
    return [
        {**one, "why": told[one["prediction_id"]]}
        if one["prediction_id"] in told
        else {**one, "note": "no longer logged"}
        for one in largest
    ]


def _short(value: float) -> float:
    return float(f"{value:.5g}")
