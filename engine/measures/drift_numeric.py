"""Drift of a numeric column: Kolmogorov-Smirnov, with PSI and Jensen-Shannon over tenths. numpy and Arrow only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from engine.measures.drift_codes import Band, Codes, coded_band, count, rounded
from engine.measures.drift_distances import Counts, Floats, jensen_shannon, kolmogorov_smirnov, population_stability

EDGES = 512  # D is exact to one part in this; values fewer than these are told apart one by one
GROUPS = 10


@dataclass(slots=True)
class NumericProfile:
    """Bins of a numeric reference. Bin 0 is null: a rise of nulls moves the cumulative shares like any other value."""

    name: str
    edges: Floats
    counts: Counts
    groups: Codes  # bin -> one of about ten groups of equal reference mass
    band: Band

    def compare(self, current: pa.Array | pa.ChunkedArray) -> dict[str, Any]:
        """Return how a current sample differs; see `engine.measures.drift`."""
        counts = count(_codes(to_floats(current), self.edges), len(self.counts))
        statistic, p_value = kolmogorov_smirnov(self.counts, counts)
        size = int(self.groups.max()) + 1
        first = np.bincount(self.groups, self.counts, size).astype(np.int64)
        second = np.bincount(self.groups, counts, size).astype(np.int64)
        n, reference = int(counts.sum()), int(self.counts.sum())
        return {
            "name": self.name,
            "kind": "numeric",
            "test": "kolmogorov-smirnov",
            "psi": rounded(population_stability(first, second)),
            "js": rounded(jensen_shannon(first, second)),
            "statistic": rounded(statistic),
            "p_value": p_value,
            "effect": rounded(statistic),
            "band": rounded(self.band.high(n)),
            "n": n,
            "n_reference": reference,
            "nulls": rounded(counts[0] / n if n else 0.0),
            "nulls_reference": rounded(self.counts[0] / reference if reference else 0.0),
        }


def profile_numeric(name: str, reference: pa.Array | pa.ChunkedArray) -> NumericProfile:
    """Return the profile of a reference column, whose rows are in time order."""
    values = to_floats(reference)
    known = np.unique(values[~np.isnan(values)])
    if len(known) > EDGES:
        known = np.unique(np.quantile(values[~np.isnan(values)], np.linspace(0, 1, EDGES), method="lower"))
    bins = len(known) + 2
    codes = _codes(values, known)
    counts = count(codes, bins)
    return NumericProfile(name, known, counts, _groups(counts), coded_band(codes, bins, _distance))


def to_floats(values: pa.Array | pa.ChunkedArray) -> Floats:
    """Return numbers as float64, null as NaN; text that is no number is NaN too."""
    array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if pa.types.is_null(array.type):
        return np.full(len(array), np.nan)
    if pa.types.is_boolean(array.type):
        array = array.cast(pa.int8())
    if pa.types.is_decimal(array.type) or pa.types.is_integer(array.type):
        array = array.cast(pa.float64(), safe=False)
    found: Floats = np.asarray(array.to_numpy(zero_copy_only=False), dtype=np.float64)
    return found


def _codes(values: Floats, edges: Floats) -> Codes:
    missing = np.isnan(values)
    codes = np.searchsorted(edges, values, side="left") + 1
    codes[missing] = 0
    return codes.astype(np.int64)


def _groups(counts: Counts) -> Codes:
    """Return for each bin its group: 0 for null, then tenths of the reference by the middle of the bin's mass."""
    mass = counts[1:].astype(float)
    total = mass.sum() or 1.0
    middle = (np.cumsum(mass) - mass / 2) / total
    return np.concatenate([[0], 1 + np.minimum((middle * GROUPS).astype(np.int64), GROUPS - 1)])


def _distance(reference: Counts, current: Counts) -> float:
    return kolmogorov_smirnov(reference, current)[0]
