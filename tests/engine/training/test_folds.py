"""Folds and holdout in time order, and classes that a part of them lacks."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.settings.model import DataSettings, ModelSettings
from engine.training.dataset import prepare
from engine.training.folds import MIN_BLOCK, check_classes, expanding_folds, split_holdout
from store.errors import Refused


def make_dataset(times, truth=None):
    """Rows at these times (microseconds; None: no time column), with numbers or class text as the truth."""
    count = len(times) if times is not None else len(truth)
    columns = {"x": list(range(count)), "y": truth if truth is not None else [float(place) for place in range(count)]}
    if times is not None:
        columns["at"] = pa.array(np.asarray(times, dtype="datetime64[us]"))
    task = "regression" if truth is None else "classification"
    data = DataSettings("rows.csv", "y", "at" if times is not None else None)
    return prepare(pa.table(columns), ModelSettings("rates", task, data), "UTC")


def divide(dataset, folds=3, share=0.2):
    split = split_holdout(dataset, share, seed=7)
    return split, expanding_folds(dataset, split.train, folds, seed=7)


DAY = 86_400_000_000


def test_holdout_is_the_newest_share():
    split, _ = divide(make_dataset(range(100)))
    assert split.train.tolist() == list(range(80))
    assert split.holdout.tolist() == list(range(80, 100))


def test_folds_fit_on_everything_before_what_they_measure():
    _, folds = divide(make_dataset(range(100)))
    assert [(len(fold.train), len(fold.test)) for fold in folds] == [(20, 20), (40, 20), (60, 20)]
    for fold in folds:
        assert fold.train.max() < fold.test.min()
    assert [fold.train[0] for fold in folds] == [0, 0, 0]


@given(steps=st.lists(st.integers(0, 3), min_size=60, max_size=200), folds=st.integers(2, 5))
@settings(max_examples=60, deadline=None)
def test_no_moment_is_on_both_sides(steps, folds):
    dataset = make_dataset(np.cumsum(steps))
    try:
        split, parts = divide(dataset, folds)
    except Refused:
        return
    pairs = [(split.train, split.holdout), *((fold.train, fold.test) for fold in parts)]
    for before, after in pairs:
        assert dataset.times[before].max() < dataset.times[after].min()
        assert min(len(before), len(after)) >= MIN_BLOCK
    assert np.concatenate([parts[0].train, *(fold.test for fold in parts)]).tolist() == split.train.tolist()


def test_one_moment_alone_leaves_no_holdout(says):
    with pytest.raises(Refused, check=says("too few different times to keep a holdout: take a longer span")):
        divide(make_dataset([5] * 60))


def test_few_moments_do_not_divide_into_folds(says):
    told = r"80 rows do not divide into 3 folds by time: set fewer \[train\] folds"
    with pytest.raises(Refused, check=says(told)):
        divide(make_dataset([0] * 70 + [1] * 10 + [2] * 20))


def test_rows_without_times_are_shuffled_the_same_each_time():
    dataset = make_dataset(None, ["a", "b"] * 50)
    split, folds = divide(dataset)
    again, folds_again = divide(dataset)
    assert split.holdout.tolist() == again.holdout.tolist() != list(range(80, 100))
    assert sorted([*split.train, *split.holdout]) == list(range(100))
    assert [fold.test.tolist() for fold in folds] == [fold.test.tolist() for fold in folds_again]


def test_shuffled_folds_measure_every_row_once():
    split, folds = divide(make_dataset(None, ["a", "b"] * 50), folds=4)
    assert sorted(np.concatenate([fold.test for fold in folds])) == split.train.tolist()
    for fold in folds:
        assert sorted([*fold.train, *fold.test]) == split.train.tolist()


def daily(truth):
    return make_dataset(np.arange(len(truth)) * DAY, truth)


def said_of(truth, folds=3):
    dataset = daily(truth)
    split, parts = divide(dataset, folds)
    with pytest.raises(Refused) as raised:
        check_classes(dataset, split, parts)
    return raised.value.line()


def test_holdout_without_a_class_is_told_with_its_span():
    line = said_of(["a", "b"] * 40 + ["a"] * 20)
    assert line == (
        "the holdout, 1970-03-22 to 1970-04-10, holds no row of class 'b' among 20 rows, so nothing can be learned or"
        " measured there: train with --until an earlier time, or set fewer [train] folds or another holdout"
    )


@pytest.mark.parametrize(
    ("lacking", "part"),
    [
        (range(20), r"fold 1 (training part), 1970-01-01 to 1970-01-20, holds no row of class 'b' among 20 rows"),
        (range(20, 40), "fold 1 (test part), 1970-01-21 to 1970-02-09, holds no row of class 'b' among 20 rows"),
        (range(60, 80), "fold 3 (test part), 1970-03-02 to 1970-03-21, holds no row of class 'b' among 20 rows"),
    ],
)
def test_fold_without_a_class_is_told_by_its_part(lacking, part):
    truth = ["a" if place in lacking else "ab"[place % 2] for place in range(100)]
    line = said_of(truth)
    assert line.startswith(part)
    assert "\n" not in line


def test_class_that_only_the_holdout_holds_is_refused():
    line = said_of(["a", "b"] * 40 + ["a", "b", "c", "a"] * 5)
    assert line.startswith("class 'c' occurs in the holdout, 1970-03-22 to 1970-04-10, only, so no model can learn it")


def test_part_of_one_class_among_several_is_refused():
    assert "fold 3 (test part)" in said_of(["a", "b", "c", "a"] * 15 + ["a"] * 20 + ["a", "b", "c", "b"] * 5)


def test_part_may_lack_one_of_several_classes():
    dataset = daily(["a", "b", "c", "a"] * 20 + ["a", "b"] * 10)
    check_classes(dataset, *divide(dataset))


def test_both_classes_everywhere_pass():
    dataset = daily(["a", "b"] * 50)
    check_classes(dataset, *divide(dataset))


def test_regression_has_no_classes_to_lack():
    dataset = make_dataset(range(100))
    check_classes(dataset, *divide(dataset))


def test_rows_of_a_group_are_on_one_side_only(bookings, rates):
    dataset = prepare(bookings(), rates(time_column=None, group="nights"), "UTC")
    assert "nights" not in dataset.frame.columns
    split = split_holdout(dataset, 0.3, 7)
    folds = expanding_folds(dataset, split.train, 2, 7)
    assert len(split.train) + len(split.holdout) == len(dataset)
    for train, test in [(split.train, split.holdout), *((fold.train, fold.test) for fold in folds)]:
        assert len(train)
        assert len(test)
        assert not set(dataset.groups[train]) & set(dataset.groups[test])


def test_time_and_group_together_leave_earlier_rows_of_later_groups_out(bookings, rates):
    table = bookings()
    visits = [place // 25 for place in range(300)]
    table = table.append_column("guest", [visits])
    dataset = prepare(table, rates(group="guest"), "UTC")
    split = split_holdout(dataset, 0.2, 7)
    assert dataset.times[split.train].max() < dataset.times[split.holdout].min()
    assert not set(dataset.groups[split.train]) & set(dataset.groups[split.holdout])
    for fold in expanding_folds(dataset, split.train, 2, 7):
        assert not set(dataset.groups[fold.train]) & set(dataset.groups[fold.test])


def test_too_few_groups_are_refused(bookings, rates, says):
    dataset = prepare(bookings(), rates(time_column=None, group="segment"), "UTC")
    with pytest.raises(Refused, check=says("2 different values, too few for the holdout")):
        split_holdout(dataset, 0.2, 7)
    with pytest.raises(Refused, check=says("2 different values, too few for 4 folds")):
        expanding_folds(dataset, np.arange(300), 4, 7)


def test_group_that_is_everywhere_leaves_nothing_to_fit_on(bookings, rates, says):
    dataset = prepare(bookings(), rates(group="segment"), "UTC")
    with pytest.raises(Refused, check=says("only 0 rows to fit on belong to a group that is not in the holdout")):
        split_holdout(dataset, 0.2, 7)
