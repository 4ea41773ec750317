"""Columns counted into bins: the reference's own bins, and how far its own chunks stray from the rest of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.measures.drift_distances import Counts, Floats, shares

CHUNKS = 48  # pieces of the reference that are looked at
DEVIATIONS = 3.5  # above their mean that are borne: of 20 columns one strays as far by chance in 1 window of 100
FEWEST_CHUNKS = 6  # below this the spread between them says nothing
SMALLEST_CHUNK = 16
WIDEST_BAND = 0.9  # a complete replacement is drift, however restless the column was

Codes = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Band:
    """How large an effect contiguous chunks of the reference show against the rest of it, by chunk size."""

    rows: int
    highs: dict[int, float]  # chunk size, a power of two -> mean + DEVIATIONS over chunks of that size

    def high(self, n: int) -> float | None:
        """Return the largest effect that is borne of `n` rows, None where the reference is too short.

        Between two sizes it lies between theirs, by the logarithm of rows; a window above the largest has the band of
        the largest, which holds more noise of sampling than the window does.
        """
        size = min(n, self.rows // FEWEST_CHUNKS)
        if size < SMALLEST_CHUNK:
            return None
        below = 1 << (size.bit_length() - 1)
        low, high = self.highs.get(below), self.highs.get(2 * below)
        return low if low is None or high is None else low + (high - low) * math.log2(size / below)

    def to_state(self) -> dict[str, Any]:
        """Return it as plain data, of which `from_state` makes it again."""
        return {"rows": self.rows, "highs": {str(size): high for size, high in self.highs.items()}}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Band:
        """Return the band that `to_state` told of."""
        return cls(state["rows"], {int(size): high for size, high in state["highs"].items()})


def band_of(
    rows: int, effect_of: Callable[[int, int], float], smallest: int = SMALLEST_CHUNK, chunks: int = CHUNKS
) -> Band:
    """Return the band of a reference of so many rows, for chunks of `smallest` (a power of two) rows and more.

    `effect_of(start, end)` is the effect of its rows start to end - 1 against all the others; of each size `chunks` are
    looked at.
    """
    highs = {}
    for size, starts in _sizes(rows, smallest, chunks):
        highs[size] = _high(np.array([effect_of(int(start), int(start) + size) for start in starts]))
    return Band(rows, highs)


def coded_bands(codes: Codes, bins: int, *effects: Callable[[Floats, Floats], Floats]) -> list[Band]:
    """Return the band of each effect of a coded reference column in time order.

    An effect is given shares (chunks, bins), of all the other rows and of the chunks, and returns (chunks,).
    """
    total, highs = count(codes, bins), [dict[int, float]() for _ in effects]
    for size, starts in _sizes(len(codes), SMALLEST_CHUNK, CHUNKS):
        inside = codes[starts[:, None] + np.arange(size)] + bins * np.arange(len(starts))[:, None]
        chunks = count(inside.ravel(), bins * len(starts)).reshape(len(starts), bins)
        others, mine = shares(total - chunks), shares(chunks)
        for each, effect in zip(highs, effects, strict=True):
            each[size] = _high(effect(others, mine))
    return [Band(len(codes), each) for each in highs]


def _sizes(rows: int, smallest: int, chunks: int) -> Iterator[tuple[int, Any]]:
    """Yield sizes of chunks, powers of two, and (chunks,) where those that are looked at start, evenly in time."""
    size = smallest
    while size <= rows // FEWEST_CHUNKS:
        whole = rows // size
        yield size, np.unique(np.linspace(0, whole - 1, min(chunks, whole)).astype(int)) * size
        size *= 2


def _high(effects: Floats) -> float:
    return float(min(effects.mean() + DEVIATIONS * effects.std(ddof=1), WIDEST_BAND))


def count(codes: Codes, bins: int) -> Counts:
    """Count codes 0 to bins - 1."""
    return np.bincount(codes, minlength=bins).astype(np.int64)


def rounded(value: float | None) -> float | None:
    """Return a figure as it is kept: six digits, nothing that JSON cannot hold."""
    return None if value is None or not math.isfinite(value) else round(value, 6)
