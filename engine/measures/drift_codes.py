"""Columns counted into bins: the reference's own bins, and how far its own chunks stray from the rest of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.measures.drift_distances import Counts

CHUNKS = 16  # pieces of the reference that are looked at
FEWEST_CHUNKS = 6  # below this the spread between them says nothing
SMALLEST_CHUNK = 16
WIDEST_BAND = 0.9  # a complete replacement is drift, however restless the column was

Codes = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Band:
    """How large an effect contiguous chunks of the reference show against the rest of it, by chunk size."""

    rows: int
    highs: dict[int, float]  # chunk size, a power of two -> mean + 3 standard deviations over chunks of that size

    def high(self, n: int) -> float | None:
        """Return mean + 3 standard deviations for chunks of about `n` rows, None where the reference is too short.

        The chunk is never larger than the window, so that the band holds at least the window's sampling noise; where
        the reference is short, chunks get smaller and the band wider.
        """
        size = min(n, self.rows // FEWEST_CHUNKS)
        return self.highs.get(1 << (size.bit_length() - 1)) if size >= SMALLEST_CHUNK else None

    def to_state(self) -> dict[str, Any]:
        """Return it as plain data, of which `from_state` makes it again."""
        return {"rows": self.rows, "highs": {str(size): high for size, high in self.highs.items()}}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Band:
        """Return the band that `to_state` told of."""
        return cls(state["rows"], {int(size): high for size, high in state["highs"].items()})


def band_of(rows: int, effect_of: Callable[[int, int], float]) -> Band:
    """Return the band of a reference of so many rows.

    `effect_of(start, end)` is the effect of its rows start to end - 1 against all the others.
    """
    highs, size = {}, SMALLEST_CHUNK
    while size <= rows // FEWEST_CHUNKS:
        whole = rows // size
        starts = np.unique(np.linspace(0, whole - 1, min(CHUNKS, whole)).astype(int)) * size
        effects = np.array([effect_of(int(start), int(start) + size) for start in starts])
        highs[size] = float(min(effects.mean() + 3 * effects.std(ddof=1), WIDEST_BAND))
        size *= 2
    return Band(rows, highs)


def coded_band(codes: Codes, bins: int, effect: Callable[[Counts, Counts], float]) -> Band:
    """Return the band of a coded reference column in time order."""
    total = count(codes, bins)

    def effect_of(start: int, end: int) -> float:
        chunk = count(codes[start:end], bins)
        return effect(total - chunk, chunk)

    return band_of(len(codes), effect_of)


def count(codes: Codes, bins: int) -> Counts:
    """Count codes 0 to bins - 1."""
    return np.bincount(codes, minlength=bins).astype(np.int64)


def rounded(value: float | None) -> float | None:
    """Return a figure as it is kept: six digits, nothing that JSON cannot hold."""
    return None if value is None or not math.isfinite(value) else round(value, 6)
