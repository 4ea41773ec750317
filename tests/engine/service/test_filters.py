"""The filter grammar: what each sign means, and that no text and no row ever breaks it."""

from __future__ import annotations

import contextlib
import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.service.filters import Filter, parse
from store.errors import Refused

ROW = {
    "model": "nightly-rates",
    "state": "failed",
    "reason": None,
    "attempt": 3,
    "heavy": True,
    "at": "2026-03-01T12:00:00Z",
    "tags": ["night", "Batch"],
    "metrics": {"mae": 11.5, "latency.p99": 80},
}
SIGNS = {">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le, "=": operator.eq, "!=": operator.ne}
NUMBERS = st.floats(allow_nan=False, width=32) | st.integers()
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
ROWS = st.dictionaries(st.sampled_from(["a", "b", "metrics", "a.b"]), VALUES)
TERMS = st.sampled_from(["failed", "rates", "attempt>2", "metrics.mae < 10", "!state=failed", "~^night", "heavy=true"])


def quoted(text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def matches(text, row=None):
    return parse(text).matches(ROW if row is None else row)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "and",
        "nightly",
        "NIGHTLY",
        "rates failed",
        "rates and failed",
        "rates AND failed",
        '"nightly-rates"',
        "!succeeded",
        "attempt>2",
        "attempt > 2",
        "attempt==3",
        "attempt=3.0",
        "attempt != 4",
        "metrics.mae < 12",
        "metrics.latency.p99>=80",
        "at>=2026-03-01",
        "at<2026-03-02",
        "heavy=true",
        "tags=batch",
        "tags!=day",
        "~^night.*s$",
        "model~^NIGHT",
        "tags~^bat",
        "tags ~ ^bat",
        "failed ~^night",  # two terms: the sign stands at its expression
        "!model~posts",
        "!~posts",
        'state="failed"',
    ],
)
def test_these_match(text):
    assert matches(text)


@pytest.mark.parametrize(
    "text",
    [
        "posts",
        "rates posts",
        "!nightly",
        "attempt>3",
        "!attempt=3",
        "metrics.mae<11.5",
        "metrics.rmse>0",
        "metrics=11",
        "reason=None",
        "reason!=x",  # nothing is there to compare with
        "heavy=false",
        "tags!=batch",
        "~^rates",
        "model~^rates",
        '"rates failed"',
    ],
)
def test_these_do_not_match(text):
    assert not matches(text)


@pytest.mark.parametrize("text", ["mae=", "mae >", "state=failed mae<", "> 3", "!="])
def test_comparison_without_a_value_is_refused(text):
    with pytest.raises(Refused, match="compares with nothing") as caught:
        parse(text)
    assert "metrics.mae < 12" in caught.value.hint


@pytest.mark.parametrize("text", ["~[", "model~(", "~*", "~" + "(" * 10_000])
def test_what_is_no_regular_expression_is_refused(text):
    with pytest.raises(Refused, match="is not a regular expression"):
        parse(text)


def test_select_keeps_the_order_of_the_rows():
    rows = [{"n": count} for count in (5, 1, 4, 2)]
    assert list(parse("n>1").select(rows)) == [{"n": 5}, {"n": 4}, {"n": 2}]


def test_columns_with_dots_in_their_names_are_found():
    assert matches("a.b.c=1", {"a": {"b.c": 1}})
    assert matches("a.b.c=1", {"a.b": {"c": 1}})


def test_number_too_large_to_compare_is_compared_as_text():
    assert matches(f"a={10**400}", {"a": 10**400})


def parsed_or_refused(text):
    """Parse; whatever does not parse must be refused with its hint, and nothing else may be raised."""
    with contextlib.suppress(Refused):
        return parse(text)
    with pytest.raises(Refused) as caught:
        parse(text)
    assert caught.value.hint
    return Filter()


@given(st.text(), ROWS)
def test_any_text_is_a_filter_or_refused_and_no_row_breaks_it(text, row):
    assert parsed_or_refused(text).matches(row) in (True, False)


@given(st.text(alphabet='ab.=<>!~"\\ and[(*12', max_size=20), ROWS)
def test_text_made_of_signs_is_a_filter_or_refused(text, row):
    assert parsed_or_refused(text).matches(row) in (True, False)


@given(st.text(min_size=1), st.text())
def test_quoted_text_is_searched_as_it_stands(wanted, value):
    assert matches(quoted(wanted), {"a": value}) is (wanted.casefold() in value.casefold())


@given(st.sampled_from(sorted(SIGNS)), NUMBERS, NUMBERS)
def test_numbers_compare_as_numbers(sign, left, right):
    try:
        expected = SIGNS[sign](float(left), float(right))
    except OverflowError:
        return  # compared as text, see above
    assert matches(f"a {sign} {right!r}", {"a": left}) is expected


@given(TERMS)
def test_exclamation_mark_turns_a_term_around(text):
    plain = text.removeprefix("!")
    assert matches(f"!{plain}") is not matches(plain)


@given(st.lists(TERMS, max_size=4), st.sampled_from([" ", " and ", "  AND "]))
def test_every_joined_term_must_hold(terms, join):
    assert matches(join.join(terms)) is all(matches(term) for term in terms)


def test_empty_filter_matches_without_looking_at_the_row():
    assert Filter().matches(object())


def test_filter_of_too_many_terms_is_refused():
    parse("a " * 64)
    with pytest.raises(Refused, match="the filter has more than 64 terms"):
        parse("a " * 65)
