"""Drift of a numeric column: Kolmogorov-Smirnov and normal scores, with PSI and Jensen-Shannon over tenths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from engine.measures.drift_bins import Bins, Codes, Edges, Grid, bins_of, float_chunks, to_floats
from engine.measures.drift_codes import Band, coded_bands, count, rounded
from engine.measures.drift_correction import bonferroni
from engine.measures.drift_distances import (
    Counts,
    Floats,
    distances,
    jensen_shannon,
    kolmogorov_smirnov,
    normal_scores,
    population_stability,
    score_shift,
    shares,
    shifts,
)

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
    scores: Floats  # of each bin but that of null, which has no rank
    band: Band
    shift_band: Band  # of the shift to either side

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
        shift, p_shift = score_shift(self.scores, self.counts[1:], counts[1:])
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
            "p_value": bonferroni(p_value, p_shift),
            "effect": rounded(statistic),
            "band": rounded(self.band.high(n)),
            "shift": rounded(shift),
            "shift_band": rounded(self.shift_band.high(n)),
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
        bands = {"band": self.band.to_state(), "shift_band": self.shift_band.to_state()}
        return {"name": self.name, "bins": bins, "counts": self.counts.tolist(), **bands}

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
        band, shift_band = (Band.from_state(state[name]) for name in ("band", "shift_band"))
        return cls(state["name"], bins, counts, _groups(counts), normal_scores(counts[1:]), band, shift_band)


def profile_numeric(name: str, reference: pa.Array | pa.ChunkedArray) -> NumericProfile:
    """Return the profile of a reference column, whose rows are in time order."""
    values = to_floats(reference)
    bins = bins_of(values)
    codes = bins.codes(values)
    counts = count(codes, bins.size)
    scores = normal_scores(counts[1:])

    def shifted(reference: Floats, current: Floats) -> Floats:
        return np.abs(shifts(scores, shares(reference[:, 1:]), shares(current[:, 1:])))

    bands = coded_bands(codes, bins.size, distances, shifted)
    return NumericProfile(name, bins, counts, _groups(counts), scores, *bands)


def _groups(counts: Counts) -> Codes:
    """Return for each bin its group: 0 for null, then tenths of the reference by the middle of the bin's mass."""
    mass = counts[1:].astype(float)
    total = mass.sum() or 1.0
    middle = (np.cumsum(mass) - mass / 2) / total
    return np.concatenate([[0], 1 + np.minimum((middle * GROUPS).astype(np.int64), GROUPS - 1)])
