"""What more rows were worth: the chosen candidate on fewer of them, measured on the same holdout."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from engine.measures.intervals import evaluate
from engine.measures.metrics import Metric, predicted
from engine.serving.outputs import RecordCoder
from engine.serving.predict import Predictor
from engine.training.apart import Child, Lost, Overdue, Raised
from engine.training.dataset import Dataset
from engine.training.family import sole
from engine.training.fitting import fit
from engine.training.folds import Split
from engine.training.search import load_libraries
from engine.training.trial import one_quiet_thread

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from engine.training.family import Family, Params

CURVED = frozenset({"classification", "regression"})  # tasks whose rows stand for themselves
SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2)
LEAST_ROWS = 20
SPENT_SHARE, SPENT_S = 0.05, 0.5  # of what the training took until it is waited for, and this: it costs no more


class LearningCurve:
    """Fits a candidate on ever more rows, in a process beside the training and behind it, until it is left.

    Of the rows fitted on the newest are taken, without times some drawn with `seed`. `said(family, params, rows)` fits
    a candidate on some and returns what it says of the holdout. Amounts that lack a class are left out.
    """

    def __init__(
        self,
        dataset: Dataset,
        split: Split,
        seed: int,
        memory_mb: int | None = None,
        said: Callable[[Family, Params, Any], list[Any]] | None = None,
    ) -> None:
        self._dataset, self._split, self._seed, self._memory_mb = dataset, split, seed, memory_mb
        self._said = said or self._fitted
        self._amounts = self._amounts_of(split.train) if dataset.task in CURVED else []
        self._of: tuple[str, Params] | None = None
        self._child: Child | None = None

    def _amounts_of(self, rows: Any) -> list[tuple[float, Any]]:
        if self._dataset.times is None:
            rows = np.random.default_rng(self._seed).permutation(rows)
        classes, truth = set(self._dataset.signature.classes), self._dataset.truth
        amounts = [(share, np.sort(rows[len(rows) - round(share * len(rows)) :])) for share in SHARES]
        return [
            (share, some)
            for share, some in amounts
            if len(some) >= LEAST_ROWS and not classes - set(np.unique(truth[some]).tolist())
        ]

    def foresee(self, candidates: Sequence[Family]) -> None:
        """Begin before the search is over where one candidate alone competes with the Dummy, the first of them."""
        if (family := sole(candidates)) is not None:
            load_libraries(candidates, self._dataset)
            self.begin(family, family.defaults)

    def begin(self, family: Family, params: Params) -> None:
        """Fit this candidate from now on; one that is being fitted already goes on, another is ended."""
        if self._of == (family.name, params) or not self._amounts:
            return
        self._end()
        self._of = (family.name, dict(params))
        self._child = Child(lambda connection: self._serve(connection, family, params), self._memory_mb, yields=True)

    def _serve(self, connection: Connection, family: Family, params: Params) -> None:
        done: SimpleQueue[tuple[list[Any], float] | None] = SimpleQueue()

        def send() -> None:
            while (one := done.get()) is not None:
                connection.send(("done", one))

        sender = Thread(target=send)  # a pipe that is full until it is read does not keep the next fit waiting
        sender.start()
        try:
            with one_quiet_thread():
                for _, some in self._amounts:
                    done.put((self._said(family, params, some), time.monotonic()))
        finally:
            done.put(None)
            sender.join()

    def _fitted(self, family: Family, params: Params, rows: Any) -> list[Any]:
        dataset = self._dataset
        model = fit(dataset, rows, family, params)
        holdout = dataset.take(self._split.holdout)
        return Predictor.from_parts(model, dataset.signature, dataset.task).said(holdout.frame)

    def points(
        self, metric: Metric, decided: Mapping[str, Any], whole: dict[str, Any], until: float, fit_s: float
    ) -> list[dict[str, Any]] | None:
        """Return `{"rows", "value", "low", "high"}` per amount of rows, the fewest first; the last are all of them.

        `decided` is what labels and intervals are made by, `whole` what all rows came to, in `fit_s` seconds. An amount
        is waited for until `until`, of `time.monotonic()`; not one that would hardly be fitted by then. None where no
        amount was fitted.
        """
        found: list[dict[str, Any]] = []
        signature, truth = self._dataset.signature, self._dataset.truth[self._split.holdout]
        begun = float("-inf")
        for share, some in self._amounts if self._child is not None else ():
            said = self._receive(until, begun + share * fit_s)
            if said is None:
                break
            answers, begun = said
            guess = predicted(RecordCoder(signature, decided).code(answers), signature.classes)
            found.append(_point(len(some), evaluate([metric.name], truth, guess, seed=self._seed)[metric.name]))
        return [*found, _point(len(self._split.train), whole)] if found else None

    def _receive(self, until: float, expected: float) -> tuple[list[Any], float] | None:
        assert self._child is not None
        if expected > until and not self._child.connection.poll():
            return None
        try:
            said: tuple[list[Any], float] = self._child.receive(until)
        except (Overdue, Lost, Raised):
            return None
        return said

    def _end(self) -> None:
        if self._child is not None:
            self._child.end()
        self._child = self._of = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._end()


def _point(rows: int, seen: dict[str, Any]) -> dict[str, Any]:
    return {"rows": rows, **{name: seen.get(name) for name in ("value", "low", "high")}}
