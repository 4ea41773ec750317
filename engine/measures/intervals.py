"""How sure a figure is: bootstrap intervals for any metric, Wilson's for a share. Seeded, so that they repeat."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.measures.metrics import Measured, Predicted, as_loss, find, measure

RESAMPLES = 200
LEVEL = 0.95
MAX_CELLS = 4_000_000  # resamples of metrics that need every row are cut down to this many row draws


def wilson(hits: int, of: int, level: float = LEVEL) -> tuple[float, float]:
    """Return the Wilson interval of a share; (0, 1) without any trial."""
    if of <= 0:
        return 0.0, 1.0
    z = _z(level)
    share = hits / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return max(0.0, middle - half), min(1.0, middle + half)


def _z(level: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(0.5 + level / 2)


def bootstrap(
    name: str, truth: Any, guess: Predicted, *, seed: int = 7, resamples: int = RESAMPLES, level: float = LEVEL
) -> dict[str, Any]:
    """Return a metric with its percentile bootstrap interval over rows.

    `{"value", "low", "high", "n", "note"}`; value, low and high are None where the metric is not defined.
    """
    return evaluate([name], truth, guess, seed=seed, resamples=resamples, level=level)[name]


def quick(name: str, truth: Any, guess: Predicted, level: float = LEVEL) -> dict[str, Any]:
    """Return a metric with an interval as `bootstrap` does, of a mean over rows by the normal approximation: one pass,
    for figures of which there are many."""
    metric = find(name)
    if metric.per_row is None or len(truth) < 2:
        return bootstrap(name, truth, guess, level=level)
    seen = measure(name, truth, guess)
    found: dict[str, Any] = {"value": seen.value, "low": None, "high": None, "n": len(truth), "note": seen.note}
    if seen.value is not None:
        half = _z(level) * float(np.std(metric.per_row(truth, guess), ddof=1)) / math.sqrt(len(truth))
        found["low"], found["high"] = seen.value - half, seen.value + half
    return found


def paired(
    name: str,
    truth: Any,
    guess: Predicted,
    other: Predicted,
    *,
    seed: int = 7,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> dict[str, Any]:
    """Return how much smaller the loss of `guess` is than that of `other`, with its percentile bootstrap interval.

    The same rows are drawn for both (a paired bootstrap: Efron and Tibshirani, An Introduction to the Bootstrap, 1993),
    so that what is hard for both cancels out. `{"metric", "value", "low", "high", "n", "note"}`, above 0 where `guess`
    is better; value, low and high are None where the metric is not defined.
    """
    metric = find(name)
    mine, theirs = measure(name, truth, guess), measure(name, truth, other)
    found: dict[str, Any] = {"metric": name, "value": None, "low": None, "high": None, "n": len(truth)}
    found["note"] = mine.note or theirs.note
    if mine.value is None or theirs.value is None:
        return found
    found["value"] = as_loss(metric, theirs.value) - as_loss(metric, mine.value)
    draw = np.random.default_rng(seed)
    gains: list[float] = []
    if metric.per_row is not None:
        sign = 1.0 if metric.greater_is_better else -1.0
        per_row = sign * (metric.per_row(truth, guess) - metric.per_row(truth, other))
        gains = [float(per_row[draw.integers(0, len(truth), len(truth))].mean()) for _ in range(resamples)]
    else:
        for _ in range(max(40, min(resamples, MAX_CELLS // max(len(truth), 1)))):
            rows = draw.integers(0, len(truth), len(truth))
            first, second = (measure(name, truth[rows], each.take(rows)).value for each in (guess, other))
            if first is not None and second is not None:
                gains.append(as_loss(metric, second) - as_loss(metric, first))
    if len(gains) >= 20 and len(truth) >= 2:
        tail = (1 - level) / 2
        low, high = np.quantile(gains, [tail, 1 - tail])
        found["low"], found["high"] = float(low), float(high)
    return found


def evaluate(
    task_metrics: Sequence[str],
    truth: Any,
    guess: Predicted,
    *,
    seed: int = 7,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> dict[str, dict[str, Any]]:
    """Return every named metric as `bootstrap` does, all over the same draws of rows."""
    found: dict[str, dict[str, Any]] = {}
    for name in task_metrics:
        seen = measure(name, truth, guess)
        found[name] = {"value": seen.value, "low": None, "high": None, "n": len(truth), "note": seen.note}
    defined = [name for name, one in found.items() if one["value"] is not None]
    if not defined or len(truth) < 2:
        return found
    tail = (1 - level) / 2
    for name, drawn in _resampled(defined, truth, guess, seed, resamples).items():
        values = [value for value in drawn if value is not None]
        if len(values) >= resamples // 2:
            low, high = np.quantile(values, [tail, 1 - tail])
            found[name]["low"], found[name]["high"] = float(low), float(high)
    return found


def _resampled(
    names: Sequence[str], truth: Any, guess: Predicted, seed: int, resamples: int
) -> dict[str, Sequence[float | None]]:
    """Return what each metric is on every draw of rows; one that needs all rows of a draw at once sees fewer draws."""
    draw = np.random.default_rng(seed)
    count = len(truth)
    per_row = {name: each(truth, guess) for name in names if (each := find(name).per_row) is not None}
    whole = [name for name in names if name not in per_row]
    fewer = max(40, min(resamples, MAX_CELLS // count)) if whole else 0
    found: dict[str, list[float | None]] = {name: [] for name in names}
    for number in range(max(resamples if per_row else 0, fewer)):
        rows = draw.integers(0, count, count)
        if number < resamples:
            for name, each in per_row.items():
                found[name].append(float(each[rows].mean()))
        if number < fewer:
            truths, guesses = truth[rows], guess.take(rows)
            for name in whole:
                found[name].append(measure(name, truths, guesses).value)
    return {
        name: found[name] * (resamples // fewer) if name in whole and fewer < resamples else found[name]
        for name in names
    }


def ratio_of_losses(name: str, new: Measured, old: Measured) -> float | None:
    """Return new loss over old loss, below 1 where new is better; None where either is not defined.

    A metric of which more is better is compared by its distance from 1, the best it can be.
    """
    if new.value is None or old.value is None:
        return None
    metric = find(name)
    first, second = as_loss(metric, new.value), as_loss(metric, old.value)
    if metric.greater_is_better:
        first, second = 1.0 + first, 1.0 + second
    if second == 0.0:
        return 1.0 if first == 0.0 else math.inf
    return first / second
