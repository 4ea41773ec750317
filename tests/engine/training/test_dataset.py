"""Rows made ready: what is an input, what is the truth, and targets that do not fit their task."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from engine.training.dataset import MIN_ROWS, prepare, truth_of
from store.errors import Refused, WorkFailed


def with_column(table, name, values):
    place = table.column_names.index(name) if name in table.column_names else None
    if place is None:
        return table.append_column(name, pa.array(values))
    return table.set_column(place, name, pa.array(values))


def test_every_column_but_target_and_id_is_an_input(bookings, rates):
    made = prepare(bookings(), rates(id_column="country"), "UTC")
    assert [(column.name, column.type, column.nullable) for column in made.signature.inputs] == [
        ("at", "datetime", False),
        ("nights", "long", False),
        ("discount", "double", True),
        ("segment", "string", False),
        ("note", "string", False),
        ("kept", "boolean", False),
    ]
    assert list(made.frame.columns) == [column.name for column in made.signature.inputs]


def test_columns_are_read_by_their_kind(bookings, rates):
    kinds = prepare(bookings(), rates(), "UTC").kinds
    assert kinds.numbers == ("nights", "discount", "kept")
    assert (kinds.categories, kinds.texts, kinds.times) == (("segment", "country"), ("note",), ("at",))


def test_features_named_are_the_inputs_in_their_order(bookings, rates):
    made = prepare(bookings(), rates(features=("segment", "nights")), "UTC")
    assert [column.name for column in made.signature.inputs] == ["segment", "nights"]


def test_column_that_is_always_null_is_no_input(bookings, rates):
    table = with_column(bookings(), "empty", pa.nulls(300, pa.float64()))
    assert "empty" not in prepare(table, rates(), "UTC").frame.columns


def test_model_without_an_input_is_refused(bookings, rates, says):
    with pytest.raises(Refused, check=says(r"rates has no input column: name some in \[data\] features")):
        prepare(bookings().select(["price"]), rates(time_column=None), "UTC")


def test_rows_without_a_target_are_left_out(bookings, rates):
    prices = bookings().column("price").to_pylist()
    prices[3], prices[7] = None, float("nan")
    made = prepare(with_column(bookings(), "price", prices), rates(), "UTC")
    assert (len(made), len(made.frame), len(made.times)) == (298, 298, 298)
    assert made.truth[3] == prices[4]


def test_too_few_rows_with_a_target_fail_the_work(bookings, rates, says):
    table = with_column(bookings(), "price", [1.0] * (MIN_ROWS - 1) + [None] * (301 - MIN_ROWS))
    with pytest.raises(WorkFailed, check=says("39 rows with a target are too few .*at least 40 are needed")):
        prepare(table, rates(), "UTC")


@pytest.mark.parametrize(
    ("target", "kind"), [("segment", "string"), ("kept", "boolean"), ("at", "datetime"), ("note", "string")]
)
def test_target_that_is_no_number_is_refused_for_regression(bookings, rates, says, target, kind):
    told = f"the target '{target}' holds {kind}, regression needs numbers: .*task = \"classification\""
    with pytest.raises(Refused, check=says(told)):
        prepare(bookings(), rates(target=target, time_column=None), "UTC")


def test_whole_numbers_are_a_target_of_regression(bookings, rates):
    assert prepare(bookings(), rates(target="nights"), "UTC").truth.dtype == np.float64


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        ([True, False, None] * 100, ("false", "true")),
        ([0, 1, 2] * 100, ("0", "1", "2")),
        ([0.0, 1.0, None] * 100, ("0", "1")),
        (["kept", "gone", "moved"] * 100, ("gone", "kept", "moved")),
    ],
)
def test_classes_are_text_in_order(bookings, rates, values, classes):
    made = prepare(with_column(bookings(), "kept", values), rates(task="classification", target="kept"), "UTC")
    assert made.signature.classes == classes
    assert [column.name for column in made.signature.outputs] == ["label", "score", *(f"scores.{c}" for c in classes)]
    assert set(made.truth.tolist()) == set(classes)


def test_one_class_alone_is_refused(bookings, rates, says):
    table = with_column(bookings(), "kept", [True] * 300)
    with pytest.raises(Refused, check=says(r"the target 'kept' holds one class only \(true\): take data")):
        prepare(table, rates(task="classification", target="kept"), "UTC")


def test_more_classes_than_can_be_told_apart_are_refused(bookings, rates, says):
    with pytest.raises(Refused, check=says("'price' holds 300 classes, at most 100 .*task = \"regression\"")):
        prepare(bookings(), rates(task="classification", target="price"), "UTC")


def test_task_that_is_not_trained_yet_is_refused(bookings, rates, says):
    with pytest.raises(Refused, check=says("task 'policy' cannot be trained: trained are classification")):
        prepare(bookings(), rates(task="policy"), "UTC")


def test_times_are_microseconds_in_the_zone_of_the_deck(bookings, rates):
    there, here = (prepare(bookings(), rates(), zone).times for zone in ("UTC", "Europe/Madrid"))
    assert (there - here)[0] == 3_600_000_000


def test_truth_comes_with_the_mask_of_rows_that_have_one(bookings):
    truth, known = truth_of(pa.table({"y": [1.0, None, 3.0]}), "y", "regression")
    assert (truth.tolist(), known.tolist()) == ([1.0, 3.0], [True, False, True])


def test_rows_are_taken_together(bookings, rates):
    made = prepare(bookings(), rates(), "UTC")
    some = made.take(np.array([5, 2]))
    assert some.truth.tolist() == [made.truth[5], made.truth[2]]
    assert some.times.tolist() == [made.times[5], made.times[2]]
    assert some.frame["nights"].tolist() == [made.frame["nights"].iloc[5], made.frame["nights"].iloc[2]]
