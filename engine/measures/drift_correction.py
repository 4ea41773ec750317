"""Several tests of one feature, and many features looked at together. numpy only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def bonferroni(*p_values: float) -> float:
    """Return one p-value for several tests of the same rows, which may depend on each other as they like."""
    return min(1.0, len(p_values) * min(p_values))


def benjamini_hochberg(p_values: Sequence[float | None]) -> list[float | None]:
    """Return adjusted p-values in the same order; None (not tested) stays None and does not count."""
    tested = [index for index, value in enumerate(p_values) if value is not None]
    adjusted: list[float | None] = [None] * len(p_values)
    if not tested:
        return adjusted
    values = np.array([p_values[index] for index in tested], dtype=float)
    order = np.argsort(values)[::-1]
    ranks = np.arange(len(values), 0, -1)
    corrected = np.minimum.accumulate(np.minimum(values[order] * (len(values) / ranks), 1.0))
    for position, value in zip(order, corrected, strict=True):
        adjusted[tested[int(position)]] = float(value)
    return adjusted
