"""One candidate on the folds: the process that fits it, what it measures, and how it ended."""

from __future__ import annotations

import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.measures.metrics import Metric, Predicted, measure, of_lists
from engine.training.constraints import Candidate, Groups, measured
from engine.training.dataset import Dataset, Kinds
from engine.training.family import Family, Params
from engine.training.folds import Fold
from engine.training.recency import passed_to

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from threadpoolctl import ThreadpoolController

THREADS = 1  # boosting's threads wait for each other by spinning: on a busy machine two are slower than one


def mean(folds: Sequence[float]) -> float:
    """Return the mean over folds. numpy would take ten times as long over so few, and a trial asks several times."""
    return sum(folds) / len(folds)


@dataclass(frozen=True, slots=True)
class Trial:
    """One candidate as it went. `folds` holds the metric per fold; `guess` the predictions of every test row.

    `state` is finished, pruned (worse than others after some folds), cut (the time was up) or failed; `reason` says
    why it did not finish. `measured` holds what constraints ask for.
    """

    number: int
    family: Family
    params: Params
    folds: tuple[float, ...]
    seconds: float
    fit_seconds: float  # of the last, largest fold, its features included
    guess: tuple[Predicted, ...] = field(default=(), repr=False)
    state: str = "finished"
    reason: str = ""
    measured: dict[str, float] = field(default_factory=dict)

    @property
    def mean(self) -> float:
        """Return the mean of the metric over folds."""
        return mean(self.folds) if self.folds else float("nan")


@dataclass(frozen=True, slots=True)
class Bench:
    """What every trial of a search is fitted on and measured by; `code` is the folder of the workspace's own code."""

    dataset: Dataset
    folds: list[Fold]
    families: list[Family]
    metric: Metric
    constraints: dict[str, float]
    code: Path | None = None
    groups: Groups | None = None
    kinds: tuple[Kinds, ...] = ()  # of each fold, where columns were selected in it

    def kinds_of(self, place: int) -> Kinds:
        """Return the columns that features of a fold read."""
        return self.kinds[place] if self.kinds else self.dataset.kinds


class _Held(threading.local):
    """How many modules were loaded when this thread last held others: what is imported later may bring threads."""

    modules = 0


_held = _Held()


@lru_cache(maxsize=1)
def _pools(_modules: int) -> ThreadpoolController:
    """Return a process's thread pools, which a fork of it has too, for as long as so many modules are loaded."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def one_quiet_thread() -> Iterator[None]:
    """Hold native threads to one and say nothing of what fits say about converging.

    Within such a block another costs nothing: finding a process's thread pools takes as long as a small fit.
    """
    if _held.modules == len(sys.modules):
        yield
        return
    before = _held.modules
    import threadpoolctl  # noqa: F401 (it is counted)

    with _pools(len(sys.modules)).limit(limits=THREADS), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _held.modules = len(sys.modules)
        try:
            yield
        finally:
            _held.modules = before


class FoldTables:
    """The features of each fold, fitted once per family: trials of a family differ in the estimator only."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._made: dict[tuple[str, int], tuple[Any, Any, Any, float]] = {}

    def of(self, family: Family, place: int) -> tuple[Any, Any, Any, float]:
        """Return (fitted features, train table, test table, seconds that they took) of a fold."""
        key = (family.name, place)
        if key not in self._made:
            begun = time.monotonic()
            dataset, fold = self._bench.dataset, self._bench.folds[place]
            features = family.features(self._bench.kinds_of(place))
            train, test = dataset.frame.iloc[fold.train], dataset.frame.iloc[fold.test]
            if features is not None:
                train, test = features.fit_transform(train, dataset.truth[fold.train]), features.transform(test)
            self._made[key] = (features, train, test, time.monotonic() - begun)
        return self._made[key]


def fit_folds(
    bench: Bench,
    tables: FoldTables,
    family: Family,
    params: Params,
    goes_on: Callable[[int, float, float], bool] = lambda _place, _value, _seconds: True,
) -> dict[str, Any]:
    """Fit a candidate on each fold and measure it; `goes_on(fold, value, seconds)` is asked between two folds.

    Raises:
        ValueError: its answers are not finite numbers, or not as many as rows.
    """
    values: list[float] = []
    guesses: list[Predicted] = []
    last_s = 0.0
    dataset = bench.dataset
    estimator = test = features = None
    for place, fold in enumerate(bench.folds):
        features, train, test, features_s = tables.of(family, place)
        started = time.monotonic()
        estimator = family.estimator(params)
        estimator.fit(train, dataset.truth[fold.train], **passed_to(estimator, dataset.weights, fold.train))
        guess = predict(estimator, test, dataset)
        seen = measure(bench.metric.name, dataset.truth[fold.test], guess)
        values.append(float("nan") if seen.value is None else seen.value)
        guesses.append(guess)
        last_s = time.monotonic() - started + features_s
        if place + 1 < len(bench.folds) and not goes_on(place, values[-1], last_s):
            return {"folds": values, "fit_seconds": last_s, "guess": guesses, "measured": {}}
    found: dict[str, float] = {}
    if bench.constraints:
        tests = tuple(fold.test for fold in bench.folds)
        candidate = Candidate(
            features, estimator, dataset.take(tests[-1]), dataset, tests, tuple(guesses), bench.groups
        )
        found = measured(bench.constraints, candidate)
    return {"folds": values, "fit_seconds": last_s, "guess": guesses, "measured": found}


def serve_trials(bench: Bench) -> Callable[[Connection], None]:
    """Return what a worker's process runs: a candidate per request, its folds reported as they are done."""

    def serve(connection: Connection) -> None:
        tables = FoldTables(bench)

        def goes_on(place: int, value: float, seconds: float) -> bool:
            connection.send(("fold", ("fold", place, value, seconds)))
            return bool(connection.recv())

        with one_quiet_thread():
            while (asked := connection.recv()) is not None:
                place, params = asked
                connection.send(("done", ("done", fit_folds(bench, tables, bench.families[place], params, goes_on))))

    return serve


def predict(estimator: Any, table: Any, dataset: Dataset) -> Predicted:
    """Ask an estimator, its scores put in the order of the signature's classes (0 for a class it has not seen).

    Raises:
        ValueError: its answers are not finite numbers, or not as many as rows.
    """
    if dataset.task == "ranking":
        return Predicted(items=of_lists(items for items, _ in estimator.predict(table)))
    if dataset.task in ("regression", "forecasting"):
        values = np.asarray(estimator.predict(table), dtype=np.float64)
        _check_answers(values, table)
        return Predicted(values=values)
    classes = dataset.signature.classes
    found = estimator.predict_proba(table)
    _check_answers(found, table)
    scores = np.zeros((found.shape[0], len(classes)))
    for place, name in enumerate(estimator.classes_):
        scores[:, classes.index(str(name))] = found[:, place]
    labels = np.array(classes, dtype=object)[scores.argmax(axis=1)]
    return Predicted(labels=labels, scores=scores, classes=classes)


def _check_answers(found: Any, table: Any) -> None:
    rows = table.shape[0]
    if len(found) != rows:
        raise ValueError(f"it gave {len(found)} answers for {rows} rows")
    wrong = int((~np.isfinite(found)).reshape(rows, -1).any(axis=1).sum())
    if wrong:
        raise ValueError(f"{wrong} of its {rows} answers are not finite numbers")
