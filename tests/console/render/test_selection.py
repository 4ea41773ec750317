"""The columns of a version's page: what is left out and why, what could go, and where folds disagree."""

from __future__ import annotations

from dataclasses import replace

from sample_releases import NOW, VERSIONS

from console.render.cells import plain
from console.render.selection import put_selection
from console.render.sheet import Sheet
from console.render.version import version_lines


def column(name, kept=True, why="", kept_in=3, looked_in=3):
    return {"name": name, "kept": kept, "why": why, "kept_in": kept_in, "looked_in": looked_in}


def page(mode, *columns, width=80):
    sheet = Sheet(width)
    put_selection(sheet, {"selection": {"mode": mode, "by": "boosting", "columns": list(columns)}})
    lines = [plain(line).rstrip() for line in sheet.lines]
    assert all(len(line) <= width for line in lines)
    return "\n".join(lines)


def test_what_is_left_out_comes_first_with_its_reason_and_folds():
    told = page(
        "drop",
        column("rooms"),
        column("wing", kept=True, kept_in=1),
        column("floor", kept=False, why="the same as rooms", kept_in=0),
        column("fax", kept=False, why="always null", kept_in=0, looked_in=0),
    )
    assert "2 of 4 columns read" in told
    lines = told.splitlines()
    floor, fax, wing = (
        next(line for line in lines if line.strip().startswith(name)) for name in ("floor", "fax", "wing")
    )
    assert lines.index(floor) < lines.index(fax) < lines.index(wing)
    assert "left out" in floor
    assert "the same as rooms" in floor
    assert floor.endswith("0 of 3 folds")
    assert fax.endswith("-")
    assert "kept" in wing
    assert wing.endswith("1 of 3 folds")
    assert not any(line.strip().startswith("rooms") for line in lines)


def test_a_report_says_what_could_go_and_how():
    told = page("report", column("rooms"), column("fax", why="constant", kept_in=0))
    assert "2 of 2 columns read; 1 could go" in told
    assert 'select = "drop"' in told
    assert "could go" in next(line for line in told.splitlines() if line.strip().startswith("fax"))
    assert "each is worth its place" in page("report", column("rooms"), column("beds"))


def test_many_are_cut_and_older_versions_say_nothing():
    told = page("report", *(column(f"x{place}", why="constant") for place in range(20)))
    assert "and 8 more" in told
    sheet = Sheet(80)
    put_selection(sheet, {})
    assert sheet.lines == []


def test_what_is_left_out_is_not_said_to_be_unmeasured():
    version = VERSIONS["nightly-rates"][0]
    signature = {"inputs": [{"name": "lead_time", "type": "long"}, {"name": "meal", "type": "string"}], "outputs": []}
    evaluation = {**version.evaluation, "importance": [{"name": "lead_time", "value": 8.2, "low": 7.0, "high": 9.5}]}
    assert "1 of 2 were measured" in shown(replace(version, signature=signature, evaluation=evaluation))
    columns = [
        column("lead_time"),
        column("meal", kept=False, why="constant"),
        column("x", kept=False, why="always null"),
    ]
    evaluation["selection"] = {"mode": "drop", "by": "boosting", "columns": columns}
    told = shown(replace(version, signature=signature, evaluation=evaluation))
    assert "were measured" not in told
    assert "1 of 3 columns read" in told


def shown(version):
    return "\n".join(plain(line) for line in version_lines(version, (), 80, NOW))
