"""Drift of a categorical column, or of its tokens: chi-square with Cramér's V, PSI, Jensen-Shannon, new and lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.measures.drift_codes import Band, Codes, coded_band, count, rounded
from engine.measures.drift_distances import Counts, chi_square, cramers_v, jensen_shannon, population_stability

CATEGORIES = 100  # told apart; rarer ones are one bin
NAMED = 5  # new and lost categories that are named
EXPECTED_LOST = 5.0  # a category is lost when this many rows of it were to be expected and none came


@dataclass(slots=True)
class CategoricalProfile:
    """Bins of a categorical reference: null, each frequent category, the rarer ones together, and never seen ones."""

    name: str
    frequent: pa.Array
    known: pa.Array
    counts: Counts
    band: Band
    named: bool  # False: values are tokens of a person's data, and only their number is told

    def compare(self, current: pa.Array | pa.ChunkedArray) -> dict[str, Any]:
        """Return how a current sample differs; see `engine.measures.drift`."""
        texts = to_texts(current)
        counts = count(_codes(texts, self.frequent, self.known), len(self.counts))
        statistic, p_value = chi_square(self.counts, counts)
        n, reference = int(counts.sum()), int(self.counts.sum())
        return {
            "name": self.name,
            "kind": "categorical",
            "test": "chi-square",
            "psi": rounded(population_stability(self.counts, counts)),
            "js": rounded(jensen_shannon(self.counts, counts)),
            "statistic": rounded(statistic),
            "p_value": p_value,
            "effect": rounded(cramers_v(self.counts, counts)),
            "band": rounded(self.band.high(n)),
            "n": n,
            "n_reference": reference,
            "nulls": rounded(counts[0] / n if n else 0.0),
            "nulls_reference": rounded(self.counts[0] / reference if reference else 0.0),
            "new": self._new(texts, int(counts[-1]), n),
            "lost": self._lost(counts, n, reference),
        }

    def _new(self, texts: pa.Array, rows: int, n: int) -> dict[str, Any]:
        found: dict[str, Any] = {"rows": rows, "share": rounded(rows / n if n else 0.0), "categories": 0, "names": []}
        if rows:
            unseen = texts.filter(pc.and_(pc.is_valid(texts), pc.invert(pc.is_in(texts, value_set=self.known))))
            values = sorted(pc.value_counts(unseen).to_pylist(), key=lambda one: (-one["counts"], one["values"]))
            found["categories"] = len(values)
            found["names"] = [one["values"] for one in values[:NAMED]] if self.named else []
        return found

    def _lost(self, counts: Counts, n: int, reference: int) -> dict[str, Any]:
        inside = slice(1, len(self.frequent) + 1)
        expected = self.counts[inside] * (n / reference) if reference else np.zeros(len(self.frequent))
        rows = np.flatnonzero((counts[inside] == 0) & (expected >= EXPECTED_LOST))
        names = [self.frequent[int(row)].as_py() for row in rows[:NAMED]] if self.named else []
        return {"categories": len(rows), "names": names}


def profile_categorical(name: str, reference: pa.Array | pa.ChunkedArray, *, named: bool = True) -> CategoricalProfile:
    """Return the profile of a reference column, whose rows are in time order."""
    texts = to_texts(reference)
    values = [one for one in pc.value_counts(texts).to_pylist() if one["values"] is not None]
    values.sort(key=lambda one: (-one["counts"], one["values"]))
    known = pa.array([one["values"] for one in values], pa.string())
    frequent = known[:CATEGORIES]
    bins = len(frequent) + 3
    codes = _codes(texts, frequent, known)
    return CategoricalProfile(name, frequent, known, count(codes, bins), coded_band(codes, bins, cramers_v), named)


def to_texts(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return categories as text, the same for a value however it is typed: 3 and 3.0 are one category."""
    array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_floating(array.type) and pc.all(pc.equal(pc.floor(array), array)).as_py():
        array = array.cast(pa.int64(), safe=False)
    return array.cast(pa.string())


def _codes(texts: pa.Array, frequent: pa.Array, known: pa.Array) -> Codes:
    rank = pc.index_in(texts, value_set=frequent)
    seen = pc.is_in(texts, value_set=known)
    rare, unseen = len(frequent) + 1, len(frequent) + 2
    codes = pc.if_else(pc.is_valid(rank), pc.add(rank, 1), pc.if_else(seen, rare, unseen))
    codes = pc.if_else(pc.is_valid(texts), codes, 0)
    found: Codes = np.asarray(codes.to_numpy(zero_copy_only=False), dtype=np.int64)
    return found
