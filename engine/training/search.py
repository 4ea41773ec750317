"""Compares candidates on the same folds and lets Optuna look for better parameters until the time is up."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from engine.measures.metrics import Metric, Predicted, as_loss, measure, of_lists
from engine.training.dataset import Dataset
from engine.training.family import Family, Params
from engine.training.folds import Fold

THREADS = 1  # boosting's threads wait for each other by spinning: on a busy machine two are slower than one
MAX_TRIALS = 60
REFIT_MARGIN = 1.4


@dataclass(frozen=True, slots=True)
class Trial:
    """One candidate as it went. `folds` holds the metric per fold; `guess` the predictions of every test row."""

    number: int
    family: Family
    params: Params
    folds: tuple[float, ...]
    seconds: float
    fit_seconds: float  # of the last, largest fold
    guess: tuple[Predicted, ...] = field(default=(), repr=False)
    stopped: str = ""

    @property
    def mean(self) -> float:
        """Return the mean of the metric over folds."""
        return float(np.mean(self.folds)) if self.folds else float("nan")


class Recorder(Protocol):
    """Told of each trial as it begins and ends."""

    def begun(self, number: int, family: Family, params: Params) -> None:
        """A trial starts."""

    def ended(self, trial: Trial) -> None:
        """A trial has its figures, or was stopped."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that was tried; `best` is the winner by the mean over folds."""

    trials: tuple[Trial, ...]
    best: Trial
    refit_s: float
    metric: Metric

    def loss(self, trial: Trial) -> float:
        """Return what trials are compared by: smaller is better."""
        return _loss(trial, self.metric)


class _FoldTables:
    """The features of each fold, fitted once per family: trials of a family differ in the estimator only."""

    def __init__(self, dataset: Dataset, folds: list[Fold]) -> None:
        self._dataset = dataset
        self._folds = folds
        self._made: dict[str, list[tuple[Any, Any]]] = {}
        self.seconds: dict[str, float] = {}  # of the last, largest fold

    def of(self, family: Family) -> list[tuple[Any, Any]]:
        """Return (train, test) tables per fold."""
        if family.name not in self._made:
            made = []
            for fold in self._folds:
                begun = time.monotonic()
                made.append(self._table(family, fold))
                self.seconds[family.name] = time.monotonic() - begun
            self._made[family.name] = made
        return self._made[family.name]

    def _table(self, family: Family, fold: Fold) -> tuple[Any, Any]:
        features = family.features()
        train, test = self._dataset.frame.iloc[fold.train], self._dataset.frame.iloc[fold.test]
        if features is None:
            return train, test
        return features.fit_transform(train, self._dataset.truth[fold.train]), features.transform(test)


