"""The page of a monitor: what was promised, estimated and realised, on one axis."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sample_deck import ALERTS
from sample_monitor import monitor_detail
from sample_releases import NOW

from console.render.cells import Line, line_width, plain
from console.render.monitors import monitor_page
from engine.operations.watching import MonitorDetail


def detail() -> MonitorDetail:
    return monitor_detail(ALERTS[:1])


def text(lines: list[Line]) -> str:
    return "\n".join(plain(cells) for cells in lines)


@pytest.mark.parametrize("width", [48, 79, 119])
def test_it_fits_and_tells_all_three_on_one_axis(width: int) -> None:
    lines = monitor_page(detail(), width, NOW)
    assert max(line_width(cells) for cells in lines) <= width
    rows = text(lines).splitlines()
    places = [
        next(at for at, row in enumerate(rows) if told in row) for told in ("estimated mae", "realised mae", "labels")
    ]
    assert places == sorted(places)
    assert "verdict" in rows[places[2] + 1]


def test_it_says_what_was_promised_what_is_expected_and_what_moved() -> None:
    shown = text(monitor_page(detail(), 79, NOW))
    assert "Promised    21.00 [20.00, 22.00] on the holdout" in shown
    assert "24.20 [22.00, 26.40]  loss model" in shown
    assert "ok, 400 rows, 0% with outcomes; 40 windows shown" in " ".join(shown.split())
    assert "MOVED MOST" in shown
    assert "feature_5" in shown
    assert "feature_6" not in shown
    assert "and 3 more: modeldeck monitors windows nightly-rates --json" in shown
    assert ALERTS[0].title[:30] in shown


def test_newest_windows_without_outcomes_are_gaps_beside_their_estimates() -> None:
    rows = text(monitor_page(detail(), 79, NOW)).splitlines()
    first = next(at for at, row in enumerate(rows) if "estimated mae" in row)
    estimated, realised = rows[first + 1 : first + 4], rows[first + 5 : first + 8]
    assert estimated[-1].rstrip().endswith("█")
    assert len(realised[-1].rstrip()) < len(estimated[-1].rstrip())


def test_of_a_metric_that_should_be_great_what_lies_below_the_promise_is_bad() -> None:
    worse = replace(detail(), metric="roc_auc", greater_is_better=True)
    cells = [cell for line in monitor_page(worse, 79, NOW) for cell in line]
    assert any(style == "bad" and "█" in word for word, style in cells)
    fine = [replace(one, realised=30.0, estimated=30.0) for one in worse.looks]
    cells = [cell for line in monitor_page(replace(worse, looks=tuple(fine), alerts=()), 79, NOW) for cell in line]
    assert not any(style == "bad" for word, style in cells if set(word) & set("▁▂▃▄▅▆▇█"))


def test_before_the_first_window_it_says_so() -> None:
    nothing = replace(detail(), version=None, looks=(), window=None, estimate={}, alerts=())
    shown = text(monitor_page(nothing, 79, NOW))
    assert "no windows yet" in shown
    unseen = replace(detail(), estimate={"value": None, "note": "no loss model: too few rows"}, alerts=())
    assert "no loss model: too few rows" in text(monitor_page(unseen, 79, NOW))
    assert "none stands" in text(monitor_page(unseen, 79, NOW))
