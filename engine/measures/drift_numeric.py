"""Drift of a numeric column: Kolmogorov-Smirnov, with PSI and Jensen-Shannon over tenths. numpy and Arrow only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from engine.measures.drift_bins import Bins, Codes, Edges, Grid, bins_of, float_chunks, to_floats
from engine.measures.drift_codes import Band, coded_band, count, rounded
from engine.measures.drift_distances import Counts, jensen_shannon, kolmogorov_smirnov, population_stability

GROUPS = 10


@dataclass(slots=True)
class NumericTally:
    """A sample counted into the bins of a reference, batch by batch."""

    bins: Bins
    counts: Counts

    def add(self, values: pa.Array | pa.ChunkedArray) -> None:
        """Count more values."""
        for chunk in float_chunks(values):
            self.counts += self.bins.counts(chunk)

    def merge(self, other: NumericTally) -> None:
        """Add what another tally of the same reference counted."""
        self.counts += other.counts


@dataclass(slots=True)
class NumericProfile:
    """Counts of a numeric reference. Bin 0 is null: a rise of nulls moves cumulative shares as any other value does."""

    name: str
    bins: Bins
    counts: Counts
    groups: Codes  # bin -> one of about ten groups of equal reference mass
    band: Band

    def tally(self) -> NumericTally:
        """Return an empty sample."""
        return NumericTally(self.bins, np.zeros(self.bins.size, np.int64))

    def compare(self, current: pa.Array | pa.ChunkedArray) -> dict[str, Any]:
        """Return how a current sample differs; see `engine.measures.drift`."""
        tally = self.tally()
        tally.add(current)
        return self.against(tally)

    def against(self, tally: NumericTally) -> dict[str, Any]:
        """Return how a counted sample differs."""
        counts = tally.counts
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

    def to_state(self) -> dict[str, Any]:
        """Return it as plain data, of which `from_state` makes it again."""
        bins: dict[str, Any] = (
            {"low": self.bins.low, "scale": self.bins.scale}
            if isinstance(self.bins, Grid)
            else {"edges": [str(edge) for edge in self.bins.edges.tolist()]}  # as text: JSON has no infinity
        )
        return {"name": self.name, "bins": bins, "counts": self.counts.tolist(), "band": self.band.to_state()}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> NumericProfile:
        """Return the profile that `to_state` told of."""
        told = state["bins"]
        bins: Bins = (
            Grid(told["low"], told["scale"])
            if "low" in told
            else Edges(np.array([float(edge) for edge in told["edges"]]))
        )
        counts = np.array(state["counts"], np.int64)
        return cls(state["name"], bins, counts, _groups(counts), Band.from_state(state["band"]))


def profile_numeric(name: str, reference: pa.Array | pa.ChunkedArray) -> NumericProfile:
    """Return the profile of a reference column, whose rows are in time order."""
    values = to_floats(reference)
    bins = bins_of(values)
    codes = bins.codes(values)
    counts = count(codes, bins.size)
    return NumericProfile(name, bins, counts, _groups(counts), coded_band(codes, bins.size, _distance))


def _groups(counts: Counts) -> Codes:
    """Return for each bin its group: 0 for null, then tenths of the reference by the middle of the bin's mass."""
    mass = counts[1:].astype(float)
    total = mass.sum() or 1.0
    middle = (np.cumsum(mass) - mass / 2) / total
    return np.concatenate([[0], 1 + np.minimum((middle * GROUPS).astype(np.int64), GROUPS - 1)])


def _distance(reference: Counts, current: Counts) -> float:
    return kolmogorov_smirnov(reference, current)[0]
