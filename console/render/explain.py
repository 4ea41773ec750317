"""An explanation as lines of text. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from console.render.cells import Line
from console.render.charts import Bar, Bars, Curve, Shape, charts_of
from console.render.columns import Cell
from console.render.sheet import Sheet
from console.render.spark import bar as block
from console.render.spark import sparkline
from console.render.words import number
from engine.operations.explain import Explanation
from store.rows import rfc3339

ROOM = 20  # cells of a bar; of one that may go both ways, half of it each
NARROW = 18
LABEL, SAYS = 26, 22
PARTS = 5


def explanation_lines(found: Explanation, width: int) -> list[Line]:
    """Return the lines of an explanation."""
    sheet = Sheet(width)
    for place, chart in enumerate(charts_of(found)):
        put_chart(sheet, chart)
        if found.kind == "rows":
            _parts(sheet, found.explained[place])
    sheet.blank()
    sheet.paragraph(_how(found), "dim")
    if found.kept_at is not None:
        sheet.paragraph(f"Kept beside the log since {rfc3339(found.kept_at)}, by version {found.version}.", "dim")
    return sheet.lines


def put_chart(sheet: Sheet, chart: Shape) -> None:
    """Add a chart below its title."""
    sheet.blank()
    sheet.paragraph(chart.title, "strong")
    sheet.paragraph(chart.note, "dim")
    if isinstance(chart, Curve):
        _put_curve(sheet, chart)
        return
    if not chart.bars:
        sheet.paragraph("nothing to show", "dim")
        return
    sheet.table(("COLUMN", "", "", "", ""), _rows(chart), frozenset({2}))
    if chart.left_out:
        sheet.paragraph(f"and {chart.left_out} more: --json tells all", "dim")


def _rows(chart: Bars) -> list[Sequence[Cell]]:
    most = max((abs(bar.value) for bar in chart.bars), default=0.0) or 1.0
    both_ways = any(bar.value < 0 for bar in chart.bars)
    rows: list[Sequence[Cell]] = []
    for bar in chart.bars:
        drawn = diverging(bar.value / most, ROOM) if both_ways else block(bar.value / most, ROOM)
        shown = f"{bar.value:+.3g}" if both_ways else number(bar.value)
        rows.append(((bar.label[:LABEL], "name"), (drawn, "spark"), shown, (_interval(bar), "dim"), _cut(bar.says)))
    return rows


def _interval(bar: Bar) -> str:
    return "" if bar.low is None or bar.high is None else f"[{_short(bar.low)}, {_short(bar.high)}]"


def _short(value: float) -> str:
    return "0" if abs(value) < 1e-9 else f"{value:.2g}" if abs(value) < 10 else f"{value:.0f}"


def _cut(text: str) -> str:
    return text if len(text) <= SAYS else f"{text[: SAYS - 1]}…"


def diverging(share: float, width: int) -> str:
    """Return a share of one, from -1 to 1, as a bar left or right of the middle of `width` cells."""
    half = width // 2
    cells = min(half, round(abs(share) * half))
    left = ("█" * cells if share < 0 else "").rjust(half)
    right = ("█" * cells if share > 0 else "").ljust(half)
    return f"{left}│{right}"


def _put_curve(sheet: Sheet, curve: Curve) -> None:
    if curve.joined:
        line = sparkline(curve.means, len(curve.means))
        ends = f"{number(curve.means[0])} at {curve.labels[0]}, {number(curve.means[-1])} at {curve.labels[-1]}"
        sheet.pair("", (line, "spark"), f"  {ends}", label_width=0)
        return
    most = max((abs(mean) for mean in curve.means), default=0.0) or 1.0
    rows: list[Sequence[Cell]] = [
        (
            (label[:LABEL], "name"),
            (block(mean / most, NARROW), "spark"),
            number(mean),
            (f"{number(low)} to {number(high)}", "dim"),
        )
        for label, mean, low, high in zip(curve.labels, curve.means, curve.lows, curve.highs, strict=True)
    ]
    sheet.table(("", "", "", ""), rows, frozenset({2}))


def _parts(sheet: Sheet, told: dict[str, Any]) -> None:
    """Add the words that moved a linear model most, of each text column."""
    for column in dict.fromkeys(one["column"] for one in told["parts"]):
        mine = [one for one in told["parts"] if one["column"] == column][:PARTS]
        sheet.paragraph(f"in {column}: " + ", ".join(f"{one['part']} {one['contribution']:+.3g}" for one in mine))


def _how(found: Explanation) -> str:
    ways = {
        "linear": "exact, as the model is a sum",
        "trees": "exact, over every leaf of the trees",
        "sampled": "sampled in random orders, with two standard errors",
    }
    if found.kind == "drift":
        return f"Shapley values of the input columns on the same {found.rows} rows for both versions."
    against = f"{found.background} rows it was trained on"
    return f"Shapley values of the input columns against {against}; {ways.get(found.method, found.method)}."
