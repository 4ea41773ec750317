"""Drift of a categorical column, or of its tokens: chi-square with Cramér's V, PSI, Jensen-Shannon, new and lost."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.measures.drift_bins import Codes
from engine.measures.drift_codes import Band, coded_bands, count, rounded
from engine.measures.drift_distances import (
    Counts,
    associations,
    chi_square,
    cramers_v,
    jensen_shannon,
    population_stability,
)

CATEGORIES = 100  # told apart; rarer ones are one bin
NAMED = 5  # new and lost categories that are named
EXPECTED_LOST = 5.0  # a category is lost when this many rows of it were to be expected and none came
MOST_IN_PAIRS = 128  # two indices of as many words are one int16
MOST_UNSEEN = 10_000  # new categories told apart; of more only the rows are counted


@dataclass(slots=True)
class CategoryTally:
    """A sample counted into the bins of a reference, batch by batch, and the categories it had never seen."""

    profile: CategoricalProfile
    counts: Counts
    unseen: Counter[str] = field(default_factory=Counter)
    _words: pa.Array | None = None  # the dictionary of the last batch, whose codes are known
    _codes: Codes | None = None

    def add(self, values: pa.Array | pa.ChunkedArray) -> None:
        """Count more values."""
        for chunk in values.chunks if isinstance(values, pa.ChunkedArray) else [values]:
            self._add(chunk if pa.types.is_dictionary(chunk.type) else chunk.dictionary_encode())

    def merge(self, other: CategoryTally) -> None:
        """Add what another tally of the same reference counted."""
        self.counts += other.counts
        for value, rows in other.unseen.items():
            self._count_unseen(value, rows)

    def _add(self, chunk: pa.DictionaryArray) -> None:
        # A few distinct values are coded instead of every row.
        words = chunk.dictionary
        if self._words is None or not self._words.equals(words):
            self._words, self._codes = words, self.profile.codes(to_texts(words))
        assert self._codes is not None
        indices = chunk.indices.drop_null() if chunk.indices.null_count else chunk.indices
        rows = _counted(indices, len(words))
        self.counts[0] += len(chunk) - len(indices)
        np.add.at(self.counts, self._codes, rows)
        never_seen = np.flatnonzero((self._codes == len(self.counts) - 1) & (rows > 0))
        if len(never_seen):
            values = to_texts(words.take(pa.array(never_seen))).to_pylist()
            for value, number in zip(values, rows[never_seen].tolist(), strict=True):
                self._count_unseen(value, number)

    def _count_unseen(self, value: str, rows: int) -> None:
        if value in self.unseen or len(self.unseen) < MOST_UNSEEN:
            self.unseen[value] += rows


@dataclass(slots=True)
class CategoricalProfile:
    """Bins of a categorical reference: null, each frequent category, the rarer ones together, and never seen ones."""

    name: str
    frequent: pa.Array
    known: pa.Array
    counts: Counts
    band: Band
    named: bool  # False: values are tokens of a person's data, and only their number is told

    def tally(self) -> CategoryTally:
        """Return an empty sample."""
        return CategoryTally(self, np.zeros(len(self.counts), np.int64))

    def compare(self, current: pa.Array | pa.ChunkedArray) -> dict[str, Any]:
        """Return how a current sample differs; see `engine.measures.drift`."""
        tally = self.tally()
        tally.add(current)
        return self.against(tally)

    def against(self, tally: CategoryTally) -> dict[str, Any]:
        """Return how a counted sample differs."""
        counts = tally.counts
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
            "new": self._new(tally, n),
            "lost": self._lost(counts, n, reference),
        }

    def codes(self, texts: pa.Array) -> Codes:
        """Return the bin of each text."""
        return _codes(texts, self.frequent, self.known)

    def to_state(self) -> dict[str, Any]:
        """Return it as plain data, of which `from_state` makes it again."""
        return {
            "name": self.name,
            "known": self.known.to_pylist(),
            "counts": self.counts.tolist(),
            "band": self.band.to_state(),
            "named": self.named,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> CategoricalProfile:
        """Return the profile that `to_state` told of."""
        known = pa.array(state["known"], pa.string())
        counts = np.array(state["counts"], np.int64)
        return cls(state["name"], known[:CATEGORIES], known, counts, Band.from_state(state["band"]), state["named"])

    def _new(self, tally: CategoryTally, n: int) -> dict[str, Any]:
        rows = int(tally.counts[-1])
        values = sorted(tally.unseen, key=lambda one: (-tally.unseen[one], one))
        share = rounded(rows / n if n else 0.0)
        return {
            "rows": rows,
            "share": share,
            "categories": len(values),
            "names": values[:NAMED] if self.named else [],
        }

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
    (band,) = coded_bands(codes, bins, associations)
    return CategoricalProfile(name, frequent, known, count(codes, bins), band, named)


def to_texts(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return categories as text, the same for a value however it is typed: 3 and 3.0 are one category."""
    array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_floating(array.type):
        whole = pc.and_(pc.equal(pc.floor(array), array), pc.less(pc.abs(array), 2.0**53))
        integers = pc.if_else(whole, array, None).cast(pa.int64(), safe=False)
        return pc.if_else(whole, integers.cast(pa.string()), array.cast(pa.string()))
    return array.cast(pa.string())


def _integers(indices: pa.Array) -> Codes:
    found: Codes = _int32(indices).astype(np.int64)
    return found


def _int32(indices: pa.Array) -> Any:
    # The buffer itself: `to_numpy` imports pandas where it is installed.
    whole = indices if pa.types.is_int32(indices.type) else indices.cast(pa.int32())
    return np.frombuffer(whole.buffers()[1], np.int32)[whole.offset : whole.offset + len(whole)]


def _counted(indices: pa.Array, words: int) -> Counts:
    """Count indices 0 to words - 1, without nulls; those of few words two at a time.

    Of few words one often follows itself, and its counter waits for the last sum; of pairs there are half as many.
    """
    found = _int32(indices) if len(indices) else np.empty(0, np.int32)
    if words > MOST_IN_PAIRS:
        return np.bincount(found, minlength=words).astype(np.int64)
    bits = (words - 1).bit_length() if words else 0
    paired = len(found) & ~1
    keys = found[:paired].view(np.int64)  # either of two is the upper half: which one does not matter to sums
    keys = (keys >> (32 - bits)) + keys
    keys &= (1 << (2 * bits)) - 1
    both = np.bincount(keys.astype(np.int16), minlength=1 << (2 * bits)).reshape(1 << bits, 1 << bits)
    total: Counts = (both.sum(axis=0) + both.sum(axis=1))[:words]
    total[found[paired:]] += 1
    return total


def _codes(texts: pa.Array, frequent: pa.Array, known: pa.Array) -> Codes:
    """Return bins; `known` begins with the frequent ones."""
    unseen = len(frequent) + 2
    rank = pc.fill_null(pc.index_in(texts, value_set=known), len(known))
    if texts.null_count:
        rank = pc.if_else(pc.is_valid(texts), rank, -1)
    codes = _integers(rank)
    return np.where(codes < len(known), np.minimum(codes, len(frequent)) + 1, unseen)
