"""Distances between two samples counted into the same bins, and the tests that go with them. numpy only.

Every distance is computed from shares, so that it does not grow with the number of rows; every p-value from counts.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np

Counts = np.ndarray[Any, np.dtype[np.int64]]
Floats = np.ndarray[Any, np.dtype[np.float64]]
SMALLEST_EXPECTED = 5.0  # cells expected below this are pooled, as chi-square asks
FEWEST_RANKED = 10  # values on either side, from which means of scores are about normal
ADDED = 0.5  # rows added to every bin before a logarithm
_NORMAL = NormalDist()
_error_function = np.vectorize(math.erf, otypes=[np.float64])


def shares(counts: Counts | Floats) -> Floats:
    """Return counts (..., bins) as shares of their sum; all zero where there are none."""
    total = counts.sum(axis=-1, keepdims=True)
    return counts / np.where(total > 0, total, 1)


def population_stability(reference: Counts, current: Counts) -> float:
    """Return the population stability index (PSI) of two count vectors over the same bins."""
    first = (reference + ADDED) / (reference.sum() + ADDED * len(reference))
    second = (current + ADDED) / (current.sum() + ADDED * len(current))
    return float(np.sum((second - first) * np.log(second / first)))


def jensen_shannon(reference: Counts, current: Counts) -> float:
    """Return the Jensen-Shannon distance, base 2: 0 the same, 1 nothing in common."""
    first, second = shares(reference), shares(current)
    middle = (first + second) / 2
    divergence = (_kullback_leibler(first, middle) + _kullback_leibler(second, middle)) / 2
    return math.sqrt(min(max(divergence, 0.0), 1.0))


def distances(reference: Floats, current: Floats) -> Floats:
    """Return (...), Kolmogorov-Smirnov's D of shares (..., bins): the largest difference of the cumulative ones."""
    return np.asarray(np.abs(np.cumsum(reference - current, axis=-1)).max(axis=-1, initial=0.0))


def kolmogorov_smirnov(reference: Counts, current: Counts) -> tuple[float, float]:
    """Return (D, p-value) over ordered bins."""
    distance = float(distances(shares(reference), shares(current)))
    n, m = int(reference.sum()), int(current.sum())
    root = math.sqrt(n * m / (n + m)) if n and m else 0.0
    return distance, _kolmogorov((root + 0.12 + 0.11 / root) * distance) if root else 1.0


def normal_scores(reference: Counts) -> Floats:
    """Return the score of each of ordered bins: the normal quantile of its middle rank (van der Waerden, 1952)."""
    total = int(reference.sum())
    if not total:
        return np.zeros(len(reference))
    least = 0.5 / total  # of a bin below or above all that the reference holds
    middle = np.clip((np.cumsum(reference) - reference / 2) / total, least, 1 - least)
    values, places = np.unique(middle, return_inverse=True)
    return np.array([_NORMAL.inv_cdf(value) for value in values.tolist()])[places]


def shifts(scores: Floats, reference: Floats, current: Floats) -> Floats:
    """Return (...), how far the current values lie above the others by their scores, of shares (..., bins).

    From -1 (all lower) to 1, it is what Cliff's delta ("Dominance statistics", 1993) is of a normal column that moved
    by so many deviations: in how many more pairs of a current and a reference value the current one is higher.
    """
    return np.asarray(_error_function((current - reference) @ scores / 2))


def score_shift(scores: Floats, reference: Counts, current: Counts) -> tuple[float, float]:
    """Return (shift, p-value) over ordered bins.

    The test of mean scores is never less sure than one of means (Chernoff and Savage, 1958), and surer than one of
    ranks where a few values went far.
    """
    n, m = int(reference.sum()), int(current.sum())
    held = shares(reference + current)
    variance = float(held @ (scores - held @ scores) ** 2)
    if min(n, m) < FEWEST_RANKED or variance <= 1e-12:  # one value only
        return 0.0, 1.0
    apart = float((shares(current) - shares(reference)) @ scores)
    return math.erf(apart / 2), math.erfc(abs(apart) / math.sqrt(2.0 * variance * (1 / n + 1 / m)))


def chi_square(reference: Counts, current: Counts) -> tuple[float, float]:
    """Return (statistic, p-value) of the test that both count vectors come from one distribution.

    Bins that are too rare to be tested one by one are tested together.
    """
    n, m = int(reference.sum()), int(current.sum())
    if not n or not m:
        return 0.0, 1.0
    both = reference + current
    rare = both * (min(n, m) / (n + m)) < SMALLEST_EXPECTED
    first = np.append(reference[~rare], reference[rare].sum())
    second = np.append(current[~rare], current[rare].sum())
    used = first + second > 0
    first, second = first[used], second[used]
    if len(first) < 2:
        return 0.0, 1.0
    expected_first = (first + second) * (n / (n + m))
    expected_second = (first + second) * (m / (n + m))
    statistic = float(
        np.sum((first - expected_first) ** 2 / expected_first)
        + np.sum((second - expected_second) ** 2 / expected_second)
    )
    return statistic, chi_square_tail(statistic, len(first) - 1)


def cramers_v(reference: Counts, current: Counts) -> float:
    """Return Cramér's V between sample and category, both samples weighted equally: 0 the same, 1 nothing in common.

    With the raw counts V would shrink as the reference outgrows the window; equal weights make it comparable.
    """
    return float(associations(shares(reference), shares(current)))


def associations(reference: Floats, current: Floats) -> Floats:
    """Return (...), Cramér's V of shares (..., bins)."""
    both = reference + current
    parts = (reference - current) ** 2 / np.where(both > 0, both, 1.0)
    return np.asarray(np.sqrt(parts.sum(axis=-1) / 2))


def chi_square_tail(statistic: float, freedom: int) -> float:
    """Return the chance of a chi-square value of at least `statistic`."""
    if statistic <= 0.0:
        return 1.0
    return _upper_gamma(freedom / 2, statistic / 2)


def _kullback_leibler(first: Floats, second: Floats) -> float:
    used = first > 0
    return float(np.sum(first[used] * np.log2(first[used] / second[used])))


def _kolmogorov(value: float) -> float:
    if value < 0.2:  # the series converges too slowly to be summed, and the answer is 1 to twelve digits
        return 1.0
    terms = np.arange(1, 101)
    return float(min(max(2 * np.sum((-1.0) ** (terms - 1) * np.exp(-2 * terms**2 * value**2)), 0.0), 1.0))


def _upper_gamma(shape: float, value: float) -> float:
    """Return the regularised upper incomplete gamma function: series below the mean, continued fraction above."""
    scale = shape * math.log(value) - value - math.lgamma(shape)
    if scale < -745.0 and value > shape:
        return 0.0
    if value < shape + 1:
        term = total = 1 / shape
        denominator = shape
        while term > total * 1e-14:
            denominator += 1
            term *= value / denominator
            total += term
        return max(0.0, 1.0 - total * math.exp(scale))
    tiny = 1e-300
    b = value + 1 - shape
    c, d = 1 / tiny, 1 / b
    fraction = d
    for step in range(1, 1000):
        a = -step * (step - shape)
        b += 2
        d = 1 / (a * d + b or tiny)
        c = b + a / c or tiny
        fraction *= c * d
        if abs(c * d - 1) < 1e-14:
            break
    return min(1.0, math.exp(scale) * fraction)
