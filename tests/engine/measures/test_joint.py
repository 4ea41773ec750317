"""A change of how columns go together is seen where none moved alone; what stays, or moves alone, is quiet."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.measures import drift
from engine.measures.joint import FEWEST, Joint, Sampled, joint_of, keys_of

NAMES = ("a", "b", "c", "d", "k")
NUMERIC = (True, True, True, True, False)


def rows(size: int, seed: int, *, together: float = 0.7, with_k: bool = False, moved: float = 0.0) -> Any:
    """Bins of four numbers and a category: a and b go together so strongly; the category goes with c where asked."""
    draw = np.random.default_rng(seed)
    values = draw.normal(size=(size, 4))
    values[:, 1] = together * values[:, 0] + np.sqrt(1 - together**2) * values[:, 1]
    bins = np.clip((values + moved + 4) / 8 * 500, 1, 500)
    category = 1 + draw.integers(0, 3, size)
    if with_k:
        category = 1 + np.searchsorted(np.quantile(values[:, 2], [1 / 3, 2 / 3]), values[:, 2])
    return np.column_stack([bins, category]).astype(np.int16)


def judged(reference: Joint, codes: Any) -> dict[str, Any]:
    return drift.judge([reference.compare(codes, len(codes))])[0]


def made(names: tuple[str, ...], numeric: tuple[bool, ...], codes: Any) -> Joint:
    return joint_of(names, numeric, len(codes), codes.__getitem__)


@pytest.fixture(scope="module")
def reference() -> Joint:
    """3,000 rows in which a and b go together."""
    return made(NAMES, NUMERIC, rows(20_000, 1))


@pytest.mark.parametrize(("size", "seeds"), [(300, 60), (1_000, 60), (3_000, 40)])
def test_stationary_rows_are_quiet(reference: Joint, size: int, seeds: int):
    told = [judged(reference, rows(size, 100 + seed)) for seed in range(seeds)]
    assert not any(one["drifted"] for one in told)
    likely = np.array([one["p_value"] for one in told])
    assert np.mean(likely < 0.05) <= 0.15  # the test itself is honest, before any band
    assert 0.3 < likely.mean() < 0.7


@pytest.mark.parametrize("size", [300, 1_000, 3_000])
def test_a_correlation_that_turned_round_is_seen_and_named(reference: Joint, size: int):
    for seed in range(10):
        told = judged(reference, rows(size, 200 + seed, together=-0.7))
        assert told["drifted"] is True
        assert told["pairs"][0]["columns"] == ["a", "b"]
    assert told["pairs"][0]["before"] > 0.6 > -0.6 > told["pairs"][0]["now"]
    alone = [drift.compare(name, _column(rows(9_000, 1), place), _column(rows(size, 5, together=-0.7), place))
             for place, name in enumerate(NAMES)]  # fmt: skip
    assert not any(one["drifted"] for one in alone)


def test_a_correlation_that_is_gone_is_seen(reference: Joint):
    assert all(judged(reference, rows(1_000, 300 + seed, together=0.0))["drifted"] for seed in range(10))


def test_a_category_that_goes_with_a_number_is_seen(reference: Joint):
    told = judged(reference, rows(1_000, 7, with_k=True))
    assert told["drifted"] is True
    assert told["pairs"][0]["columns"] == ["c", "k"]


def test_columns_that_moved_alone_are_not_joint_drift(reference: Joint):
    told = [judged(reference, rows(1_000, 400 + seed, moved=1.0)) for seed in range(20)]
    assert not any(one["drifted"] for one in told)


def test_a_reference_that_changes_in_time_bears_as_much():
    parts = [rows(3_300, number, together=0.7 if number % 2 else -0.2) for number in range(6)]
    restless = made(NAMES, NUMERIC, np.concatenate(parts))
    assert restless.band.high(1_000) > 0.3
    assert judged(restless, rows(1_000, 9, together=0.6))["drifted"] is False


def test_few_rows_and_single_columns_say_nothing(reference: Joint):
    assert judged(reference, rows(FEWEST - 1, 1))["drifted"] is None
    assert "rows" in reference.compare(rows(10, 1), 10)["note"]
    single = made(("a",), (True,), rows(3_000, 1)[:, :1])
    assert "two columns" in single.compare(rows(3_000, 2)[:, :1], 3_000)["note"]


def test_constant_and_null_columns_do_no_harm():
    codes = rows(2_000, 1)
    codes[:, 2], codes[::3, 3] = 0, 0
    codes[:, 4] = 1
    found = made(NAMES, NUMERIC, codes)
    told = judged(found, codes[:900])
    assert told["drifted"] is False
    assert np.isfinite(told["effect"])


def test_what_is_kept_is_made_again(reference: Joint):
    again = Joint.from_state(reference.to_state())
    assert again.compare(rows(500, 3), 500) == reference.compare(rows(500, 3), 500)


def test_a_sample_is_the_same_in_any_order_and_cut():
    codes = rows(20_000, 1)
    keys = keys_of(np.arange(20_000), np.arange(20_000) % 7)
    assert len(np.unique(keys)) == 20_000
    whole, cut = Sampled(5), Sampled(5)
    whole.add(keys, codes)
    order = np.random.default_rng(1).permutation(20_000)
    for batch in np.array_split(order, 13):
        wanted = batch[cut.wanted(keys[batch])]
        cut.add(keys[wanted], codes[wanted])
    assert (cut.codes == whole.codes).all()
    picked = np.flatnonzero(np.isin(keys, whole.keys))
    assert abs(picked.mean() - 10_000) < 500  # from everywhere


def _column(codes: Any, place: int) -> Any:
    import pyarrow as pa

    values = codes[:, place].astype(float)
    return pa.array(values) if NUMERIC[place] else pa.array([f"v{int(one)}" for one in values])
