"""Bins of a numeric column: where each value falls, and how many fall where. numpy and Arrow only.

Bin 0 is null and NaN. The others are in order of value, so that cumulative shares can be compared. A grid of equal
cells is counted by one multiplication a value, several times sooner than a search among edges; where equal cells would
hide the shape of a column, as with a heavy tail, its bins are the quantiles of the reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from engine.measures.drift_distances import Counts, Floats

CELLS = 2048
EDGES = 512
HEAVY = 2 / EDGES  # share of the reference that one cell may hide, unless it is one value
TAIL = 0.001  # share of the reference on each side that a second grid leaves out
BATCH = 16_384  # values worked on at once: what they need stays in the cache

Codes = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Grid:
    """Equal cells from `low` on, `scale` of them per unit; bin 1 lies below them, the last one above."""

    low: float
    scale: float

    @property
    def size(self) -> int:
        """Number of bins."""
        return CELLS + 3

    def codes(self, values: Floats) -> Codes:
        """Return the bin of each value."""
        cells = self._cells(values, np.empty(len(values)))
        cells[np.isnan(values)] = 0.0
        return cells.astype(np.int64)

    def counts(self, values: Floats) -> Counts:
        """Count values by bin."""
        total = np.zeros(self.size, np.int64)
        room = np.empty(min(len(values), BATCH))
        for start in range(0, len(values), BATCH):
            batch = values[start : start + BATCH]
            known = batch == batch  # noqa: PLR0124 (NaN differs from itself)
            missing = len(batch) - np.count_nonzero(known)
            if missing:
                batch = batch[known]
            total += np.bincount(self._cells(batch, room[: len(batch)]).astype(np.int16), minlength=self.size)
            total[0] += missing
        return total

    def _cells(self, values: Floats, out: Floats) -> Floats:
        """Return bins as floats, NaN where the value is."""
        with np.errstate(over="ignore", invalid="ignore"):
            np.subtract(values, self.low, out=out)
            out *= self.scale
        return np.clip(out, 1.0, CELLS + 2.0, out=out)  # a quarter of what `fmax` and `fmin` take


@dataclass(frozen=True, slots=True)
class Edges:
    """Bins between sorted edges; each holds values up to and with its edge, the last one what lies above all."""

    edges: Floats

    @property
    def size(self) -> int:
        """Number of bins."""
        return len(self.edges) + 2

    def codes(self, values: Floats) -> Codes:
        """Return the bin of each value."""
        found = (np.searchsorted(self.edges, values, side="left") + 1).astype(np.int64)
        found[np.isnan(values)] = 0
        return found

    def counts(self, values: Floats) -> Counts:
        """Count values by bin."""
        return np.bincount(self.codes(values), minlength=self.size).astype(np.int64)


Bins = Grid | Edges


def bins_of(values: Floats) -> Bins:
    """Return the bins for a reference, in which each value of weight can be told from the others."""
    known = values[np.isfinite(values)]
    if len(known):
        bounds = [(float(known.min()), float(known.max()))]
        bounds.append(tuple(np.quantile(known, (TAIL, 1 - TAIL)).tolist()))
        for low, high in bounds:
            width = (high - low) / (CELLS - 1)
            if not (np.isfinite(width) and width > 0 and np.isfinite(1 / width)):
                continue
            # The lowest value lies in the middle of the first cell, the highest in that of the last.
            grid = Grid(low - 2.5 * width, 1 / width)
            if _tells_apart(grid, known):
                return grid
    known = values[~np.isnan(values)]
    distinct = np.unique(known)
    if len(distinct) > EDGES:
        distinct = np.unique(np.quantile(known, np.linspace(0, 1, EDGES), method="lower"))
    return Edges(distinct)


def _tells_apart(grid: Grid, values: Floats) -> bool:
    """Say whether no cell hides several values of weight."""
    codes = grid.codes(values)
    heavy = np.bincount(codes, minlength=grid.size) > HEAVY * len(values)
    if not heavy.any():
        return True
    inside = heavy[codes]
    lowest, highest = np.full(grid.size, np.inf), np.full(grid.size, -np.inf)
    np.minimum.at(lowest, codes[inside], values[inside])
    np.maximum.at(highest, codes[inside], values[inside])
    return bool((lowest[heavy] == highest[heavy]).all())


def float_chunks(values: pa.Array | pa.ChunkedArray) -> Iterator[Floats]:
    """Yield numbers as float64 chunk by chunk, without a copy where they are float64 without nulls.

    Null is NaN, and so is text that is no number, such as a token.
    """
    for chunk in values.chunks if isinstance(values, pa.ChunkedArray) else [values]:
        yield _floats(chunk)


def to_floats(values: pa.Array | pa.ChunkedArray) -> Floats:
    """Return numbers as float64, null as NaN."""
    chunks = list(float_chunks(values))
    return chunks[0] if len(chunks) == 1 else np.concatenate(chunks) if chunks else np.empty(0)


def _floats(array: pa.Array) -> Floats:
    if pa.types.is_null(array.type):
        return np.full(len(array), np.nan)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_boolean(array.type):
        array = array.cast(pa.int8())
    if not pa.types.is_float64(array.type):
        try:
            array = array.cast(pa.float64(), safe=False)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # a log from before the column's type or privacy changed
            return np.array([_number(one) for one in array.to_pylist()])
    if array.null_count:
        array = array.fill_null(float("nan"))
    # The buffer itself: `to_numpy` imports pandas where it is installed.
    found: Floats = np.frombuffer(array.buffers()[1], np.float64)[array.offset : array.offset + len(array)]
    return found


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")
