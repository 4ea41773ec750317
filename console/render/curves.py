"""Curves of several runs on one axis, each with a letter of its own; in braille, or a letter a cell. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from math import isfinite

from console.render.canvas import STYLES, Canvas, letter
from console.render.cells import Line, line
from console.render.charts import Lines, Series
from console.render.sheet import Sheet
from console.render.words import brief, number, short_id
from engine.operations.runs import RunCurve

ROWS = 6
LABEL = 7


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
                sheet.lines.append(line(" " * LABEL, (f" {letter(at)}", _style(at)), (said, ""), (best, "dim")))


def drawn(curves: Sequence[RunCurve], runs: Sequence[str], width: int) -> list[Line]:
    """Return the curves of one metric on one axis; where two meet, the later run's is seen."""
    known = [value for one in curves for value in one.values if value is not None and isfinite(value)]
    if not known:
        return [line("  ", ("not a number at any step", "dim"))]
    room = max(8, width - LABEL - 4)
    low, high = min(known), max(known)
    first, last = min(one.steps[0] for one in curves), max(one.steps[-1] for one in curves)
    span, height = (last - first) or 1, (high - low) or 1.0
    canvas = Canvas(room, ROWS)
    for one in curves:
        points = [
            ((step - first) / span, (high - value) / height)
            for step, value in zip(one.steps, one.values, strict=True)
            if value is not None and isfinite(value)
        ]
        canvas.line(points, runs.index(one.run))
    lines = []
    for row in range(ROWS):
        label = brief(high) if row == 0 else brief(low) if row == ROWS - 1 else ""
        lines.append(line((f"{label:>{LABEL}} ", "dim"), ("┤", "rule"), *canvas.row(row, STYLES)))
    return lines


def curve_charts(curves: Sequence[RunCurve]) -> list[Lines]:
    """Return a chart for each metric with the curves of all runs on its axes, as an SVG draws them."""
    charts: list[Lines] = []
    for metric, group in groupby(curves, key=lambda one: one.metric):
        series = []
        for one in group:
            told = zip(one.steps, one.values, strict=True)
            known = tuple((float(step), value) for step, value in told if value is not None and isfinite(value))
            if known:
                series.append(Series(f"run {short_id(one.run)}, {one.points} steps", known))
        if series:
            charts.append(Lines(metric, "by step", tuple(series)))
    return charts


def _style(at: int) -> str:
    return STYLES[at % len(STYLES)]
