"""How far two samples of answers are apart, in a measure that an operator would act on. numpy only.

For numbers it is the share that moved: the least share of answers that lie more than a tolerance away from where they
were, however the answers of one sample are paired with those of the other,

    max over x of  F(x) - G(x + t)  and  G(x - t) - F(x)

(V. Strassen, "The existence of probability measures with given marginals", 1965). With t = 0 it is
Kolmogorov-Smirnov's D. A tolerance keeps a slightly better model, or few distinct inputs, from looking like another
world. For labels it is the largest change of a class's share. Both are shares between 0 and 1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

SPREAD = 0.25  # tolerance: this part of the reference's spread,
USUAL = 0.1  # and this part of its usual size at least
NORMAL_RANGE = 1.349  # quartile range of a normal distribution, in standard deviations


def tolerance(reference: Sequence[float]) -> float:
    """Return by how much an answer may move unnoticed: a quarter of the spread, a tenth of the usual size at least."""
    values = np.asarray(reference, dtype=np.float64)
    low, high = np.quantile(values, [0.25, 0.75])
    return float(max(SPREAD * (high - low) / NORMAL_RANGE, USUAL * np.median(np.abs(values))))


def moved(new: Sequence[float], reference: Sequence[float], within: float) -> float:
    """Return the least share of answers that moved by more than `within`; neither sample may be empty."""
    first, second = np.sort(np.asarray(reference, dtype=np.float64)), np.sort(np.asarray(new, dtype=np.float64))
    return max(0.0, _ahead(first, second, within), _ahead(second, first, within))


def _ahead(first: Any, second: Any, within: float) -> float:
    """Return the largest F(x) - G(x + within): it is reached at a value of the first sample."""
    at = np.searchsorted(first, first, side="right") / len(first)
    return float((at - np.searchsorted(second, first + within, side="right") / len(second)).max())


def shares_moved(new: Sequence[str], reference: Sequence[str]) -> tuple[float, str]:
    """Return the largest change of a label's share, and the label; neither sample may be empty."""
    first, second = Counter(new), Counter(reference)
    apart = {name: abs(first[name] / len(new) - second[name] / len(reference)) for name in sorted({*first, *second})}
    most = max(apart, key=lambda name: apart[name])
    return apart[most], most


def effective(groups: Sequence[Any]) -> float:
    """Return how many independent rows these are worth, where rows of one group may be alike (L. Kish, 1965)."""
    sizes = Counter(groups).values()
    squares = sum(size * size for size in sizes)
    return len(groups) ** 2 / squares if squares else 0.0
