"""Prediction intervals from errors on rows that were not fitted on: conformal, by size of the answer.

The errors are those of the folds' test rows. Answers are divided into bands of like size, and each band takes its own
quantiles of the signed errors, so that dear and cheap have intervals of their own width. Sources: Vovk, Gammerman and
Shafer, Algorithmic Learning in a Random World, 2005 (section 4.5, Mondrian predictors); Barber, Candes, Ramdas and
Tibshirani, Predictive inference with the jackknife+, Annals of Statistics 49(1), 2021 (errors over folds).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

BANDS = 8
MIN_BAND = 60  # errors; a quantile of fewer would be chance


def interval(truth: Any, values: Any, level: float) -> dict[str, Any]:
    """Return `{"level", "edges", "low", "high"}`: what to add to an answer, by the band it falls into.

    `edges` divide answers into len(edges) + 1 bands. `floor` is 0 where no truth is below: an interval then is not.
    """
    count = max(1, min(BANDS, len(values) // MIN_BAND))
    edges = np.unique(np.quantile(values, np.linspace(0, 1, count + 1)[1:-1])) if count > 1 else np.zeros(0)
    bands = np.searchsorted(edges, values, side="right")
    tail = (1.0 - level) / 2
    lows, highs = [], []
    errors = truth - values
    for band in range(len(edges) + 1):
        mine = np.sort(errors[bands == band])
        if not len(mine):
            mine = np.sort(errors)
        lows.append(float(mine[max(0, math.floor((len(mine) + 1) * tail) - 1)]))
        highs.append(float(mine[min(len(mine) - 1, math.ceil((len(mine) + 1) * (1 - tail)) - 1)]))
    found: dict[str, Any] = {"level": level, "edges": edges.tolist(), "low": lows, "high": highs}
    if float(np.min(truth)) >= 0.0:
        found["floor"] = 0.0
    return found
