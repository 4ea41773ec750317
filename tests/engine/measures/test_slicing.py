"""Groups of a column are the same for every sample: frequent values, or bands of many numbers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from engine.measures.slicing import MOST_GROUPS, Slicing, slicing_of


def told(slicing: Slicing, values: pa.Array) -> list[str]:
    return [slicing.groups[code] for code in slicing.codes(values).tolist()]


def test_frequent_values_are_groups_and_the_rest_are_others():
    words = [f"v{number}" for number in range(20) for _ in range(40 - number)]
    slicing = slicing_of("segment", pa.array(words))
    assert slicing.labels == tuple(f"v{number}" for number in range(MOST_GROUPS))
    assert told(slicing, pa.array(["v0", "v19", "never seen", None, "v11"])) == [
        "v0", "others", "others", "missing", "v11"
    ]  # fmt: skip


@pytest.mark.parametrize("chunked", [True, False])
def test_dictionaries_plain_text_and_chunks_are_coded_alike(chunked: bool):
    slicing = slicing_of("segment", pa.array(["a", "a", "b"]))
    plain = pa.array(["b", None, "a", "c"])
    coded = plain.dictionary_encode()
    values = pa.chunked_array([coded[:2], coded[2:]]) if chunked else coded
    assert slicing.codes(values).tolist() == slicing.codes(plain).tolist() == [1, 3, 0, 2]
    assert slicing.codes(pa.array([None, None], pa.string())).tolist() == [3, 3]
    assert slicing.codes(pa.array([], pa.string())).tolist() == []


def test_few_numbers_are_values_however_they_are_typed_and_many_are_bands():
    few = slicing_of("guests", pa.array([1, 2, 2, 3]))
    assert told(few, pa.array([2.0, 3.0, None])) == ["2", "3", "missing"]
    many = slicing_of("lead", pa.array(np.arange(101.0)))
    assert many.labels == ("0..25", "25..50", "50..75", "75..100")
    assert told(many, pa.array([-5.0, 24.9, 25.0, 100.0, 1e9, float("nan"), None])) == [
        "0..25", "0..25", "25..50", "75..100", "75..100", "missing", "missing"
    ]  # fmt: skip


def test_groups_that_are_not_named_are_numbered_by_size():
    slicing = slicing_of("guest", pa.array(["ann", "bo", "bo"]), named=False)
    assert told(slicing, pa.array(["ann", "bo"])) == ["group 2", "group 1"]
    assert slicing_of("age", pa.array(np.arange(101.0)), named=False).labels[0] == "group 1"


def test_what_is_kept_is_made_again():
    for values in (pa.array(["a", "b"]), pa.array(np.arange(101.0))):
        slicing = slicing_of("name", values)
        assert Slicing.from_state(slicing.to_state()) == slicing
