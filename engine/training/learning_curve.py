"""What more rows were worth: the chosen candidate on fewer of them, measured on the same holdout."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from engine.measures.intervals import evaluate
from engine.measures.metrics import Metric, Predicted
from engine.training.apart import Lost, Overdue, Raised, apart
from engine.training.dataset import Dataset
from engine.training.folds import Split

SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2)
LEAST_ROWS = 20
SPENT_SHARE, SPENT_S = 0.05, 0.5  # of what the training took so far, and this: the curve costs no more


def learning_curve(
    dataset: Dataset,
    split: Split,
    metric: Metric,
    answers: Callable[[Any], Predicted],
    whole: dict[str, Any],
    *,
    seconds: float,
    fit_s: float,
    seed: int,
) -> list[dict[str, Any]] | None:
    """Return `{"rows", "value", "low", "high"}` per amount of rows, the fewest first; the last are all of them.

    Of the rows fitted on the newest are taken, without times some drawn with `seed`. `answers(rows)` fits the candidate
    on some and answers the holdout; `whole` is what all rows came to and `fit_s` the seconds of that fit. Amounts that
    would not be fitted within `seconds`, or lack a class, are left out; None where none is left.
    """
    until = time.monotonic() + seconds
    rows, holdout = split.train, split.holdout
    if dataset.times is None:
        rows = np.random.default_rng(seed).permutation(rows)
    found: list[dict[str, Any]] = []
    for share in SHARES:
        some = np.sort(rows[len(rows) - round(share * len(rows)) :])
        if len(some) < LEAST_ROWS or set(dataset.signature.classes) - set(np.unique(dataset.truth[some]).tolist()):
            continue
        if time.monotonic() + share * fit_s > until:
            break
        try:
            guess = apart(lambda some=some: answers(some), until)  # type: ignore[misc]
        except (Overdue, Lost, Raised):
            break
        seen = evaluate([metric.name], dataset.truth[holdout], guess, seed=seed)[metric.name]
        found.append(_point(len(some), seen))
    return [*found, _point(len(rows), whole)] if found else None


def _point(rows: int, seen: dict[str, Any]) -> dict[str, Any]:
    return {"rows": rows, **{name: seen.get(name) for name in ("value", "low", "high")}}
