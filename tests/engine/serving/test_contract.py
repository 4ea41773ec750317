"""Rows in, prediction records out, and errors that name row and column."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.serving.contract import (
    Column,
    InputError,
    OneRow,
    Signature,
    class_text,
    code_rows,
    count_of,
    output_columns,
    together,
)
from engine.serving.outputs import RecordCoder

SIGNATURE = Signature(
    (
        Column("nights", "long"),
        Column("price", "double", nullable=True),
        Column("country", "string"),
        Column("late", "boolean"),
        Column("arrives", "datetime"),
    ),
    output_columns("regression"),
)
GOOD = {"nights": 2, "price": 80.5, "country": "ES", "late": False, "arrives": "2017-08-01"}


def refused(change: dict[str, Any], without: str = "") -> InputError:
    """Return the error that the second of two rows gives."""
    row = {name: value for name, value in {**GOOD, **change}.items() if name != without}
    with pytest.raises(InputError) as caught:
        code_rows([GOOD, row], SIGNATURE)
    return caught.value


def test_rows_become_columns_in_the_order_of_the_signature() -> None:
    late = {"arrives": "2017-08-01T14:00:00+02:00", "nights": 3.0, "late": True, "country": "FR"}
    coded = code_rows([GOOD, late], SIGNATURE)
    assert list(coded) == ["nights", "price", "country", "late", "arrives"]
    assert coded["nights"] == [2, 3]
    assert coded["price"] == [80.5, None]
    assert coded["arrives"] == [datetime(2017, 8, 1), datetime(2017, 8, 1, 12)]


@pytest.mark.parametrize(
    ("change", "column", "words"),
    [
        ({"nights": "two"}, "nights", "whole number, got text"),
        ({"nights": 2.5}, "nights", "whole number, got a number"),
        ({"nights": 2**63}, "nights", "whole number"),
        ({"nights": True}, "nights", "got a boolean"),
        ({"price": "80"}, "price", "a number, got text"),
        ({"country": 34}, "country", "text, got a number"),
        ({"late": 1}, "late", "true or false"),
        ({"arrives": "yesterday"}, "arrives", "a time such as"),
        ({"arrives": 1501545600}, "arrives", "a time such as"),
        ({"country": None}, "country", "is null"),
        ({"county": "ES"}, "county", "did you mean 'country'?"),
        ({"account_id": "ES"}, "account_id", "the model knows "),
    ],
)
def test_a_wrong_value_is_refused_naming_row_and_column(change: dict[str, Any], column: str, words: str) -> None:
    error = refused(change)
    assert (error.status, error.row, error.column) == (422, 1, column)
    assert words in error.message
    assert "row 1" in error.message


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**64), 2**64), st.floats(), st.just("ES"), st.just([]),
    st.sampled_from(["2017-08-01", "2017-08-01T12:00:00", "2017-08-01T12:00:00+02:00"]),
)  # fmt: skip
CELLS = st.one_of(
    st.tuples(st.sampled_from(list(GOOD)), VALUES),
    st.tuples(st.sampled_from(["price", "county"]), st.none()),
)


@given(st.lists(st.lists(CELLS, max_size=2), min_size=2, max_size=6), st.booleans())
def test_columns_coded_at_once_are_what_rows_coded_alone_would_be(
    changes: list[list[tuple[str, Any]]], is_nullable: bool
) -> None:
    signature = Signature(tuple(Column(c.name, c.type, c.nullable or is_nullable) for c in SIGNATURE.inputs), ())
    rows = [{**GOOD, **dict(change)} for change in changes]

    def told(coded: Callable[[], Any]) -> Any:
        try:
            return repr(coded())
        except InputError as error:
            return error.status, error.message, error.row, error.column

    whole = told(lambda: code_rows(rows, signature))
    alone = [told(lambda at=at, row=row: code_rows([row], signature, first_row=at)) for at, row in enumerate(rows)]
    if isinstance(whole, str):
        each = [code_rows([row], signature) for row in rows]
        assert whole == repr({name: [coded[name][0] for coded in each] for name in each[0]})
    else:
        assert whole in alone


def test_rows_coded_alone_come_together_as_they_would_at_once() -> None:
    plain = Signature(tuple(column for column in SIGNATURE.inputs if column.type != "datetime"), ())
    rows = [{**{c.name: GOOD[c.name] for c in plain.inputs}, "nights": nights, "price": 1.5} for nights in (1, 2, 3)]
    alone = [code_rows([row], plain) for row in rows]
    assert all(type(one) is OneRow and count_of(one) == 1 for one in alone)
    whole = {name: list(values) for name, values in code_rows(rows, plain).items()}
    assert {name: list(values) for name, values in together(alone).items()} == whole
    rows[1]["price"] = 2  # a whole number where a double is meant: that row must be coded
    mixed = [code_rows([row], plain) for row in rows]
    assert [type(one) is OneRow for one in mixed] == [True, False, True]
    assert together(mixed) == {name: list(values) for name, values in code_rows(rows, plain).items()}
    with pytest.raises(InputError, match="'nights' must hold a whole number"):
        code_rows([{**rows[0], "nights": 2**63}], plain)


def test_a_missing_column_is_refused_unless_it_is_nullable() -> None:
    assert "'country' is missing" in refused({}, without="country").message
    assert code_rows([{k: v for k, v in GOOD.items() if k != "price"}], SIGNATURE)["price"] == [None]


def test_an_error_never_shows_a_value() -> None:
    assert "s3cret" not in refused({"nights": "s3cret"}).message


def test_a_row_that_is_no_object_is_a_bad_request() -> None:
    with pytest.raises(InputError, match="row 0 must be an object") as caught:
        code_rows([[1, 2]], SIGNATURE)
    assert caught.value.status == 400


def test_the_time_column_may_come_along_without_being_an_input() -> None:
    assert "booked" not in code_rows([{**GOOD, "booked": "2017-07-01"}], SIGNATURE, also=("booked",))


def test_a_signature_survives_json() -> None:
    classed = Signature(SIGNATURE.inputs, output_columns("classification", ["a", "b"]), ("a", "b"))
    assert Signature.from_json(classed.to_json()) == classed
    assert Signature.from_json(SIGNATURE.to_json()) == SIGNATURE


def test_a_threshold_decides_between_two_classes() -> None:
    signature = Signature((), output_columns("classification", ["no", "yes"]), ("no", "yes"))
    (record,) = RecordCoder(signature, {"threshold": 0.25, "positive": "yes"}).code([[0.7, 0.3]])
    assert record == {"label": "yes", "score": 0.3, "scores.no": 0.7, "scores.yes": 0.3}
    assert RecordCoder(signature).code([[0.7, 0.3]])[0]["label"] == "no"


def test_the_best_of_many_classes_is_the_label() -> None:
    signature = Signature((), output_columns("classification", "abc"), tuple("abc"))
    assert RecordCoder(signature).code([[0.2, 0.5, 0.3]])[0]["label"] == "b"


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (np.bool_(False), "false"), (1, "1"), (1.0, "1"), (np.int64(3), "3"), ("x", "x")],
)
def test_a_label_is_written_the_same_wherever_it_comes_from(value: Any, text: str) -> None:
    assert class_text(value) == text
