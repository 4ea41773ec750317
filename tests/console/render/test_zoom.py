"""One chart over a whole screen, at any size and of any figures."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as some

from console.render.cells import line_width, plain
from console.render.charts import Bar, Bars, Curve, Lines, Series
from console.render.zoom import zoomed

FIGURES = some.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12)


def text(chart, width=80, height=22):
    return [plain(cells) for cells in zoomed(chart, width, height)]


def test_a_curve_reaches_from_the_top_to_the_foot_of_the_screen():
    rising = Curve("m@1: rises", "step by step", ("a", "b", "c"), (0.0, 1.0, 2.0), (0.0, 1.0, 2.0), (0.0, 1.0, 2.0))
    drawn = text(rising)
    assert len(drawn) == 22
    assert drawn[0].strip() == "m@1: rises"
    assert drawn[3].lstrip().startswith("2 ┤")
    assert drawn[-2].lstrip().startswith("0 ┤")
    assert drawn[-1].split() == ["a", "b", "c"]
    body = [one.partition("┤")[2] for one in drawn[3:-1]]
    assert body[0].rstrip() != ""
    assert len(body[0].rstrip()) > len(body[-1].rstrip())  # up, to the right
    assert all(one.strip() for one in body)  # without a gap


def test_a_band_is_drawn_beside_its_curve():
    flat = Curve("t", "n", ("1", "2"), (1.0, 1.0), (0.0, 0.0), (2.0, 2.0))
    body = [one.partition("┤")[2] for one in text(flat)[3:-1]]
    full = [at for at, one in enumerate(body) if one.strip()]
    assert full == [0, len(body) // 2, len(body) - 1]


def test_lines_share_their_axes_and_say_whose_each_is():
    up, by_chance = Series("up", ((0.0, 0.0), (4.0, 8.0))), Series("chance", ((0.0, 8.0), (4.0, 0.0)), dotted=True)
    drawn = text(Lines("t", "n", (up, by_chance)))
    assert len(drawn) == 22
    assert drawn[3].lstrip().startswith("8.000 ┤") or drawn[3].lstrip().startswith("8 ┤")
    assert drawn[-3].split() == ["0.000", "2.000", "4.000"]
    assert [one.split() for one in drawn[-2:]] == [["a", "up"], ["b", "chance"]]


@pytest.mark.parametrize("size", [(20, 8), (80, 24), (200, 60)])
def test_lines_fit_any_screen(size):
    one = Series("one point\x1b[31m", ((1.0, 1.0),))
    for cells in zoomed(Lines("t", "n", (one,) * 6), *size):
        assert line_width(cells) <= size[0]
        assert "\x1b" not in plain(cells)


def test_bars_share_one_scale_and_show_their_intervals():
    bars = Bars("t", "n", (Bar("whole", 10.0, 8.0, 10.0, "9 rows"), Bar("half", 5.0), Bar("back", -5.0)))
    whole, half, back = (next(one for one in text(bars) if name in one) for name in ("whole", "half", "back"))
    assert "├" in whole
    assert "9 rows" in whole
    assert back.index("█") < half.index("█") == whole.index("█")
    size = whole.rindex("┤") + 1 - whole.index("█")
    assert abs(size - 2 * half.count("█")) <= 2
    assert abs(size - 2 * back.count("█")) <= 2
    assert "-5" in back


def test_what_does_not_fit_is_counted():
    many = Bars("t", "n", tuple(Bar(str(at), float(at)) for at in range(30)), left_out=4)
    assert text(many, height=12)[-1].strip() == "and 26 more: --json tells all"
    assert "nothing to show" in text(Bars("t", "n", ()))[3]


@given(
    values=some.lists(some.tuples(FIGURES, FIGURES, FIGURES), min_size=1, max_size=60),
    joined=some.booleans(),
    width=some.integers(40, 130),
    height=some.integers(6, 45),
    label=some.text(max_size=40),
)
def test_any_figures_fit_any_screen(values, joined, width, height, label):
    ordered = [sorted(one) for one in values]
    lows, means, highs = (tuple(column) for column in zip(*ordered, strict=True))
    labels = tuple(f"{label}{at}" for at in range(len(means)))
    curve = Curve("a title " * 20, "a note " * 20, labels, means, lows, highs, joined=joined)
    bars = Bars("t", "n", tuple(Bar(*one, says=label) for one in zip(labels, means, lows, highs, strict=True)))
    for chart in (curve, bars):
        drawn = zoomed(chart, width, height)
        assert len(drawn) <= height
        assert [plain(cells) for cells in drawn if line_width(cells) > width] == []


@pytest.mark.parametrize("value", [0.0, math.pi, -1e-9])
def test_one_value_alone_is_drawn(value):
    alone = Curve("t", "n", ("only",), (value,), (value,), (value,))
    assert any("only" in one for one in text(alone))
