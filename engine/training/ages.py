"""What a row counts for by its age."""

from __future__ import annotations

from typing import Any

import numpy as np

US = 1_000_000


def weights_by_age(times: Any, half_life_s: float) -> Any:
    """Return a weight (n,) per row: 1 for the newest, half of it for each `half_life_s` that a row is older.

    None is below 1e-6, so that no row of a long history becomes a number that estimators refuse.
    """
    age_s = (times.max() - times) / US
    return np.maximum(0.5 ** (age_s / half_life_s), 1e-6)
