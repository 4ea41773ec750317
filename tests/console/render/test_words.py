from __future__ import annotations

import pytest

from console.render.spark import bar, progress_bar, sparkline, volume_line
from console.render.words import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    age,
    ago,
    brief,
    every,
    moment,
    number,
    percent,
    plural,
    short_count,
    short_moment,
    size,
    took,
)

NOW = 1_795_490_000 * SECOND


@pytest.mark.parametrize(
    ("span", "text"),
    [(0, "now"), (59 * SECOND, "now"), (3 * MINUTE, "3m"), (47 * HOUR, "47h"), (3 * DAY, "3d"), (-2 * HOUR, "in 2h")],
)
def test_ages_have_one_unit_and_no_seconds(span: int, text: str) -> None:
    assert age(NOW - span, NOW) == text


def test_an_age_reads_in_a_sentence() -> None:
    assert (ago(None, NOW), ago(NOW, NOW), ago(NOW - HOUR, NOW)) == ("never", "just now", "1h ago")


def test_durations_have_their_seconds() -> None:
    assert [took(0, span) for span in (2_400_000, 41 * SECOND, 75 * SECOND, 3700 * SECOND)] == [
        "2.4s",
        "41s",
        "1m15s",
        "1h01m",
    ]
    assert took(0, None) == "-"


def test_times_are_utc_and_say_so() -> None:
    assert moment(0) == "1970-01-01 00:00Z"
    assert short_moment(NOW, NOW).endswith("Z")


def test_numbers_keep_four_figures() -> None:
    assert [number(value) for value in (0.00012, 0.4021, 23.1, 1234.5, 123456.0, None, float("nan"))] == [
        "0.00012",
        "0.402",
        "23.10",
        "1,234.5",
        "123,456",
        "-",
        "-",
    ]
    assert brief(3.1) == "3.1"


def test_counts_and_shares() -> None:
    assert [short_count(value) for value in (0, 987, 4812, 12_400_000)] == ["0", "987", "4.8k", "12M"]
    assert (percent(0.83), percent(0.08, signed=True), percent(None)) == ("83%", "+8%", "-")
    assert (plural(0, "alert"), plural(1, "alert"), plural(2, "alert")) == ("no alerts", "1 alert", "2 alerts")
    assert (size(512), size(1_284_113)) == ("512 B", "1.3 MB")


def test_a_sparkline_spans_its_values_and_shows_gaps() -> None:
    assert sparkline([1.0, None, 8.0], 4) == " ▁ █"
    assert sparkline([], 3) == "   "


def test_a_flat_series_does_not_look_like_an_alarm() -> None:
    assert sparkline([5.0, 5.0], 2) == "▃▃"
    assert volume_line([0.0, 0.0], 2) == "▁▁"


def test_bars_have_their_width() -> None:
    assert progress_bar(0.5, 6) == "███░░░"
    assert len(bar(0.37, 10)) == 10


@pytest.mark.parametrize(
    ("seconds", "text"), [(30, "30s"), (60, "1m"), (90, "90s"), (300, "5m"), (7200, "2h"), (86_400, "1d")]
)
def test_how_often_is_said_exactly(seconds: int, text: str) -> None:
    assert every(seconds) == text
