"""How good ranked lists are. Truth is one tuple of item texts per row (what was taken), a guess a list, best first.

NDCG has binary gain: Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR techniques, ACM TOIS 20(4), 2002.
Recall is the share of what was taken that the first k items hold.
"""

from __future__ import annotations

from typing import Any

import numpy as np

K = 10


def ndcg_rows(truth: Any, items: Any, k: int = K) -> Any:
    """Return (n,) normalised discounted cumulative gain of the first k items; 0 where nothing was taken."""
    discounts = 1.0 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discounts)
    found = np.zeros(len(truth))
    for row, (taken, listed) in enumerate(zip(truth, items, strict=True)):
        wanted = set(taken)
        if wanted:
            gain = sum(discounts[place] for place, item in enumerate(listed[:k]) if item in wanted)
            found[row] = gain / ideal[min(len(wanted), k) - 1]
    return found


def recall_rows(truth: Any, items: Any, k: int = K) -> Any:
    """Return (n,) shares of what was taken among the first k items; 0 where nothing was taken."""
    found = np.zeros(len(truth))
    for row, (taken, listed) in enumerate(zip(truth, items, strict=True)):
        wanted = set(taken)
        if wanted:
            found[row] = len(wanted.intersection(listed[:k])) / len(wanted)
    return found
