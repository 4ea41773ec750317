"""Curves on one axis: where each value stands, whose it is, in braille and in letters."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree

import pytest

from console.render.cells import line_width, plain
from console.render.curves import ROWS, curve_charts, drawn, put_curves
from console.render.display import SHOWN
from console.render.sheet import Sheet
from console.render.svg import svg
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


def test_curves_of_one_metric_are_one_chart_on_linear_axes() -> None:
    gap = RunCurve("c" * 32, "auc", 3, (0, 2, 10), (0.25, None, 1.25))
    auc, loss = curve_charts((RISING, FALLING, gap, RunCurve(RISING.run, "loss", 2, (0, 1), (3.0, 2.0))))
    assert (auc.title, auc.box) == ("auc", (0.0, 10.0, 0.0, 1.25))
    assert [one.name for one in auc.series] == [
        f"run {sign * 12}, {n} steps" for sign, n in (("a", 3), ("b", 2), ("c", 3))
    ]
    assert auc.within(auc.series[0]) == [(0.0, 1.0), (0.5, 0.6), (1.0, pytest.approx(0.2))]
    assert auc.series[2].points == ((0.0, 0.25), (10.0, 1.25))
    assert loss.title == "loss"


def test_their_svg_has_a_line_each_with_a_letter_that_its_list_explains() -> None:
    found = ElementTree.fromstring(svg(curve_charts((RISING, FALLING))))
    lines = [one for one in found.iter() if one.tag.endswith("polyline")]
    drawn = [[tuple(map(float, pair.split(","))) for pair in one.get("points", "").split()] for one in lines]
    rising, falling = drawn
    assert rising[0] == (falling[0][0], falling[1][1])  # the same corner: one scale for both
    assert rising[1][0] - rising[0][0] == pytest.approx(rising[2][0] - rising[1][0], abs=0.2)
    texts = [one.text for one in found.iter() if one.tag.endswith("text")]
    assert texts.count("a") == texts.count("b") == 2
    assert {"run aaaaaaaaaaaa, 3 steps", "run bbbbbbbbbbbb, 2 steps", "10.00"} <= set(texts)
    assert len({one.get("stroke") for one in lines}) == 2
