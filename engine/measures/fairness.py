"""A model's figures group by group, with intervals, and how far apart the groups are. numpy only.

A group of too few rows is shown and marked, and never judged. How far the groups are apart is the largest difference
and the smallest ratio over all pairs of judged groups, as Fairlearn's MetricFrame has it `between_groups`; their
intervals hold for all pairs at once (normal bootstrap intervals, Efron and Tibshirani 1993, chapter 12, at a level
divided by the number of pairs), so that many groups alone do not make a model look unfair.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from engine.measures.intervals import LEVEL, RESAMPLES, wilson
from engine.measures.metrics import Predicted, find, measure

MIN_ROWS = 50
MOST_GROUPS = 12  # the largest ones; the others are counted


@dataclass(frozen=True, slots=True)
class Rate:
    """A mean over some of the rows: `counts` picks them, `per_row` is what is averaged."""

    counts: Callable[[Any, str], Any]
    per_row: Callable[[Any, Predicted, str], Any]
    share: bool = True  # between 0 and 1


def _said(_truth: Any, guess: Predicted, positive: str) -> Any:
    return (guess.labels == positive).astype(np.float64)


RATES: dict[str, Rate] = {
    # How far prices and the like are too high (above 0) or too low, on average.
    "mean_error": Rate(
        lambda truth, _: np.ones(len(truth), bool), lambda truth, guess, _: guess.values - truth, share=False
    ),
    # Demographic parity compares it, equal opportunity the next, equalised odds the next two.
    "selection_rate": Rate(lambda truth, _: np.ones(len(truth), bool), _said),
    "true_positive_rate": Rate(lambda truth, positive: truth == positive, _said),
    "false_positive_rate": Rate(lambda truth, positive: truth != positive, _said),
}


def measures_of(task: str, metric: str, classes: Sequence[str] = ()) -> tuple[str, ...]:
    """Return what groups are compared by: the trained metric, and what tells whom its errors hit."""
    if task == "regression":
        return (metric, "mean_error")
    if len(classes) == 2:
        return (metric, "selection_rate", "true_positive_rate", "false_positive_rate")
    return tuple(dict.fromkeys((metric, "accuracy")))


def by_group(
    truth: Any,
    guess: Predicted,
    groups: Any,
    measures: Sequence[str],
    *,
    min_rows: int = MIN_ROWS,
    seed: int = 7,
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """Return the figures of each group and, per measure, how far the judged groups are apart.

    `groups` (n,) is each row's group as text. `{"min_rows", "left_out", "groups": {name: {"rows", measure: {"value",
    "low", "high", "n", "small", "note"}}}, "gaps": {measure: {"difference", "ratio", "lowest", "highest", "judged",
    "note"}}}`, where difference and ratio are `{"value", "low", "high"}` or None.
    """
    names, counts = np.unique(groups.astype(str), return_counts=True)
    shown = [name for _, name in sorted(zip(-counts, names.tolist(), strict=True))]
    figures: dict[str, dict[str, Any]] = {}
    drawn: dict[str, dict[str, tuple[float, Any]]] = {name: {} for name in measures}
    for name in shown[:MOST_GROUPS]:
        rows = np.flatnonzero(groups == name)
        figures[name] = {"rows": len(rows)}
        for one in measures:
            seen, draws = _figure(one, truth[rows], guess.take(rows), seed, resamples)
            seen["small"] = seen["n"] < min_rows
            figures[name][one] = seen
            if not seen["small"] and seen["value"] is not None:
                drawn[one][name] = (seen["value"], draws)
    return {
        "min_rows": min_rows,
        "left_out": max(0, len(shown) - MOST_GROUPS),
        "groups": figures,
        "gaps": {one: _gap(drawn[one]) for one in measures},
    }


def difference(truth: Any, guess: Predicted, groups: Any, name: str, *, min_rows: int = MIN_ROWS) -> float | None:
    """Return how far the judged groups are apart in one measure, without an interval: what a search may be bound by.

    None where fewer than two groups have enough rows.
    """
    values = []
    for group in sorted(set(groups.tolist())):
        rows = np.flatnonzero(groups == group)
        value, count = _value(name, truth[rows], guess.take(rows))
        if value is not None and count >= min_rows:
            values.append(value)
    return max(values) - min(values) if len(values) > 1 else None


def _value(name: str, truth: Any, guess: Predicted) -> tuple[float | None, int]:
    """Return a measure, and the rows that count for it."""
    rate = RATES.get(name)
    if rate is None:
        return measure(name, truth, guess).value, len(truth)
    positive = _positive(guess)
    counted = np.flatnonzero(rate.counts(truth, positive))
    if not len(counted):
        return None, 0
    return float(rate.per_row(truth[counted], guess.take(counted), positive).mean()), len(counted)


def _positive(guess: Predicted) -> str:
    return guess.classes[1] if len(guess.classes) == 2 else ""


def _figure(name: str, truth: Any, guess: Predicted, seed: int, resamples: int) -> tuple[dict[str, Any], Any]:
    """Return a measure with its interval, and its resampled values."""
    rate = RATES.get(name)
    if rate is None:
        whole = measure(name, truth, guess)
        seen = {"value": whole.value, "low": None, "high": None, "n": len(truth), "note": whole.note}
        drawn = _draws(name, truth, guess, seed, resamples) if whole.value is not None else None
        return _with_interval(seen, drawn), drawn
    value, count = _value(name, truth, guess)
    seen = {"value": value, "low": None, "high": None, "n": count, "note": "" if count else "no row of its kind"}
    if value is None:
        return seen, None
    positive = _positive(guess)
    counted = np.flatnonzero(rate.counts(truth, positive))
    per_row = rate.per_row(truth[counted], guess.take(counted), positive)
    drawn = _means(per_row, seed, resamples)
    if rate.share and value in (0.0, 1.0):  # resampling rows that are all alike would say that it is certain
        seen["low"], seen["high"] = wilson(round(value * count), count)
        drawn = np.random.default_rng(seed).beta(value * count + 1, (1 - value) * count + 1, resamples)
        return seen, drawn
    return _with_interval(seen, drawn), drawn


def _with_interval(seen: dict[str, Any], drawn: Any) -> dict[str, Any]:
    """Add the percentile interval of resampled values, where enough of them are defined."""
    known = drawn[np.isfinite(drawn)] if drawn is not None else ()
    if seen["n"] > 1 and len(known) > 1 and len(known) >= len(drawn) // 2:
        tail = (1 - LEVEL) / 2
        seen["low"], seen["high"] = (float(edge) for edge in np.quantile(known, [tail, 1 - tail]))
    return seen


def _means(per_row: Any, seed: int, resamples: int) -> Any:
    draw = np.random.default_rng(seed)
    return np.array([per_row[draw.integers(0, len(per_row), len(per_row))].mean() for _ in range(resamples)])


def _draws(name: str, truth: Any, guess: Predicted, seed: int, resamples: int) -> Any:
    metric = find(name)
    if metric.per_row is not None:
        return _means(metric.per_row(truth, guess), seed, resamples)
    draw = np.random.default_rng(seed)
    found = []
    for _ in range(resamples):
        rows = draw.integers(0, len(truth), len(truth))
        seen = measure(name, truth[rows], guess.take(rows)).value
        found.append(np.nan if seen is None else seen)
    return np.array(found)


def _gap(drawn: dict[str, tuple[float, Any]]) -> dict[str, Any]:
    """Return the largest difference and smallest ratio over pairs of groups, with intervals for all pairs at once."""
    found: dict[str, Any] = {"difference": None, "ratio": None, "lowest": "", "highest": "", "judged": len(drawn)}
    if len(drawn) < 2:
        return {**found, "note": "fewer than two groups have enough rows: nothing is judged"}
    order = sorted(drawn, key=lambda name: drawn[name][0])
    pairs = list(itertools.combinations(order, 2))  # the lower value first
    wide = NormalDist().inv_cdf(1 - (1 - LEVEL) / (2 * len(pairs)))
    found["lowest"], found["highest"] = order[0], order[-1]
    found["difference"] = _over_pairs(drawn, pairs, wide, lambda low, high: high - low, max)
    if drawn[order[0]][0] >= 0 and drawn[order[1]][0] > 0:
        found["ratio"] = _over_pairs(drawn, pairs, wide, lambda low, high: low / high, min)
    return {**found, "note": ""}


def _over_pairs(
    drawn: dict[str, tuple[float, Any]],
    pairs: list[tuple[str, str]],
    wide: float,
    apart: Callable[[Any, Any], Any],
    worst: Callable[[list[float]], float],
) -> dict[str, float]:
    values, lows, highs = [], [], []
    for one, other in pairs:
        (low, low_draws), (high, high_draws) = drawn[one], drawn[other]
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = apart(low_draws, high_draws)
        half = wide * float(np.std(spread[np.isfinite(spread)], ddof=1))
        value = float(apart(low, high))
        values.append(value)
        lows.append(max(0.0, value - half))
        highs.append(value + half)
    return {"value": worst(values), "low": worst(lows), "high": worst(highs)}
