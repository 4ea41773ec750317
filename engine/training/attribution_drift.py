"""Where two versions attribute the same rows otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.measures.attribution import Attribution
from engine.serving.contract import InputError
from engine.serving.frames import conform
from engine.training.explanation import SAMPLE, contributions, told_of
from engine.training.subject import SEED, Subject, subject_of
from store import snapshots
from store.errors import Refused

if TYPE_CHECKING:
    import pyarrow as pa

    from engine.deck import Deck
    from store.rows import Version

DRAWS = 400


def drift(deck: Deck, first: Version, second: Version) -> dict[str, Any]:
    """Tell where two versions attribute the same rows otherwise, the largest change of share first.

    Rows and background are those of the version with the later snapshot, where that holds what both read. A share is a
    column's part of all mean sizes;
    the interval of its change is a bootstrap over rows, at a level divided by the number of columns.

    Raises:
        Refused: no snapshot holds what both read.
    """
    read = [subject_of(deck, version) for version in (first, second)]
    inputs = {column.name for one in read for column in one.predictor.signature.inputs}
    whole = [one for one in read if inputs <= set(one.ahead.column_names)]
    if not whole:
        raise Refused(
            f"neither snapshot holds every column that both versions read ({', '.join(sorted(inputs))})",
            "compare versions that were trained on the same columns",
        )
    owner = max(whole, key=lambda one: _reach(deck, one.version))
    answers = {}
    for subject in read:
        mine = replace(subject, background=_fitting(owner.behind, subject))
        matrix, found = contributions(mine, _fitting(owner.ahead.slice(0, SAMPLE), subject))
        answers[subject.version.number] = (matrix, found)
    (before, told), (after, later) = answers[first.number], answers[second.number]
    columns = list(dict.fromkeys((*told.columns, *later.columns)))
    sizes = [np.abs(_arranged(matrix, one, columns)) for matrix, one in ((before, told), (after, later))]
    return {
        **told_of(owner, told),
        "base": None,
        "rows": len(before),
        "drift": _changes(columns, sizes[0], sizes[1]),
    }


def _reach(deck: Deck, version: Version) -> tuple[int, int]:
    return snapshots.snapshot(deck.database, version.snapshot_id).to_at or 0, version.number


def _fitting(rows: pa.Table, subject: Subject) -> Any:
    try:
        return conform(rows.to_pandas(), subject.predictor.signature)
    except InputError as error:
        raise Refused(
            f"the rows do not fit {subject.version.model}@{subject.version.number}: {error.message}"
        ) from error


def _arranged(matrix: Any, found: Attribution, columns: list[str]) -> Any:
    made = np.zeros((len(matrix), len(columns)))
    for place, name in enumerate(found.columns):
        made[:, columns.index(name)] = matrix[:, place]
    return made


def _changes(columns: list[str], before: Any, after: Any) -> list[dict[str, Any]]:
    def shares(sizes: Any) -> Any:
        means = sizes.mean(axis=0)
        return means / means.sum() if means.sum() > 0 else means

    draw = np.random.default_rng(SEED)
    drawn = []
    for _ in range(DRAWS):
        rows = draw.integers(0, len(before), len(before))
        drawn.append(shares(after[rows]) - shares(before[rows]))
    tail = 0.025 / len(columns)
    low, high = np.quantile(np.array(drawn), [tail, 1 - tail], axis=0)
    first, second = shares(before), shares(after)
    listed = [
        {
            "name": name,
            "before": float(first[place]),
            "after": float(second[place]),
            "change": float(second[place] - first[place]),
            "low": float(low[place]),
            "high": float(high[place]),
        }
        for place, name in enumerate(columns)
    ]
    return sorted(listed, key=lambda one: -abs(one["change"]))
