"""Faults of a column are counted exactly, and judged by what its reference shows of itself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from engine.measures import drift
from engine.measures.drift_categorical import CategoryTally
from engine.measures.drift_numeric import NumericProfile
from engine.measures.quality import Faults, Norm, judged, norm_of

DRAW = np.random.default_rng(3)
NUMBERS = pa.array(np.round(DRAW.uniform(0, 100, 4000), 3))


def found(reference: pa.Array, *batches: pa.Array) -> dict[str, dict[str, Any]]:
    profile = drift.profile("x", reference)
    faults, tally = Faults(norm_of(profile, reference), isinstance(profile, NumericProfile)), profile.tally()
    for batch in batches:
        faults.add(batch)
        tally.add(batch)
    unseen = int(tally.counts[-1]) if isinstance(tally, CategoryTally) else 0
    return {one["fault"]: one for one in judged("x", faults, unseen, None)}


def test_each_fault_of_numbers_is_counted_once():
    bad = pa.array([None, None, math.nan, math.inf, -math.inf, 101.0, -1.0, 50.0])
    told = found(NUMBERS, bad, pa.array([50.0] * 2))
    assert {fault: one["rows"] for fault, one in told.items()} == {
        "nulls": 2, "not a number": 1, "infinite": 2, "outside": 2
    }  # fmt: skip
    assert told["nulls"]["n"] == 10
    assert all(one["beyond"] for fault, one in told.items() if fault in ("nulls", "outside", "infinite"))


def test_values_within_the_range_are_no_fault():
    assert found(NUMBERS, NUMBERS[:500]) == {}


def test_text_where_numbers_were_is_another_type():
    told = found(NUMBERS, pa.array(["12", "n/a", None]))
    assert told["another type"]["rows"] == 2


def test_nulls_are_judged_by_the_share_of_the_reference_and_its_own_spread():
    usual = pa.array([None if one < 0.3 else 1.0 + one for one in DRAW.uniform(0, 1, 4000).tolist()])
    calm = pa.array([None if one < 0.3 else 1.5 for one in DRAW.uniform(0, 1, 500).tolist()])
    more = pa.array([None if one < 0.6 else 1.5 for one in DRAW.uniform(0, 1, 500).tolist()])
    assert found(usual, calm)["nulls"]["beyond"] is False
    assert found(usual, more)["nulls"]["beyond"] is True


def test_a_column_that_always_brings_new_categories_is_not_found_to_be_wrong():
    always = pa.array([f"day {number // 20}" for number in range(4000)])
    assert found(always, pa.array([f"day {number // 20 + 200}" for number in range(400)]))["unseen"]["beyond"] is False
    few = pa.array(DRAW.choice(["a", "b", "c"], 4000).tolist())
    told = found(few, pa.array(["a"] * 380 + ["z"] * 20))["unseen"]
    assert (told["rows"], told["share"], told["usual"], told["beyond"]) == (20, 0.05, 0.0, True)


def test_numbers_that_always_rise_are_usually_outside():
    rising = pa.array(np.arange(4000.0))
    assert found(rising, pa.array(np.arange(4000.0, 4400.0)))["outside"]["beyond"] is False


def test_few_wrong_rows_of_few_are_not_sure():
    told = found(NUMBERS, pa.array([50.0] * 49 + [None]))
    assert told["nulls"]["share"] == 0.02
    assert told["nulls"]["beyond"] is False


def test_rows_without_the_column_are_counted():
    profile = drift.profile("x", NUMBERS)
    faults = Faults(norm_of(profile, NUMBERS), is_numeric=True)
    faults.lack(70)
    faults.add(pa.array([1.0] * 30))
    (told,) = judged("x", faults, 0, 0.4)
    assert (told["fault"], told["rows"], told["n"], told["beyond"], told["importance"]) == (
        "not logged", 70, 100, True, 0.4
    )  # fmt: skip


@pytest.mark.parametrize("size", [100, 1000, 10_000])
def test_samples_like_the_reference_are_rarely_found_to_be_wrong(size: int):
    draw = np.random.default_rng(size)

    def sample(rows: int) -> pa.Array:
        values = draw.lognormal(0, 1, rows)
        return pa.array(np.where(draw.random(rows) < 0.05, np.nan, values), from_pandas=True)

    reference = sample(20_000)
    alarms = sum(any(one["beyond"] for one in found(reference, sample(size)).values()) for _ in range(30))
    assert alarms <= 1


def test_what_is_kept_is_made_again():
    norm = norm_of(drift.profile("x", NUMBERS), NUMBERS)
    assert Norm.from_state(norm.to_state()) == norm
