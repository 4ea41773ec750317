"""How sure a figure is: bootstrap intervals for any metric, Wilson's for a share. Seeded, so that they repeat."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from engine.measures.metrics import Measured, Metric, Predicted, as_loss, find, measure

RESAMPLES = 200
LEVEL = 0.95
MAX_CELLS = 4_000_000  # resamples of metrics that need every row are cut down to this many row draws
CELLS_AT_ONCE = 250_000  # row draws that are looked at together: what is made of them stays near the processor
CELLS_KEPT = 1_000_000  # and so many are kept, 8 MB: the figures of one holdout are all over the same draws


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
    gains: list[float] = []
    if metric.per_row is not None:
        sign = 1.0 if metric.greater_is_better else -1.0
        per_row = sign * (metric.per_row(truth, guess) - metric.per_row(truth, other))
        for draws in _draws(len(truth), seed, resamples):
            gains += per_row[draws].mean(axis=1).tolist()
    else:
        fewer = max(40, min(resamples, MAX_CELLS // max(len(truth), 1)))
        pairs = (
            _measured_drawn(metric, truth, each, draws)
            for draws in _draws(len(truth), seed, fewer)
            for each in (guess, other)
        )
        for first, second in zip(pairs, pairs, strict=True):
            both = [(one, two) for one, two in zip(first, second, strict=True) if one is not None and two is not None]
            gains += [as_loss(metric, two) - as_loss(metric, one) for one, two in both]
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
    count = len(truth)
    per_row = {name: each(truth, guess) for name in names if (each := find(name).per_row) is not None}
    whole = [find(name) for name in names if name not in per_row]
    fewer = max(40, min(resamples, MAX_CELLS // count)) if whole else 0
    found: dict[str, list[float | None]] = {name: [] for name in names}
    before = 0
    for draws in _draws(count, seed, max(resamples if per_row else 0, fewer)):
        for name, each in per_row.items():
            found[name] += each[draws[: max(0, resamples - before)]].mean(axis=1).tolist()
        for metric in whole:
            found[metric.name] += _measured_drawn(metric, truth, guess, draws[: max(0, fewer - before)])
        before += len(draws)
    return {
        name: found[name] * (resamples // fewer) if name not in per_row and fewer < resamples else found[name]
        for name in names
    }


def _measured_drawn(metric: Metric, truth: Any, guess: Predicted, draws: Any) -> list[float | None]:
    """Return what a metric is on each draw of rows, (k, n) indices; None where it is not defined."""
    if metric.drawn is None:
        return [measure(metric.name, truth[rows], guess.take(rows)).value for rows in draws]
    return [value if math.isfinite(value) else None for value in metric.drawn(truth, guess, draws).tolist()]


def _draws(count: int, seed: int, times: int) -> Iterator[Any]:
    """Yield so many draws of `count` rows with replacement in all, some at a time as (some, count) indices."""
    size = max(1, CELLS_AT_ONCE // max(count, 1))
    kept = _kept_draws(count, seed, times) if count * times <= CELLS_KEPT else None
    draw = np.random.default_rng(seed)
    for start in range(0, times, size):
        some = min(size, times - start)
        yield draw.integers(0, count, (some, count)) if kept is None else kept[start : start + some]


@lru_cache(maxsize=1)
def _kept_draws(count: int, seed: int, times: int) -> Any:
    rows = np.random.default_rng(seed).integers(0, count, (times, count))
    rows.flags.writeable = False
    return rows


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
