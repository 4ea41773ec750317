"""A sample counted batch by batch is the sample counted at once, and a profile kept as JSON is the profile."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from engine.measures import drift
from engine.measures.drift_bins import Edges, Grid, bins_of, to_floats

DRAW = np.random.default_rng(7)
SIZE = 6_000
COLUMNS: dict[str, tuple[drift.Kind, pa.Array]] = {
    "normal": ("numeric", pa.array(DRAW.normal(0, 1, SIZE))),
    "heavy tail": ("numeric", pa.array(DRAW.standard_cauchy(SIZE))),
    "few numbers": ("numeric", pa.array(DRAW.integers(0, 4, SIZE))),
    "with gaps": ("numeric", pa.array([None if n % 7 == 0 else float(n % 90) for n in range(SIZE)], pa.float64())),
    "constant": ("numeric", pa.array([4.0] * SIZE)),
    "words": ("categorical", pa.array(DRAW.choice(["a", "b", "c", "d"], SIZE).tolist())),
    "codes": ("categorical", pa.array([None if n % 9 == 0 else n % 300 for n in range(SIZE)], pa.int64())),
    "texts": ("text", pa.array([" ".join(DRAW.choice(["tax", "vote", "news", "wall"], 6)) for _ in range(SIZE)])),
}
OTHER: dict[str, pa.Array] = {
    "words": pa.array(["a", "z", None, "y", "z"] * 100),
    "codes": pa.array([1.0, 2.5, 999.0, None] * 100),
    "texts": pa.array(["tax on bread", None, "news"] * 100),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_batches_add_up_to_the_whole(name: str) -> None:
    kind, reference = COLUMNS[name]
    profile = drift.profile(name, reference, kind)
    current = OTHER.get(name, reference[1_000:2_500])
    first, second = profile.tally(), profile.tally()
    for start in range(0, 300, 50):
        first.add(current.slice(start, 50))
    second.add(pa.chunked_array([current.slice(300, 7), current.slice(307)]))
    first.merge(second)  # type: ignore[arg-type]
    assert profile.against(first) == profile.compare(current)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", COLUMNS)
def test_a_kept_profile_says_what_the_made_one_says(name: str) -> None:
    kind, reference = COLUMNS[name]
    made = drift.profile(name, reference, kind)
    kept = drift.from_state(json.loads(json.dumps(drift.to_state(made), allow_nan=False)))
    current = OTHER.get(name, reference[:700])
    assert kept.compare(current) == made.compare(current)


@pytest.mark.parametrize("name", ["words", "codes"])
def test_a_dictionary_says_what_its_values_say(name: str) -> None:
    kind, reference = COLUMNS[name]
    profile = drift.profile(name, reference, kind)
    for current in (reference, OTHER[name]):
        assert profile.compare(current.dictionary_encode()) == profile.compare(current)
        assert profile.compare(current.dictionary_encode(null_encoding="encode")) == profile.compare(current)


@pytest.mark.parametrize("words", [1, 2, 3, 50, 127, 128, 129, 1_000])
@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("type_", [pa.int8(), pa.int32()], ids=str)
def test_words_are_counted_however_many_there_are(words: int, start: int, type_: pa.DataType) -> None:
    """Few are counted in pairs: of an odd number of rows, from an odd place, and where one never comes."""
    found = DRAW.integers(0, max(1, min(words, 128) - 1), 4_001)
    texts = pa.array([f"v{number}" for number in range(words)])
    column = pa.DictionaryArray.from_arrays(pa.array(found).cast(type_), texts).slice(start, 3_999)
    profile = drift.profile("word", pa.concat_arrays([texts, texts]), "categorical")
    tally = profile.tally()
    tally.add(column)
    expected = np.zeros(len(tally.counts), np.int64)
    np.add.at(expected, profile.codes(texts)[found[start : start + 3_999]], 1)  # type: ignore[union-attr]
    assert tally.counts.tolist() == expected.tolist()


def test_a_value_far_out_or_missing_has_its_bin() -> None:
    """NaN is counted with nulls whichever else a batch holds, and infinity at its end."""
    grid = bins_of(DRAW.normal(0, 1, 20_000))
    assert isinstance(grid, Grid)
    counts = grid.counts(np.array([np.nan, np.inf, -np.inf, 1e308, -1e308, np.nan, 0.0]))
    assert (counts[0], counts[1], counts[-1], counts.sum()) == (2, 2, 2, 7)


@given(arrays.arrays(np.float64, st.integers(1, 300), elements=st.floats(allow_nan=True, allow_infinity=True)))
def test_every_value_has_its_bin_in_order(values: np.ndarray[Any, np.dtype[np.float64]]) -> None:
    bins = bins_of(values)
    codes = bins.codes(values)
    assert (bins.counts(values) == np.bincount(codes, minlength=bins.size)).all()
    assert ((codes == 0) == np.isnan(values)).all()
    order = np.argsort(values[codes > 0], kind="stable")
    assert (np.diff(codes[codes > 0][order]) >= 0).all()


def test_equal_cells_serve_where_they_resolve_and_quantiles_elsewhere() -> None:
    assert isinstance(bins_of(to_floats(COLUMNS["normal"][1])), Grid)
    assert isinstance(bins_of(to_floats(COLUMNS["few numbers"][1])), Grid)
    assert isinstance(bins_of(DRAW.lognormal(0, 4, SIZE)), Edges)


def test_what_is_no_number_counts_as_null() -> None:
    profile = drift.profile("x", COLUMNS["normal"][1], "numeric")
    for current in (pa.array(["0.5", "t:9f3c", None, "1"]), pa.array(["0.5", "t:9f3c", None, "1"]).dictionary_encode()):
        tally = profile.tally()
        tally.add(current)
        assert (int(tally.counts[0]), int(tally.counts.sum())) == (2, 4)
    assert profile.compare(pa.array([[1.0], [2.0]]))["nulls"] == 1.0


def test_a_few_outliers_do_not_cost_the_grid() -> None:
    values = np.append(DRAW.normal(0, 1, SIZE), [1e9, -1e9])
    found = bins_of(values)
    assert isinstance(found, Grid)
    assert len(set(found.codes(values).tolist())) > 1_000


def test_the_grid_measures_what_sorting_measures() -> None:
    first, second = np.sort(DRAW.gamma(2, 2, 20_000)), np.sort(DRAW.gamma(2, 2.3, 5_000))
    at = np.concatenate([first, second])
    exact = np.max(
        np.abs(np.searchsorted(first, at, "right") / len(first) - np.searchsorted(second, at, "right") / 5_000)
    )
    found = drift.compare("x", pa.array(first), pa.array(second))
    assert found["effect"] == pytest.approx(exact, abs=0.004)


def test_unseen_values_are_told_apart_up_to_a_number() -> None:
    profile = drift.profile("c", pa.array(["a"] * 500), "categorical")
    found = profile.compare(pa.array([f"new {number}" for number in range(25_000)]))
    assert found["new"]["rows"] == 25_000
    assert found["new"]["categories"] == 10_000


def test_counting_needs_no_model_library() -> None:
    code = """
import sys
from engine.monitoring.light import without_pandas
without_pandas()  # pyarrow would import it for the first array it makes
import pyarrow as pa
from engine.measures import drift
for kind, values in (("numeric", [1.0, None, 3.5]), ("categorical", ["a", None, "b"]), ("text", ["a b"])):
    made = drift.profile("x", pa.array(values * 99), kind)
    drift.from_state(drift.to_state(made)).compare(pa.array(values))
print(sorted({"pandas", "sklearn", "scipy", "pyarrow.dataset"} & set(sys.modules)))
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert told.stdout == "[]\n", told.stderr
