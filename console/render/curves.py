"""Curves of several runs on one axis, each with a letter of its own; in braille, or a letter a cell. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise
from math import isfinite

from console.render.cells import Line, line
from console.render.charts import Chart, Curve
from console.render.display import SHOWN
from console.render.sheet import Sheet
from console.render.words import brief, number, short_id
from engine.operations.runs import RunCurve

ROWS = 6
LABEL = 7
LETTERS = "abcdefghijklmnopqrstuvwxyz"
_STYLES = ("accent", "warn", "ok", "bad", "spark", "strong")
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of a braille cell, by row and column
_BRAILLE = 0x2800


def put_curves(sheet: Sheet, curves: Sequence[RunCurve], runs: Sequence[str]) -> None:
    """Add a plot for each metric, and which letter is which run."""
    for metric, group in groupby(curves, key=lambda one: one.metric):
        mine = list(group)
        sheet.heading(metric, f"by step, {min(one.steps[0] for one in mine)} to {max(one.steps[-1] for one in mine)}")
        sheet.lines += drawn(mine, runs, sheet.width)
        for one in mine:
            known = [value for value in one.values if value is not None and isfinite(value)]
            if known:
                at = runs.index(one.run)
                said = f"  {short_id(one.run)}  {number(known[0])} at first, {number(known[-1])} at last"
                best = f", {number(min(known))} to {number(max(known))} over {one.points} steps"
                sheet.lines.append(line(" " * LABEL, (f" {_letter(at)}", _style(at)), (said, ""), (best, "dim")))


def drawn(curves: Sequence[RunCurve], runs: Sequence[str], width: int) -> list[Line]:
    """Return the curves of one metric on one axis; where two meet, the later run's is seen."""
    known = [value for one in curves for value in one.values if value is not None and isfinite(value)]
    if not known:
        return [line("  ", ("not a number at any step", "dim"))]
    fine = SHOWN.glyphs in ("auto", "braille")
    across, down = (2, 4) if fine else (1, 1)
    room = max(8, width - LABEL - 4)
    low, high = min(known), max(known)
    first, last = min(one.steps[0] for one in curves), max(one.steps[-1] for one in curves)
    span, height = (last - first) or 1, (high - low) or 1.0
    cells: dict[tuple[int, int], tuple[int, int]] = {}  # (row, column) -> (dots, run)
    for one in curves:
        run = runs.index(one.run)
        points = [
            ((step - first) / span * (room * across - 1), (high - value) / height * (ROWS * down - 1))
            for step, value in zip(one.steps, one.values, strict=True)
            if value is not None and isfinite(value)
        ]
        for x, y in _joined(points):
            place = (y // down, x // across)
            dots, owner = cells.get(place, (0, run))
            dot = _DOTS[y % 4][x % 2] if fine else 1
            cells[place] = ((dots if owner == run else 0) | dot, run)
    lines = []
    for row in range(ROWS):
        label = brief(high) if row == 0 else brief(low) if row == ROWS - 1 else ""
        spans = [(f"{label:>{LABEL}} ", "dim"), ("┤", "rule")]
        for column in range(room):
            dots, run = cells.get((row, column), (0, 0))
            sign = " " if not dots else chr(_BRAILLE + dots) if fine else _letter(run)
            spans.append((sign, _style(run) if dots else ""))
        lines.append(line(*spans))
    return lines


def _joined(points: Sequence[tuple[float, float]]) -> list[tuple[int, int]]:
    """Return the dots of a line through the points, one in each column."""
    dots = [(round(x), round(y)) for x, y in points[:1]]
    for (left, top), (right, foot) in pairwise(points):
        for x in range(round(left) + 1, round(right) + 1):
            share = (x - left) / (right - left) if right > left else 1.0
            dots.append((x, round(top + min(1.0, share) * (foot - top))))
    return dots


def curve_charts(curves: Sequence[RunCurve]) -> list[Chart]:
    """Return each curve as a chart of its own, as an SVG draws them."""
    charts: list[Chart] = []
    for one in curves:
        known = [(step, value) for step, value in zip(one.steps, one.values, strict=True) if value is not None]
        if known:
            values = tuple(value for _, value in known)
            title = f"{one.metric} of run {short_id(one.run)}"
            charts.append(
                Curve(title, f"{one.points} steps", tuple(str(step) for step, _ in known), values, values, values)
            )
    return charts


def _letter(at: int) -> str:
    return LETTERS[at % len(LETTERS)]


def _style(at: int) -> str:
    return _STYLES[at % len(_STYLES)]
