"""What a candidate may take at most to be chosen: the one list of what the search can measure beside the metric."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.measures.metrics import Metric, Predicted
from engine.training.dataset import Dataset

LATENCY_REPEATS = 15
MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Candidate:
    """A candidate fitted on the last fold, the rows it is tested on and its answers for them."""

    features: Any
    estimator: Any
    test: Dataset = field(repr=False)
    guess: Predicted = field(repr=False)
    metric: Metric

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


# name in [train.constraints] -> how it is measured; the setting is the most that is allowed
MEASURES: dict[str, Callable[[Candidate], float]] = {
    "latency_ms": _latency_ms,
    "size_mb": _size_mb,
}


def measured(limits: Mapping[str, float], candidate: Candidate) -> dict[str, float]:
    """Return what the stated constraints are about, by name."""
    return {name: float(MEASURES[name](candidate)) for name in limits}


def excess(limits: Mapping[str, float], found: Mapping[str, float]) -> dict[str, float]:
    """Return per constraint by what share of its limit a candidate is above it; 0 and below keeps within."""
    return {name: found.get(name, 0.0) / limit - 1.0 for name, limit in limits.items()}


def beyond(limits: Mapping[str, float], found: Mapping[str, float]) -> str:
    """Say which limits a candidate is beyond; "" where it keeps within all."""
    over = excess(limits, found)
    return ", ".join(f"{name} {found[name]:.3g} (at most {limits[name]:g})" for name in limits if over[name] > 0)
