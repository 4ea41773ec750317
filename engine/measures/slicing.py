"""A column cut into named groups, the same ones for every sample: its most frequent values, or bands of many numbers.

What lies in none of them is of the others; null is of its own. numpy and Arrow only.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.measures.drift_bins import to_floats
from engine.measures.drift_categorical import to_texts

MOST_GROUPS = 12  # told apart, the largest ones
DISTINCT_NUMBERS = 20  # of more numbers than these, bands are groups
BANDS = 4
MISSING = "missing"
OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Slicing:
    """The groups of one column. `values` are what is looked for, `labels` what is told; they differ where personal."""

    name: str
    values: tuple[str, ...]
    labels: tuple[str, ...]
    edges: tuple[float, ...] = ()  # of the bands, where numbers are cut

    @property
    def groups(self) -> tuple[str, ...]:
        """The label of each code."""
        return (*self.labels, OTHERS, MISSING)

    def codes(self, values: pa.Array | pa.ChunkedArray) -> Any:
        """Return (n,) int8: each row's group, as its place in `groups`."""
        others, missing = len(self.labels), len(self.labels) + 1
        if self.edges:
            numbers = to_floats(values)
            places = np.clip(np.searchsorted(self.edges, numbers, side="right") - 1, 0, len(self.edges) - 2)
            return np.where(np.isnan(numbers), missing, places).astype(np.int8)
        whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
        if not len(whole):
            return np.zeros(0, np.int8)
        coded = whole if pa.types.is_dictionary(whole.type) else whole.dictionary_encode()
        words = to_texts(coded.dictionary)
        found = pc.fill_null(pc.index_in(words, value_set=pa.array(self.values, pa.string())), others)
        of_word = np.asarray(pc.if_else(pc.is_valid(words), found, missing), dtype=np.int8)
        rows = np.asarray(pc.fill_null(coded.indices.cast(pa.int64()), len(of_word)), dtype=np.int64)
        return np.append(of_word, np.int8(missing))[rows]

    def to_state(self) -> dict[str, Any]:
        """Return it as plain data, of which `from_state` makes it again."""
        return {"name": self.name, "values": self.values, "labels": self.labels, "edges": self.edges}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Slicing:
        """Return the slicing that `to_state` told of."""
        return cls(state["name"], tuple(state["values"]), tuple(state["labels"]), tuple(state["edges"]))


def slicing_of(name: str, reference: pa.Array | pa.ChunkedArray, *, named: bool = True) -> Slicing:
    """Return the groups of a reference column; `named=False` numbers them by size instead of telling values."""
    kind = reference.type
    is_number = (pa.types.is_integer(kind) or pa.types.is_floating(kind)) and not pa.types.is_boolean(kind)
    if is_number and pc.count_distinct(reference).as_py() > DISTINCT_NUMBERS:
        numbers = to_floats(reference)
        edges = np.unique(np.quantile(numbers[np.isfinite(numbers)], np.linspace(0, 1, BANDS + 1))).tolist()
        told = [f"{low:g}..{high:g}" for low, high in pairwise(edges)]
        return Slicing(name, (), tuple(_told(told, named)), tuple(edges))
    counted = pc.value_counts(to_texts(reference).drop_null()).to_pylist()
    counted.sort(key=lambda one: (-one["counts"], one["values"]))
    values = [str(one["values"]) for one in counted[:MOST_GROUPS]]
    return Slicing(name, tuple(values), tuple(_told(values, named)))


def _told(values: list[str], named: bool) -> list[str]:
    return values if named else [f"group {number}" for number in range(1, len(values) + 1)]
