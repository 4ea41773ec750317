"""Profiles of columns, their kinds, and sentences told from categories."""

from __future__ import annotations

import datetime as dt
import decimal

import pyarrow as pa
import pytest

from engine.measures.profile import column_type, is_free_text, profile


def chunked(values):
    return pa.chunked_array([pa.array(values, pa.string())])


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pa.array([1], pa.int8()), "long"),
        (pa.array([1], pa.uint64()), "long"),
        (pa.array([1.5], pa.float32()), "double"),
        (pa.array([decimal.Decimal("1.5")]), "double"),
        (pa.array([True]), "boolean"),
        (pa.array(["a"]), "string"),
        (pa.array(["a"], pa.large_string()), "string"),
        (pa.array(["a"], pa.string_view()), "string"),
        (pa.array(["a"]).dictionary_encode(), "string"),
        (pa.array([1]).dictionary_encode(), "long"),
        (pa.array([dt.date(2026, 1, 1)]), "datetime"),
        (pa.array([dt.datetime(2026, 1, 1)]), "datetime"),
        (pa.array([b"a"]), None),
        (pa.array([[1]]), None),
        (pa.array([dt.time(1)]), None),
        (pa.array([None]), None),
    ],
)
def test_kind_of_a_column_is_one_of_the_signature(column, kind):
    assert column_type(column.type) == kind


def test_profile_counts_nulls_and_distinct_values_and_measures_numbers():
    found = profile(pa.table({"x": [1, None, 3, 3], "price": [1.0, 2.0, None, None], "word": ["a", "b", "a", None]}))
    assert found == [
        {
            "name": "x",
            "type": "long",
            "nulls": 1,
            "distinct": 2,
            "min": 1.0,
            "max": 3.0,
            "mean": pytest.approx(7 / 3),
            "quantiles": pytest.approx([1.2, 2, 3, 3, 3]),
        },
        {
            "name": "price",
            "type": "double",
            "nulls": 2,
            "distinct": 2,
            "min": 1.0,
            "max": 2.0,
            "mean": 1.5,
            "quantiles": pytest.approx([1.05, 1.25, 1.5, 1.75, 1.95]),
        },
        {"name": "word", "type": "string", "nulls": 1, "distinct": 2, "top": [["a", 2]]},
    ]


def test_numbers_that_are_all_null_have_no_range():
    (found,) = profile(pa.table({"x": pa.array([None, None], pa.float64())}))
    assert found == {"name": "x", "type": "double", "nulls": 2, "distinct": 0}


def test_times_have_a_range_and_answers_their_commonest_values():
    days = [dt.datetime(2026, 1, 1), dt.datetime(2026, 3, 1), None]
    at, yes, empty = profile(
        pa.table({"at": days, "yes": [True, True, False], "empty": pa.nulls(3, pa.timestamp("us", "UTC"))})
    )
    assert (at["min"], at["max"]) == ("2026-01-01T00:00:00", "2026-03-01T00:00:00")
    assert yes["top"] == [[True, 2]]
    assert set(empty) == {"name", "type", "nulls", "distinct"}


def test_free_text_is_told_by_its_length_and_a_category_by_what_is_common():
    sentences = [f"this is sentence number {number} of a long text about nothing" for number in range(9)]
    text, word = profile(pa.table({"text": sentences, "word": [*"aabbbcdef"]}))
    assert 40 < text["characters"] < 60
    assert "top" not in text
    assert word["top"] == [["b", 3], ["a", 2]]


@pytest.mark.parametrize(
    ("values", "free"),
    [
        (
            [
                "A long sentence about how the night went at the hotel.",
                "Another one that says something else, at length.",
            ],
            1,
        ),
        ([f"note number {count}" for count in range(20)], True),
        (["online travel agency", "direct booking"] * 20, False),
        (["ES", "FR", "PT"] * 20, False),
        ([f"id-{count}" for count in range(40)], False),
        ([None, None], False),
        ([], False),
    ],
)
def test_sentences_are_told_from_categories(values, free):
    assert is_free_text(chunked(values)) is bool(free)
