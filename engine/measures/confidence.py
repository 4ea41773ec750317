"""A confidence sequence for a mean: an interval that may be looked at after every row, and stopped at any time.

The asymptotic sequence of I. Waudby-Smith, D. Arbour, R. Sinha, E. Kennedy and A. Ramdas, "Time-uniform central limit
theory and asymptotic confidence sequences" (Annals of Statistics 52, 2024): with mean m and deviation s of n rows

    m +- s sqrt( 2 (n r^2 + 1) / (n^2 r^2) * log( sqrt(n r^2 + 1) / alpha ) )

and r chosen to be tightest near a stated number of rows. It holds for all n at once, once n is large
enough for the central limit: rows below `LEAST` say nothing.
"""

from __future__ import annotations

import math
from typing import Any

LEAST = 30
TUNED_FOR = 500


def mean_sequence(values: Any, alpha: float = 0.05) -> tuple[float, float] | None:
    """Return (low, high) for the mean of n values (n,) in the order in which they came; None below `LEAST`."""
    import numpy as np

    found = np.asarray(values, dtype=np.float64)
    n = len(found)
    if n < LEAST:
        return None
    spent = -2.0 * math.log(alpha)
    squared = (spent + math.log(spent + 1.0)) / TUNED_FOR
    grown = n * squared + 1.0
    wide = float(found.std()) * math.sqrt(2.0 * grown / (n * n * squared) * math.log(math.sqrt(grown) / alpha))
    middle = float(found.mean())
    return middle - wide, middle + wide
