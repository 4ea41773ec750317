"""Comparisons that may be looked at after every row without raising false alarms. Pure, standard library only.

Each event (an error, a slow answer) fell on the new version or on the champion. Where both behave alike, an event falls
on the new version with the share of rows it was given. The e-value is a mixture of likelihood ratios against that
share; by Ville's inequality it exceeds 1/alpha with probability at most alpha, however often one looks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

ALPHA = 0.01  # chance of wrongly aborting one step by one of its comparisons
GRID = 24  # alternatives mixed over, evenly between the share and 1


def e_value(on_new: float, on_champion: float, share: float) -> float:
    """Return the evidence that events fall on the new version more often than its `share` of rows (0 < share < 1)."""
    if on_new + on_champion == 0:
        return 1.0
    logs = []
    for index in range(1, GRID + 1):
        chance = share + (1.0 - share) * index / (GRID + 1)
        logs.append(on_new * math.log(chance / share) + on_champion * math.log((1.0 - chance) / (1.0 - share)))
    top = max(logs)
    return math.exp(min(top, 700.0)) * sum(math.exp(one - top) for one in logs) / GRID


def is_worse(on_new: int, on_champion: int, rows_new: int, rows_champion: int, alpha: float = ALPHA) -> bool:
    """Say whether events fall on the new version more often than its rows explain; never without a control."""
    if rows_new == 0 or rows_champion == 0:
        return False
    share = rows_new / (rows_new + rows_champion)
    return e_value(on_new, on_champion, share) >= 1.0 / alpha


def slower_count(latencies_ms: Sequence[float], threshold_ms: float) -> int:
    """Count the answers slower than a threshold."""
    return sum(1 for one in latencies_ms if one > threshold_ms)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the nearest-rank quantile of values, which must not be empty."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, math.ceil(share * len(ordered)) - 1))]
