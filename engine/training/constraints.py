"""What a candidate may take at most to be chosen: the one list of what the search can measure beside the metric."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.measures.fairness import by_group
from engine.measures.metrics import Predicted
from engine.training.dataset import Dataset

LATENCY_REPEATS = 15
RESAMPLES = 200  # of the interval of a gap between groups: asked of each candidate
MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Groups:
    """Whose figures are compared: the columns of [fairness], in which measure, from how many rows of a group on."""

    columns: tuple[str, ...]
    measure: str
    min_rows: int
    seed: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A candidate fitted on the last fold, the rows it is tested on and its answers for them.

    `tests` are the indices of every fold's test rows in `dataset`, `guesses` the answers for them.
    """

    features: Any
    estimator: Any
    test: Dataset = field(repr=False)
    dataset: Dataset = field(repr=False)
    tests: tuple[Any, ...] = field(repr=False)
    guesses: tuple[Predicted, ...] = field(repr=False)
    groups: Groups | None = None

    def answer(self, frame: Any) -> Any:
        """Return the answers for a frame: features, then the estimator."""
        table = frame if self.features is None else self.features.transform(frame)
        ask = self.estimator.predict_proba if hasattr(self.estimator, "predict_proba") else self.estimator.predict
        return ask(table)


def _latency_ms(candidate: Candidate) -> float:
    """Return the median milliseconds that one row takes, alone, from frame to answer."""
    row = candidate.test.frame.iloc[:1]
    taken = []
    for _ in range(LATENCY_REPEATS):
        begun = time.perf_counter()
        candidate.answer(row)
        taken.append(time.perf_counter() - begun)
    return sorted(taken)[LATENCY_REPEATS // 2] * 1000.0


def _size_mb(candidate: Candidate) -> float:
    """Return the MB (1024² bytes) of the candidate as it would be stored."""
    from engine.serving.artifact import dump

    return len(dump((candidate.features, candidate.estimator))) / MB


def _fairness_difference(candidate: Candidate) -> float | None:
    """Return the far end of the interval of how far groups are apart, the worst of the columns, over all folds' rows.

    None where no column has two groups of enough rows: nothing is known against the candidate.
    """
    groups = candidate.groups
    if groups is None:
        return None
    rows = np.concatenate(candidate.tests)
    truth, compared = candidate.dataset.truth[rows], candidate.dataset.compared
    guess = _together(candidate.guesses)
    ends = []
    for column in groups.columns:
        told = by_group(
            truth,
            guess,
            compared[column][rows],
            (groups.measure,),
            min_rows=groups.min_rows,
            seed=groups.seed,
            resamples=RESAMPLES,
        )
        gap = told["gaps"][groups.measure]["difference"]
        if gap is not None:
            ends.append(float(gap["high"]))
    return max(ends, default=None)


def _together(guesses: tuple[Predicted, ...]) -> Predicted:
    first = guesses[0]
    if first.values is not None:
        return Predicted(values=np.concatenate([one.values for one in guesses]))
    labels = np.concatenate([one.labels for one in guesses])
    return Predicted(labels=labels, scores=np.concatenate([one.scores for one in guesses]), classes=first.classes)


# name in [train.constraints] -> how it is measured; the setting is the most that is allowed
MEASURES: dict[str, Callable[[Candidate], float | None]] = {
    "latency_ms": _latency_ms,
    "size_mb": _size_mb,
    "fairness_difference": _fairness_difference,
}


def measured(limits: Mapping[str, float], candidate: Candidate) -> dict[str, float]:
    """Return what the stated constraints are about, by name; what cannot be told is absent."""
    found = {name: MEASURES[name](candidate) for name in limits}
    return {name: value for name, value in found.items() if value is not None}


def excess(limits: Mapping[str, float], found: Mapping[str, float]) -> dict[str, float]:
    """Return per constraint by what share of its limit a candidate is above it; up to 0, or unknown, keeps within."""
    return {name: found.get(name, 0.0) / limit - 1.0 for name, limit in limits.items()}


def beyond(limits: Mapping[str, float], found: Mapping[str, float]) -> str:
    """Say which limits a candidate is beyond; "" where it keeps within all."""
    over = excess(limits, found)
    return ", ".join(f"{name} {found[name]:.3g} (at most {limits[name]:g})" for name in limits if over[name] > 0)
