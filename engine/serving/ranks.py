"""How a ranking answers a user by what was taken. Plain numpy, for every way that a ranking is served.

Items are told by their place, the commonest first. `taken` holds the places of what a user took, oldest first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.serving.contract import class_text

Answer = tuple[list[str], list[float]]


def listed(items: Sequence[str], scores: Any, taken: Any, length: int) -> Answer:
    """Return the best items with their scores; what the user took already comes last, where little else is left."""
    new = np.ones(len(scores), dtype=bool)
    new[taken] = False
    best = _best(scores, np.flatnonzero(new), length)
    if len(best) < length:
        best = np.concatenate([best, _best(scores, np.flatnonzero(~new), length - len(best))])
    return [items[item] for item in best], [float(scores[item]) for item in best]


def _best(scores: Any, places: Any, count: int) -> Any:
    """Return the places of the highest scores among these; equal scores go by place, which is popularity."""
    among = scores[places]
    if len(places) > count:
        least = np.partition(among, len(among) - count)[len(among) - count]
        places, among = places[among >= least], among[among >= least]
    return places[np.argsort(-among, kind="stable")][:count]


def weights(count: int, recency: float) -> Any:
    """Return what each of so many taken items counts: `recency` items ago 1/e, 0 counts all alike."""
    if not recency:
        return np.ones(count)
    return np.exp(-np.arange(count - 1, -1, -1) / recency)


def by_neighbours(starts: Any, items: Any, values: Any, taken: Any, weight: Any) -> Any:
    """Return one score per item: row j of (starts, items, values) is what item j gives to those it is like."""
    scores = np.zeros(len(starts) - 1)
    for item, each in zip(taken.tolist(), weight.tolist(), strict=True):
        row = slice(starts[item], starts[item + 1])
        scores[items[row]] += each * values[row]
    return scores


def by_factors(vectors: Any, taken: Any, weight: Any) -> Any:
    """Return one score per item: `vectors` (items, factors), the user folded in."""
    return vectors @ (weight @ vectors[taken])


def user_text(value: Any) -> str:
    """Return a user as text; nobody is empty."""
    return "" if value is None or value != value else class_text(value)  # noqa: PLR0124  NaN
