"""What the first draft of a model file takes a table's columns for."""

from __future__ import annotations

import datetime as dt
import tomllib
from typing import Any

import pyarrow as pa
import pytest

from engine.data.drafting import draft
from engine.data.guessing import Guess, guess, id_like, id_like_told
from engine.settings.schema import ModelFile
from store.errors import Refused

ROWS = 100
DAYS = [dt.date(2026, 1, 1) + dt.timedelta(days=number) for number in range(ROWS)]


def of(values: list[Any], **others: list[Any]) -> Guess:
    return guess(pa.table({"y": values, **others}), "y")


@pytest.mark.parametrize(
    ("values", "task"),
    [
        ([True, False] * 50, "classification"),
        (["car", "home"] * 50, "classification"),
        ([0, 1] * 50, "classification"),
        ([0.0, 1.0] * 50, "classification"),
        ([1, 2, 3, 4, None] * 20, "classification"),
        (list(range(100)), "regression"),
        ([number % 30 for number in range(100)], "regression"),
        ([number / 3 for number in range(100)], "regression"),
        ([1, 2, 3], "regression"),  # three rows, three values
    ],
)
def test_the_task_is_told_by_the_values_of_the_target(values: list[Any], task: str) -> None:
    assert of(values).task == task


def test_a_column_of_times_orders_the_rows() -> None:
    assert of([1.5] * ROWS, day=DAYS).time_column == "day"
    assert of([1.5] * ROWS, day=[day.isoformat() for day in DAYS]).time_column is None  # text, as far as one sees


@pytest.mark.parametrize(
    ("name", "values", "is_id"),
    [
        ("id", list(range(ROWS)), True),
        ("loan_id", [f"L{number}" for number in range(ROWS)], True),
        ("loanId", list(range(ROWS)), True),
        ("user_id", [number % 7 for number in range(ROWS)], False),  # comes more than once
        ("id", [None, *range(1, ROWS)], False),
        ("income", list(range(ROWS)), False),
        ("paid", list(range(ROWS)), False),
    ],
)
def test_an_id_names_each_row_once(name: str, values: list[Any], is_id: bool) -> None:
    assert of([1.5] * ROWS, **{name: values}).id_column == (name if is_id else None)


@pytest.mark.parametrize(
    ("name", "values", "is_personal"),
    [
        ("email", ["x"] * ROWS, True),
        ("E-Mail", ["x"] * ROWS, True),
        ("phoneNumber", ["x"] * ROWS, True),
        ("first_name", ["x"] * ROWS, True),
        ("contact", [f"a{number}@example.org" for number in range(ROWS)], True),
        ("contact", [None] * ROWS, False),
        ("handle", ["@x"] * ROWS, False),
        ("mailing_costs", [1.0] * ROWS, False),
        ("purpose", ["car"] * ROWS, False),
    ],
)
def test_what_is_about_a_person_is_told_by_name_or_by_value(name: str, values: list[Any], is_personal: bool) -> None:
    assert of([1.5] * ROWS, **{name: values}).personal == ((name,) if is_personal else ())


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"x": [1]}, "no column 'y': there are x"),
        ({"y": [None, None]}, "holds nothing to learn from"),
        ({"y": []}, "holds nothing to learn from"),
        ({"y": DAYS}, "holds times"),
    ],
)
def test_a_target_without_anything_to_learn_is_refused(table: dict[str, list[Any]], said: str) -> None:
    with pytest.raises(Refused, match=said):
        guess(pa.table(table), "y")


@pytest.mark.parametrize("source", ["rows.csv", 'a "quoted" name.csv', "SELECT *\nFROM 'a.csv'", "python:own:load"])
def test_a_draft_holds_what_was_found(source: str) -> None:
    found = of([1.5] * ROWS, day=DAYS, loan_id=list(range(ROWS)), email=["x"] * ROWS)
    text = draft("rates", source, "y", found, "anna")
    settings = ModelFile.model_validate(tomllib.loads(text)).settings()
    assert (settings.name, settings.task, settings.owner) == ("rates", "regression", "anna")
    assert settings.data.source == source
    assert (settings.data.target, settings.data.time_column, settings.data.id_column) == ("y", "day", "loan_id")
    assert settings.data.personal == ("email",)
    plain = tomllib.loads(draft("rates", source, "y", of([1.5] * ROWS), "anna"))
    assert plain["data"] == {"source": source, "target": "y"}


@pytest.mark.parametrize(
    ("values", "is_like"),
    [
        ([f"T-{number}" for number in range(ROWS)], True),
        (list(range(7, 7 + ROWS)), True),
        (list(reversed(range(ROWS))), True),
        ([3 * number for number in range(ROWS)], False),  # an amount, for all one knows
        ([number / 3 for number in range(ROWS)], False),
        ([f"a note on row {number}" for number in range(ROWS)], False),
        (["a", "b"] * 50, False),
        ([*range(1, ROWS), 1], False),
        ([None, *(f"T-{number}" for number in range(1, ROWS))], False),
        (DAYS, False),
    ],
)
def test_what_is_different_in_every_row_and_no_measure_seems_to_name_rows(values: list[Any], is_like: bool) -> None:
    table = pa.table({"seen": values, "ticket_id": [3 * number for number in range(ROWS)]})
    assert id_like(table, ["seen"]) == (["seen"] if is_like else [])
    assert id_like(table, ["seen", "ticket_id"])[-1:] == ["ticket_id"]
    assert id_like(table.slice(0, 10), ["seen", "ticket_id"]) == []  # ten rows differ by chance


def test_columns_that_seem_to_name_rows_are_told_with_what_to_do() -> None:
    assert id_like_told([]) == ""
    assert id_like_told(["ticket"]) == (
        "different in every row, as ids are: ticket; name it in id_column, or leave it out by [data] features"
    )
    assert "a, b, c and 2 more;" in id_like_told(["a", "b", "c", "d", "e"])
