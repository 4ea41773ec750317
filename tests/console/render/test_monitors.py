"""The page of a monitor: what was promised, estimated and realised, on one axis."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sample_deck import ALERTS
from sample_monitor import monitor_detail
from sample_releases import NOW

from console.commands.values import window_metric
from console.render.cells import Line, line_width, plain
from console.render.monitors import monitor_page
from engine.operations.watching import MonitorDetail
from store.rows import WindowPart


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
    assert "ok, 400 rows, 0% with outcomes" in shown
    assert "estimated mae  40 windows ─" in shown
    assert "MOVED MOST" in shown
    assert "feature_5" in shown
    assert "feature_6" not in shown
    assert "and 3 more: modeldeck monitors windows nightly-rates --json" in shown
    assert ALERTS[0].title[:30] in shown


def test_what_the_newest_window_was_stands_in_one_line_at_80_columns() -> None:
    last = replace(detail().looks[-1], rows=1_234_567, coverage=1.0, verdict="degraded")
    long = replace(detail(), looks=(*detail().looks[:-1], last))
    rows = text(monitor_page(long, 79, NOW)).splitlines()
    place = next(at for at, row in enumerate(rows) if "Newest" in row)
    assert "degraded, 1,234,567 rows, 100% with outcomes" in rows[place]
    assert rows[place + 1].startswith("  Estimate")


@pytest.mark.parametrize("width", [48, 79, 119])
def test_parts_are_shown_the_worst_first_and_small_ones_marked(width: int) -> None:
    slices = (part("segment", "group", 120, ratio=1.4, is_worse=True), part("segment", "web", 30, is_small=True))
    hosts = (part("", "beta", 150, errors=5),)
    lines = monitor_page(replace(detail(), slices=slices, hosts=hosts), width, NOW)
    assert max(line_width(cells) for cells in lines) <= width
    shown = text(lines)
    assert "1.40 x worse" in shown
    assert "few rows" in shown
    assert shown.index("segment=group") < shown.index("segment=web") < shown.index("beta")


def test_more_parts_than_fit_name_the_command_that_lists_them() -> None:
    slices = tuple(part("segment", f"s{number}", 100) for number in range(9))
    shown = text(monitor_page(replace(detail(), slices=slices), 79, NOW))
    assert "s5" in shown
    assert "s6" not in shown
    assert "and 3 more: modeldeck monitors parts nightly-rates" in shown


def test_wrong_inputs_are_told_with_what_is_usual() -> None:
    fault = {"name": "lead_time", "fault": "nulls", "rows": 136, "n": 400, "share": 0.34, "usual": 0.01, "beyond": True}
    quality = {"columns": [fault], "beyond": 1, "repeated": 3,
               "freshness": {"age_s": 7300.0, "median_s": 9000.0, "without": 0}}  # fmt: skip
    window = replace(detail().window, quality=quality)
    shown = text(monitor_page(replace(detail(), window=window), 79, NOW))
    assert "Values      ! lead_time: nulls in 34% of rows, usual 1%" in shown
    assert "Newest row  2 h old when it came, by event time" in shown
    assert "Left out    3 rows whose id was known" in shown
    calm = replace(window, quality={**quality, "columns": [{**fault, "beyond": False}]})
    assert "none wrong that is unusual; some wrong values in lead_time" in text(
        monitor_page(replace(detail(), window=calm), 79, NOW)
    )


def part(name: str, value: str, rows: int, **changed: Any) -> WindowPart:
    told: dict[str, Any] = {
        "kind": "slice" if name else "host", "name": name, "value": value, "rows": rows, "errors": 0,
        "latency_p50_ms": 3.0, "latency_p99_ms": 9.0, "coverage": 0.9,
        "metrics": {"mae": {"value": 29.4, "low": 27.0, "high": 32.0, "n": rows}},
        "answers": {"effect": 0.31, "threshold": 0.2, "drifted": True}, "ratio": None, "is_worse": None,
        "is_small": False, **changed,
    }  # fmt: skip
    return WindowPart(**told)


def test_newest_windows_without_outcomes_are_gaps_beside_their_estimates() -> None:
    rows = text(monitor_page(detail(), 79, NOW)).splitlines()
    first = next(at for at, row in enumerate(rows) if "estimated mae" in row)
    estimated, realised = rows[first + 1 : first + 4], rows[first + 5 : first + 8]
    assert estimated[-1].rstrip().endswith("█")
    assert len(realised[-1].rstrip()) < len(estimated[-1].rstrip())


def test_of_a_version_that_no_longer_serves_it_says_so_first() -> None:
    left = replace(monitor_detail(), has_left=True)
    assert "v2 no longer serves: what follows is how it was" in text(monitor_page(left, 79, NOW))
    assert "no longer serves" not in text(monitor_page(monitor_detail(), 79, NOW))


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


def test_inputs_that_no_longer_go_together_are_named() -> None:
    pair = {"columns": ["lead_time", "guests"], "before": 0.62, "now": -0.6, "share": 0.91}
    joint = {"name": "joint", "kind": "joint", "test": "domain classifier", "effect": 0.6, "threshold": 0.1,
             "psi": None, "importance": 0.4, "drifted": True, "pairs": [pair]}  # fmt: skip
    window = replace(detail().window, features=(joint,))
    shown = text(monitor_page(replace(detail(), window=window), 79, NOW))
    assert "lead_time with guests: went together 0.62, now -0.6 (91% of what tells)" in shown


def test_how_far_groups_are_apart_stands_on_the_page_and_is_not_taken_for_the_metric() -> None:
    apart = {"value": 4.2, "low": 1.1, "high": 7.3, "n": 400, "note": "", "measure": "mae", "lowest": "web",
             "highest": "group", "judged": 3}  # fmt: skip
    absent = {"value": None, "low": None, "high": None, "n": 400, "note": "unavailable: not logged"}
    metrics = {"fairness_segment": apart, "fairness_ratio_segment": apart, "fairness_gender": absent,
               "mae": {"value": 21.0, "low": 20.0, "high": 22.0, "n": 400}}  # fmt: skip
    window = replace(detail().window, metrics=metrics)
    shown = " ".join(text(monitor_page(replace(detail(), window=window), 79, NOW)).split())
    assert "mae of segment apart by 4.200 [1.100, 7.300], web to group, 400 outcomes" in shown
    assert "gender: unavailable: not logged" in shown
    assert window_metric(window) == "21 mae"
