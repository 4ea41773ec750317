"""What is wrong with a column's values beside its reference: counted batch by batch, and judged by the reference.

What is usual comes of the reference alone. Of nulls it is its share and how far its own chunks stray from it. Of new
categories and of values outside the range it is what its newest fifth shows beside the four before it, so that a column
which always brings new ones is not found to be wrong. numpy and Arrow only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.measures.drift import Profile
from engine.measures.drift_bins import float_chunks, to_floats
from engine.measures.drift_categorical import CategoricalProfile, to_texts
from engine.measures.drift_codes import Band, band_of, rounded
from engine.measures.drift_numeric import NumericProfile
from engine.measures.intervals import wilson

NEWEST = 0.2  # of the reference, beside all before it
BEARABLE = 0.01  # share of rows beyond what is usual that nobody acts on
FAULTS = ("nulls", "not a number", "infinite", "outside", "unseen", "another type", "not logged")


@dataclass(frozen=True, slots=True)
class Norm:
    """What a reference column itself shows."""

    nulls: float  # share of its rows
    nulls_band: Band  # how far the share of chunks strays from that of the rest
    low: float | None = None  # least and greatest finite number
    high: float | None = None
    outside: float = 0.0  # share of the newest rows outside the range of those before
    unseen: float = 0.0  # share of the newest rows whose category never came before

    def to_state(self) -> dict[str, Any]:
        """Return it as plain data, of which `from_state` makes it again."""
        told = {"nulls": self.nulls, "low": self.low, "high": self.high}
        return {**told, "outside": self.outside, "unseen": self.unseen, "nulls_band": self.nulls_band.to_state()}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Norm:
        """Return the norm that `to_state` told of."""
        return cls(**{**state, "nulls_band": Band.from_state(state["nulls_band"])})


@dataclass(slots=True)
class Faults:
    """What was counted of one column in one sample."""

    norm: Norm
    is_numeric: bool
    rows: int = 0
    found: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FAULTS, 0))

    def add(self, values: pa.Array) -> None:
        """Count a batch."""
        self.rows += len(values)
        self.found["nulls"] += values.null_count
        if not self.is_numeric:
            return
        if pa.types.is_string(values.type) or pa.types.is_dictionary(values.type):
            self.found["another type"] += len(values) - values.null_count
            return
        low, high = self.norm.low, self.norm.high
        for numbers in float_chunks(values):
            if not len(numbers):
                continue
            missing = int(np.count_nonzero(np.isnan(numbers)))
            self.found["not a number"] += missing - values.null_count
            if low is None or high is None or missing == len(numbers):
                continue
            # the extremes say that nothing is outside, which is usual, sooner than each value does
            if np.fmin.reduce(numbers) < low or np.fmax.reduce(numbers) > high:
                infinite = int(np.count_nonzero(np.isinf(numbers)))
                self.found["infinite"] += infinite
                self.found["outside"] += int(np.count_nonzero((numbers < low) | (numbers > high))) - infinite

    def lack(self, rows: int) -> None:
        """Count rows whose log does not hold the column at all."""
        self.rows += rows
        self.found["not logged"] += rows


def norm_of(profile: Profile, reference: pa.Array | pa.ChunkedArray) -> Norm:
    """Return what a reference column, whose rows are in time order, shows of itself."""
    whole = reference.combine_chunks() if isinstance(reference, pa.ChunkedArray) else reference
    absent = np.asarray(pc.is_null(whole, nan_is_null=True)).astype(np.float64)
    total, count = float(absent.sum()), len(absent)
    summed = np.concatenate([[0.0], np.cumsum(absent)])

    def strayed(start: int, end: int) -> float:
        inside = float(summed[end] - summed[start])
        return abs(inside / (end - start) - (total - inside) / max(1, count - (end - start)))

    nulls, band = total / max(1, count), band_of(count, strayed)
    cut = count - int(count * NEWEST)
    if isinstance(profile, NumericProfile):
        return Norm(nulls, band, *_range(to_floats(whole), cut))
    if isinstance(profile, CategoricalProfile):
        texts = to_texts(whole)
        newest = texts[cut:].drop_null()
        known = pc.sum(pc.is_in(newest, value_set=pc.unique(texts[:cut]))).as_py() or 0
        return Norm(nulls, band, unseen=1 - known / len(newest) if len(newest) else 0.0)
    return Norm(nulls, band)


def _range(numbers: Any, cut: int) -> tuple[float | None, float | None, float]:
    finite = numbers[np.isfinite(numbers)]
    if not len(finite):
        return None, None, 0.0
    before, newest = numbers[:cut], numbers[cut:]
    before = before[np.isfinite(before)]
    share = float(((newest < before.min()) | (newest > before.max())).mean()) if len(before) and len(newest) else 0.0
    return float(finite.min()), float(finite.max()), share


def judged(name: str, faults: Faults, unseen: int, importance: float | None) -> list[dict[str, Any]]:
    """Return what was found in a column: `{"name", "fault", "rows", "n", "share", "usual", "beyond", "importance"}`.

    `beyond` says that the share is above what is usual by more than is bearable, and not by chance alone.
    """
    counted = {**faults.found, "unseen": unseen}
    norm, n = faults.norm, faults.rows
    band = norm.nulls_band.high(n) if n else None
    usual = {"nulls": norm.nulls + (band or 0.0), "outside": norm.outside, "unseen": norm.unseen}
    told = []
    for fault, rows in counted.items():
        if rows <= 0 or not n:
            continue
        expected = usual.get(fault, 0.0)
        sure = wilson(rows, n)[0] > expected + BEARABLE
        share = {"rows": rows, "n": n, "share": rounded(rows / n), "usual": rounded(expected)}
        told.append({"name": name, "fault": fault, **share, "beyond": sure, "importance": importance})
    return told
