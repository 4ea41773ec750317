"""What differs, side by side at 80 columns: what tells two values apart is not cut off."""

from __future__ import annotations

from console.render.cells import plain
from console.render.compare import runs_lines, versions_lines
from engine.operations.models import Comparison
from engine.operations.runs import RunsTable
from engine.plans import Difference


def text(lines):
    return "\n".join(plain(cells) for cells in lines)


def test_names_stay_whole_beside_long_numbers_of_three_runs():
    rows = (
        ("metrics.interval_coverage", "0.8987654321098765", "0.9012345678901234", "0.0036245298416709e-05"),
        ("metrics.interval_width", "49.819912345678", "99.138112345678", "-72.241234567"),
        ("params.depth", "6", "12", ""),
    )
    shown = text(runs_lines(RunsTable(("a" * 32, "b" * 32, "c" * 32), rows), (), 79))
    assert "metrics.interval_coverage" in shown
    assert "metrics.interval_width" in shown
    assert "0.898765" in shown
    assert "3.62453e-08" in shown
    assert "-72.2412" in shown
    assert shown.splitlines()[-1].split() == ["params.depth", "6", "12", "-"]


def test_a_class_is_told_by_its_name_and_other_texts_as_they_are():
    told = (
        Difference("estimator", "sklearn.ensemble.HistGradientBoostingRegressor", "sklearn.linear_model.Ridge", ""),
        Difference("snapshot", "sha256:aa.bb", "2026-01-01 10:00", ""),
    )
    shown = text(versions_lines(Comparison("rates@1", "rates@2", told), 79))
    assert "…HistGradientBoostingRegressor" in shown
    assert "…Ridge" in shown
    assert "sha256:aa.bb" in shown