@contextmanager
def one_quiet_thread() -> Iterator[None]:
    """Hold native threads to one and say nothing of what fits say about converging."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=THREADS), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def compare(
    dataset: Dataset,
    folds: list[Fold],
    families: list[Family],
    metric: Metric,
    *,
    deadline: float,
    seed: int,
    recorder: Recorder,
    progress: Callable[[float, str], None],
) -> Comparison:
    """Try each family's defaults, then let Optuna draw until the best could no longer be refitted in time.

    `deadline` is a `time.monotonic()` by which everything, the refit included, must be over. Dummy and the first
    family after it are tried whatever the time, so that there is always something to compare.
    """
    tables = _FoldTables(dataset, folds)
    begun = time.monotonic()
    trials: list[Trial] = []
    whole = len(np.concatenate([folds[-1].train, folds[-1].test])) / max(len(folds[-1].train), 1)

    def refit_s() -> float:
        best = _best(trials, metric)
        return (best.fit_seconds + tables.seconds[best.family.name]) * whole * REFIT_MARGIN

    def run(family: Family, params: Params) -> Trial:
        number = len(trials)
        recorder.begun(number, family, params)
        limit = deadline - refit_s() if len(trials) > 1 else float("inf")
        trial = _run(number, family, params, dataset, folds, tables, metric, limit)
        recorder.ended(trial)
        if not trial.stopped:
            trials.append(trial)
        span = max(deadline - begun, 1e-6)
        best = _best(trials, metric)
        progress(
            min((time.monotonic() - begun) / span, 1.0),
            f"trial {number + 1}, {family.name}: best {metric.name} {best.mean:.4g} by {best.family.name}",
        )
        return trial

    for family in families:
        if len(trials) < 2 or time.monotonic() < deadline - refit_s():
            run(family, family.defaults)
    tunable = [family for family in families if family.space and any(one.family is family for one in trials)]
    if tunable:
        _draw(tunable, trials, metric, seed, run, lambda: deadline - refit_s())
    return Comparison(tuple(trials), _best(trials, metric), refit_s(), metric)


def _draw(
    tunable: list[Family],
    trials: list[Trial],
    metric: Metric,
    seed: int,
    run: Callable[..., Trial],
    limit: Callable[[], float],
) -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=6)
    study = optuna.create_study(sampler=sampler, direction="minimize")
    by_name = {family.name: family for family in tunable}

    def objective(ask: optuna.Trial) -> float:
        family = by_name[ask.suggest_categorical("family", sorted(by_name))]
        assert family.space is not None
        trial: Trial = run(family, family.space(ask))
        if trial.stopped:
            study.stop()
            raise optuna.TrialPruned
        return _loss(trial, metric)

    for _ in range(MAX_TRIALS):
        usual = float(np.median([one.seconds for one in trials if one.family.name in by_name]))
        if time.monotonic() + usual > limit():
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            study.optimize(objective, n_trials=1)
        if study.trials[-1].state == optuna.trial.TrialState.PRUNED:
            return


def _best(trials: list[Trial], metric: Metric) -> Trial:
    return min(trials, key=lambda trial: _loss(trial, metric))


def _loss(trial: Trial, metric: Metric) -> float:
    loss = as_loss(metric, trial.mean)
    return loss if np.isfinite(loss) else float("inf")


def _run(
    number: int,
    family: Family,
    params: Params,
    dataset: Dataset,
    folds: list[Fold],
    tables: _FoldTables,
    metric: Metric,
    limit: float,
) -> Trial:
    begun = time.monotonic()
    values: list[float] = []
    guesses: list[Predicted] = []
    fit_seconds, last_size = 0.0, 0
    stopped = ""
    with one_quiet_thread():
        for fold, (train, test) in zip(folds, tables.of(family), strict=True):
            started = time.monotonic()
            growth = len(fold.train) / max(last_size, 1)
            if started + fit_seconds * growth > limit:
                stopped = "the time budget was used up"
                break
            estimator = family.estimator(params)
            estimator.fit(train, dataset.truth[fold.train])
            guess = predict(estimator, test, dataset)
            seen = measure(metric.name, dataset.truth[fold.test], guess)
            values.append(float("nan") if seen.value is None else seen.value)
            guesses.append(guess)
            fit_seconds, last_size = time.monotonic() - started, len(fold.train)
    return Trial(number, family, params, tuple(values), time.monotonic() - begun, fit_seconds, tuple(guesses), stopped)


def predict(estimator: Any, table: Any, dataset: Dataset) -> Predicted:
    """Ask an estimator, its scores put in the order of the signature's classes (0 for a class it has not seen)."""
    if dataset.task == "ranking":
        return Predicted(items=of_lists(items for items, _ in estimator.predict(table)))
    if dataset.task == "regression":
        return Predicted(values=np.asarray(estimator.predict(table), dtype=np.float64))
    classes = dataset.signature.classes
    found = estimator.predict_proba(table)
    scores = np.zeros((found.shape[0], len(classes)))
    for place, name in enumerate(estimator.classes_):
        scores[:, classes.index(str(name))] = found[:, place]
    labels = np.array(classes, dtype=object)[scores.argmax(axis=1)]
    return Predicted(labels=labels, scores=scores, classes=classes)
