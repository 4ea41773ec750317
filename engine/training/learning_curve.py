"""What more rows were worth: the chosen candidate on fewer of them, measured on the same holdout."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from engine.measures.intervals import evaluate
from engine.measures.metrics import Metric, Predicted
from engine.training.apart import Child, Lost, Overdue, Raised
from engine.training.dataset import Dataset
from engine.training.folds import Split

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2)
LEAST_ROWS = 20
SPENT_SHARE, SPENT_S = 0.05, 0.5  # of what the training took so far, and this: the curve costs no more


class LearningCurve:
    """Fits the candidate on ever more rows, in a process beside this one, from when it is entered until it is left.

    Of the rows fitted on the newest are taken, without times some drawn with `seed`. `answers(rows)` fits the candidate
    on some and answers the holdout; `fit_s` are the seconds of a fit on all rows. Amounts that would not be fitted
    within `seconds`, or lack a class, are left out.
    """

    def __init__(
        self,
        dataset: Dataset,
        split: Split,
        answers: Callable[[Any], Predicted],
        seconds: float,
        fit_s: float,
        seed: int,
    ) -> None:
        self._truth, self._split, self._answers, self._fit_s = dataset.truth, split, answers, fit_s
        self._seed = seed
        self._until = time.monotonic() + seconds
        rows = split.train
        if dataset.times is None:
            rows = np.random.default_rng(seed).permutation(rows)
        classes = set(dataset.signature.classes)
        amounts = [(share, np.sort(rows[len(rows) - round(share * len(rows)) :])) for share in SHARES]
        self._amounts = [
            (share, some)
            for share, some in amounts
            if len(some) >= LEAST_ROWS and not classes - set(np.unique(self._truth[some]).tolist())
        ]
        self._child: Child | None = None

    def __enter__(self) -> Self:
        if self._amounts and time.monotonic() + self._amounts[0][0] * self._fit_s <= self._until:
            self._child = Child(self._serve)
        return self

    def _serve(self, connection: Connection) -> None:
        for share, some in self._amounts:
            if time.monotonic() + share * self._fit_s > self._until:
                break
            connection.send(("done", self._answers(some)))
        connection.send(("done", None))

    def points(self, metric: Metric, whole: dict[str, Any]) -> list[dict[str, Any]] | None:
        """Return `{"rows", "value", "low", "high"}` per amount of rows, the fewest first; the last are all of them.

        `whole` is what all rows came to. None where no amount was fitted.
        """
        found: list[dict[str, Any]] = []
        for _, some in self._amounts if self._child is not None else ():
            try:
                guess = self._child.receive(self._until)  # type: ignore[union-attr]
            except (Overdue, Lost, Raised):
                break
            if guess is None:
                break
            seen = evaluate([metric.name], self._truth[self._split.holdout], guess, seed=self._seed)[metric.name]
            found.append(_point(len(some), seen))
        return [*found, _point(len(self._split.train), whole)] if found else None

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._child is not None:
            self._child.end()


def _point(rows: int, seen: dict[str, Any]) -> dict[str, Any]:
    return {"rows": rows, **{name: seen.get(name) for name in ("value", "low", "high")}}
