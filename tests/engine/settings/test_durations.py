"""Durations: what people may write, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.settings.durations import LONGEST_DAYS, seconds
from store.settings import duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *[("15s", 15), ("1.5s", 1.5), ("2m", 120), ("1h30m", 5400), ("1d", 86400), ("1d2h3m4s", 93784), ("0s", 0)],
        *[
            ("4hours", 14400),
            ("2 hours", 7200),
            ("30 min", 1800),
            ("1 hour 30 minutes", 5400),
            ("1 s", 1),
            ("3days", 259200),
        ],
    ],
)
def test_duration_with_units_is_read_as_seconds(text, expected):
    assert seconds(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "15",
        "m",
        "1m1h",
        "-1s",
        " 1s",
        "1s ",
        "1  s",
        "4 hour 2 days",
        "2 moons",
        "hours",
        "1s\n",
        "1.5m",
        "1w",
        "٣s",
        "1e3s",
        15,
        1.5,
        True,
        None,
        [],
    ],
)
def test_anything_else_is_refused_with_the_way_to_write_it(text):
    with pytest.raises(ValueError, match='such as "15s", "2m" or "1h"'):
        seconds(text)


@pytest.mark.parametrize("text", [f"{LONGEST_DAYS + 1}d", "9" * 400 + "d"])
def test_duration_longer_than_anything_lasts_is_refused(text):
    with pytest.raises(ValueError, match="at most"):
        seconds(text)


@given(st.integers(1, LONGEST_DAYS * 86400))
def test_whole_seconds_come_back_as_they_were_written(count):
    assert seconds(duration(count)) == count
