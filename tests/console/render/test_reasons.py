"""Whether reasons moved, as a page: what moved first, what is bearable, and why nothing can be told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.render.cells import line_width
from console.render.reasons import NONE_KEPT, reasons_lines
from console.render.words import number
from engine.operations.watching import AttributionMoved

HOUR_US = 3_600_000_000
MOVED = AttributionMoved("lead_time", 7, 0, HOUR_US, 4.25, 9.5, 0.41, 0.12, 0.001, True, 200, 1_800)
CALM = AttributionMoved("guests", 7, 0, HOUR_US, 1.5, 1.4, 0.03, 0.11, 0.6, False, 200, 1_800)
UNTOLD = AttributionMoved("guests", 7, 0, HOUR_US, 1.5, 1.4, None, None, None, None, 12, 0, "12 rows, 100 are needed")


def shown(rows: list[AttributionMoved], width: int = 80) -> list[str]:
    lines = reasons_lines(rows, width, 2 * HOUR_US)
    assert all(line_width(one) <= width for one in lines)
    return ["".join(text for text, _ in cells).rstrip() for cells in lines]


def test_what_moved_stands_first_with_what_is_bearable() -> None:
    told = shown([MOVED, CALM])
    assert told[0] == "  Reasons     moved: lead_time"
    assert told[1] == "  Version     v7"
    assert told[2].startswith("  Newest      200 explained answers")
    assert told[5].split() == ["COLUMN", "BEFORE", "NOW", "MOVED", "BEARABLE"]
    assert told[6].split() == ["lead_time", "4.250", "9.500", "0.410", "0.120", "drift"]
    assert told[7].split() == ["guests", *map(number, (1.5, 1.4, 0.03, 0.11))]


@pytest.mark.parametrize("width", [40, 60, 80, 140])
def test_it_fits_a_narrow_terminal(width: int) -> None:
    assert any("lead_time" in one for one in shown([replace(MOVED, name="lead_time"), CALM], width))


def test_too_few_rows_and_none_at_all_say_so() -> None:
    assert shown([UNTOLD])[0] == "  Reasons     12 rows, 100 are needed"
    assert " ".join(one.strip() for one in shown([])) == NONE_KEPT
