"""One chart over a whole screen: a curve with its band, or bars with their intervals. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from console.render.canvas import STYLES, Canvas, Point, letter
from console.render.cells import Line, Span, clean, cut, fit, line, width_of
from console.render.charts import Bar, Bars, Chart, Curve, Lines
from console.render.spark import bar as block
from console.render.words import brief, number

AXIS = 8  # cells at least of the figures beside a curve
HEAD = 3  # lines above the drawing
LABEL, SAYS, FIGURE = 26, 22, 9
LEAST, BETWEEN = 4, 5  # cells of a bar, and of the gaps beside it
THICKEST = 3  # lines of one bar
_STYLES = ("dim", "accent")
BAND, MEAN = 0, 1


def zoomed(chart: Chart, width: int, height: int) -> list[Line]:
    """Return a chart as `height` lines at most, each of at most `width` cells."""
    head: list[Line] = [
        line(" ", (cut(clean(chart.title), width - 2), "strong")),
        line(" ", (cut(clean(chart.note), width - 2), "dim")),
        (),
    ]
    room = max(3, height - HEAD)
    if isinstance(chart, Lines):
        drawn = _lines(chart, width, room)
    elif isinstance(chart, Curve):
        drawn = _curve(chart, width, room) if chart.joined else _bars(_as_bars(chart), width, room)
    else:
        drawn = _bars(chart, width, room)
    return [*head, *drawn][:height]


def _curve(curve: Curve, width: int, height: int) -> list[Line]:
    rows, low, high = max(2, height - 1), min(curve.lows), max(curve.highs)
    span, last = (high - low) or 1.0, max(1, len(curve.means) - 1)

    def points(values: tuple[float, ...]) -> list[Point]:
        return [(at / last, (high - value) / span) for at, value in enumerate(values)]

    figures = {0: high, rows // 2: high - span * (rows // 2) / max(1, rows - 1), rows - 1: low}
    axis = max(AXIS, *(len(brief(value)) for value in figures.values()))
    room = max(8, width - axis - 4)
    canvas = Canvas(room, rows)
    if (curve.lows, curve.highs) != (curve.means, curve.means):
        canvas.line(points(curve.lows), BAND, dotted=True)
        canvas.line(points(curve.highs), BAND, dotted=True)
    canvas.line(points(curve.means), MEAN)
    drawn = [
        line((f"{brief(figures[row]) if row in figures else '':>{axis}} ", "dim"), ("┤", "rule"), *cells)
        for row in range(rows)
        for cells in [canvas.row(row, _STYLES)]
    ]
    return [*drawn, _below([clean(label) for label in curve.labels], room, axis + 2)]


def _lines(chart: Lines, width: int, height: int) -> list[Line]:
    """Draw lines on the same axes, and below them which letter is which."""
    named = chart.series[: max(1, height // 3)]
    rows = max(2, height - 1 - len(named))
    left, right, low, high = chart.box
    figures = {0: high, rows // 2: high - (high - low) * (rows // 2) / max(1, rows - 1), rows - 1: low}
    axis = max(AXIS, *(len(brief(value)) for value in figures.values()))
    room = max(8, width - axis - 4)
    canvas = Canvas(room, rows)
    for at, one in enumerate(chart.series):
        canvas.line(chart.within(one), at, dotted=one.dotted)
    drawn = [
        line((f"{brief(figures[row]) if row in figures else '':>{axis}} ", "dim"), ("┤", "rule"), *cells)
        for row in range(rows)
        for cells in [canvas.row(row, STYLES)]
    ]
    ends = [number(value) for value in (left, (left + right) / 2, right)]
    legend = [
        line(" " * (axis + 2), (f"{letter(at)}  ", STYLES[at % len(STYLES)]), (cut(clean(one.name), room - 3), "dim"))
        for at, one in enumerate(named)
    ]
    return [*drawn, _below(ends, room, axis + 2), *legend]


def _below(labels: Sequence[str], room: int, indent: int) -> Line:
    """Return the first, the middle and the last label below a curve, as far as they fit."""
    first, last = cut(labels[0], room // 2 - 1), cut(labels[-1], room // 2 - 1)
    middle = labels[len(labels) // 2] if len(labels) > 2 else ""
    free = room - width_of(first) - width_of(last)
    if width_of(middle) + 4 > free:
        middle = ""
    before = max(1, (room - width_of(middle)) // 2 - width_of(first))
    after = max(1, room - width_of(first) - before - width_of(middle) - width_of(last))
    return line(" " * indent, (f"{first}{' ' * before}{middle}{' ' * after}{last}", "dim"))


def _as_bars(curve: Curve) -> Bars:
    told = zip(curve.labels, curve.means, curve.lows, curve.highs, strict=True)
    return Bars(curve.title, curve.note, tuple(Bar(label, mean, low, high) for label, mean, low, high in told))


def _bars(chart: Bars, width: int, height: int) -> list[Line]:
    if not chart.bars:
        return [line("  ", ("nothing to show", "dim"))]
    shown = chart.bars if len(chart.bars) <= height else chart.bars[: height - 1]
    left_out = chart.left_out + len(chart.bars) - len(shown)
    thick = max(1, min(THICKEST, (height - bool(left_out)) // len(shown)))
    ends = [edge for bar in shown for edge in (bar.value, bar.low, bar.high) if edge is not None]
    low, high = min(0.0, *ends), max(0.0, *ends)
    labels, notes = [clean(bar.label) for bar in shown], [clean(bar.says) for bar in shown]
    figures = [_figure(bar.value, signed=low < 0) for bar in shown]
    size = max(map(len, figures))
    label = min(LABEL, width // 3, max(map(width_of, labels)))
    says = min(SAYS, width // 5, max(map(width_of, notes)))
    room = max(LEAST, width - label - says - size - BETWEEN)
    lines: list[Line] = []
    for bar, name, figure, note in zip(shown, labels, figures, notes, strict=True):
        cells = _cells(bar, low, (high - low) or 1.0, room)
        said: list[Span] = [(f" {figure:>{size}}", ""), (f"  {cut(note, says)}", "dim")]
        lines.append(line(" ", (fit(name, label), "name"), " ", *cells, *said))
        plain = _cells(Bar("", bar.value), low, (high - low) or 1.0, room)
        lines += [line(" " * (label + 2), *plain)] * max(0, thick - 2)
        lines += [()] * (thick > 1)
    if left_out:
        lines.append(line("  ", (f"and {left_out} more: --json tells all", "dim")))
    return lines


def _cells(bar: Bar, low: float, span: float, room: int) -> list[Span]:
    """Return a bar from zero, with its interval as a rule across its end."""
    zero = round(-low / span * room)
    at = (bar.value - low) / span * room
    if bar.value >= 0:
        drawn = " " * zero + block((at - zero) / max(1, room - zero), max(1, room - zero))
    else:
        drawn = (" " * round(at) + "█" * max(0, zero - round(at))).ljust(room)
    drawn = drawn[:room].ljust(room)
    if bar.low is None or bar.high is None:
        return [(drawn, "spark")]
    first = max(0, min(room - 1, round((bar.low - low) / span * room)))
    last = max(first, min(room - 1, round((bar.high - low) / span * room)))
    rule = "│" if first == last else f"├{'─' * (last - first - 1)}┤"
    return [(drawn[:first], "spark"), (rule, "warn"), (drawn[last + 1 :], "spark")]


def _figure(value: float, *, signed: bool) -> str:
    said = number(value)
    return f"{value:+.3g}" if signed else said if len(said) <= FIGURE else f"{value:.3g}"
