"""Curves on one axis: where each value stands, whose it is, in braille and in letters."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from console.render.cells import line_width, plain
from console.render.curves import ROWS, curve_charts, drawn, put_curves
from console.render.display import SHOWN
from console.render.sheet import Sheet
from engine.operations.runs import RunCurve

RISING = RunCurve("a" * 32, "auc", 3, (0, 5, 10), (0.0, 0.5, 1.0))
FALLING = RunCurve("b" * 32, "auc", 2, (0, 10), (1.0, 0.0))
RUNS = (RISING.run, FALLING.run)


@pytest.fixture(autouse=True)
def glyphs_as_before() -> Iterator[None]:
    """Leave the terminal's display as it was."""
    before = SHOWN.glyphs
    yield
    SHOWN.glyphs = before


def rows(*curves: RunCurve, glyphs: str, width: int = 31) -> list[str]:
    SHOWN.glyphs = glyphs
    lines = drawn(curves, RUNS, width)
    assert len(lines) == ROWS
    assert all(line_width(cells) <= width for cells in lines)
    return [plain(cells).partition("┤")[2] for cells in lines]


def test_letters_stand_where_the_values_are() -> None:
    found = rows(RISING, FALLING, glyphs="block")
    assert found[0][0] == "b"
    assert found[0].rstrip()[-1] == "a"
    assert found[-1][0] == "a"
    assert found[-1].rstrip()[-1] == "b"
    seen = sum(text.count("a") + text.count("b") for text in found)
    assert 20 < seen <= 2 * 20  # a sign a column, less where they meet


def test_braille_has_a_dot_for_each_of_its_finer_columns() -> None:
    found = rows(RISING, glyphs="braille")
    dots = sum(bin(ord(sign) - 0x2800).count("1") for text in found for sign in text if sign != " ")
    assert dots == 2 * 20
    assert ord(found[0].rstrip()[-1]) & 0x08  # the dot at the right above
    assert ord(found[-1][0]) & 0x40  # the one at the left below


def test_a_flat_curve_and_one_without_numbers_are_drawn() -> None:
    flat = RunCurve(RISING.run, "auc", 2, (0, 1), (0.5, 0.5))
    assert sum(text.count("a") for text in rows(flat, glyphs="ascii")) == 20
    nothing = RunCurve(RISING.run, "auc", 2, (0, 1), (None, float("nan")))
    assert "not a number" in plain(drawn((nothing,), RUNS, 40)[0])
    assert curve_charts((RunCurve(RISING.run, "auc", 2, (0, 1), (None, None)),)) == []


def test_each_metric_has_its_plot_and_each_run_its_line() -> None:
    sheet = Sheet(80)
    put_curves(sheet, (RISING, FALLING, RunCurve(RISING.run, "loss", 2, (0, 1), (3.0, 2.0))), RUNS)
    text = "\n".join(plain(cells) for cells in sheet.lines)
    assert "auc  by step, 0 to 10" in text
    assert "a  aaaaaaaaaaaa  0.000 at first, 1.000 at last, 0.000 to 1.000 over 3 steps" in text
    assert "b  bbbbbbbbbbbb  1.000 at first" in text
    assert "loss  by step, 0 to 1" in text
    assert len(curve_charts((RISING, FALLING))) == 2
