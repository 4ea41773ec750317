"""The plan dialog's text."""

from __future__ import annotations

from dataclasses import replace

from sample_releases import PLAN, ROLLBACK

from console.render import plans
from console.render.cells import Line, line_width, plain
from engine.plans import Check, Difference, Known, Preview


def text(lines: list[Line]) -> str:
    return "\n".join(plain(cells) for cells in lines)


def test_the_plan_dialog_prints_the_lines_of_the_plan() -> None:
    shown = text(plans.plan_lines(Preview(PLAN, "b"), 200))
    for step in PLAN.lines():
        assert step in shown
    assert plans.title(PLAN) == "Promote nightly-rates: v2 → v3"
    assert plans.title(ROLLBACK) == "Roll back nightly-rates: v2 → v1"


def test_the_plan_dialog_says_of_two_figures_whether_the_new_one_is_better() -> None:
    figures = (("mae", "20.04321", "18.5"), ("r2", "0.61234", "0.5"), ("version", "v2", "v3"), ("port", "80", "90"))
    plan = replace(PLAN, differences=tuple(Difference(*each) for each in figures))
    shown = [" ".join(each.split()) for each in text(plans.plan_lines(Preview(plan, "b"), 80)).splitlines()]
    assert "mae 20.04 → 18.50 -8%, better" in shown
    assert "r2 0.612 → 0.500 -18%, worse" in shown
    assert "version v2 → v3" in shown
    assert "port 80 → 90" in shown


def test_figures_of_different_rows_are_not_called_better_or_worse() -> None:
    apart = Difference("average_precision", "0.953", "0.977", "tested on different rows")
    plan = replace(PLAN, differences=(apart,), known=(Known("v1 live", "average_precision 0.592 realised: degraded"),))
    shown = text(plans.plan_lines(Preview(plan, "b"), 80))
    assert "tested on different rows" in shown
    assert "better" not in shown
    assert "v1 live    average_precision 0.592 realised: degraded" in shown


def test_what_is_known_to_go_otherwise_stands_first_in_the_plan_dialog() -> None:
    plan = replace(PLAN, warnings=("the step of 10 % will be held there (exit 7)",))
    shown = plans.plan_lines(Preview(plan, "b"), 80)
    assert plain(shown[0]).strip() == "! the step of 10 % will be held there (exit 7)"


def test_the_plan_dialog_says_why_it_is_blocked() -> None:
    assert "✗ a release is open" in text(plans.plan_lines(Preview(PLAN, "b", blocked="a release is open"), 80))


def test_what_changed_between_two_plans_is_named() -> None:
    before = Preview(PLAN, "b1")
    checks = (replace(PLAN.checks[0], verdict="failed", observed="31.2"), Check("new", "pending", "", ""))
    after = Preview(replace(PLAN, from_version=3, checks=checks, steps=PLAN.steps[:2]), "b2")
    found = plans.changes_between(before, after)
    assert "now serving: v2 → v3" in found
    assert "mae: passed → failed 31.2" in found
    assert "new check: new pending" in found


def test_names_and_limits_of_gates_are_whole_at_eighty_columns() -> None:
    long = "at most 1.1 x, from 100 outcomes each; not planned"
    seen = "4.403 [2.952, 5.853], corporate to direct"
    checks = (
        Check("live average_precision vs champion", "pending", "", long),
        Check("mae between market_segment", "passed", seen, "at most 25 apart"),
        Check("mae", "failed", "31.2", "at most 25"),
    )
    for width in (74, 96):
        shown = plans.plan_lines(Preview(replace(PLAN, checks=checks), "b"), width)
        assert all(line_width(cells) <= width for cells in shown)
        lines = [plain(cells) for cells in shown]
        assert not [each for each in lines if "…" in each or " - " in each]
        words = " ".join(" ".join(lines).split())
        assert "live average_precision vs champion · pending at most 1.1 x" in words
        assert "mae ✗ failed 31.2 (at most 25)" in words
        assert f"mae between market_segment ✓ passed {seen} (at most 25 apart)" in words


def test_texts_that_differ_are_whole_and_a_note_of_all_figures_is_said_once() -> None:
    told = (
        Difference("mae", "15.3", "6.3", "tested on different rows"),
        Difference("interval_coverage", "0.779", "0.936", "tested on different rows"),
        Difference("decision", "an interval of 90%, 20.1 to 124 wide", "an interval of 90%, 18.2 to 105 wide"),
    )
    lines = [plain(cells) for cells in plans.plan_lines(Preview(replace(PLAN, differences=told), "b"), 74)]
    assert " Differs  figures tested on different rows" in lines
    assert "tested" not in "".join(each for each in lines if "interval_coverage" in each)
    words = " ".join(" ".join(lines).split())
    assert f"decision {told[2].before} → {told[2].after}" in words
    assert not [each for each in lines if "…" in each]
