"""Charts as one SVG document. Pure; every text is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from console.render.canvas import letter
from console.render.charts import Bar, Bars, Chart, Curve, Lines
from console.render.words import number

WIDTH = 760
LABELS, SAYS = 200, 150
ROW, HEAD, FOOT, PLOT = 22, 52, 18, 150
TICKS = 5
HUES = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#e69f00",
    "#cc79a7",
    "#1f2933",
)  # of Okabe and Ito: the colour-blind tell them apart
INK, DIM, BLUE, RED, PALE = "#1f2933", "#697586", "#2f6db3", "#b3452f", "#dbe7f4"


def svg(charts: Sequence[Chart]) -> str:
    """Return the charts one below the other."""
    parts: list[str] = []
    top = 0
    for chart in charts:
        drawn, height = _drawn(chart, top)
        parts += drawn
        top += height
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top}" viewBox="0 0 {WIDTH} {top}" '
        f'font-family="system-ui, sans-serif" font-size="12">'
    )
    return "\n".join([head, f'<rect width="{WIDTH}" height="{top}" fill="white"/>', *parts, "</svg>", ""])


def _drawn(chart: Chart, top: int) -> tuple[list[str], int]:
    if isinstance(chart, Lines):
        return _lines(chart, top)
    return _bars(chart, top) if isinstance(chart, Bars) else _curve(chart, top)


def _text(x: float, y: float, text: str, fill: str = INK, anchor: str = "start", weight: str = "normal") -> str:
    shown = "".join(sign if sign.isprintable() else " " for sign in text)
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" text-anchor="{anchor}" font-weight="{weight}">'
        f"{escape(shown)}</text>"
    )


def _line(x1: float, y1: float, x2: float, y2: float, stroke: str = INK) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}"/>'


def _titles(chart: Chart, top: int) -> list[str]:
    return [_text(12, top + 22, chart.title, weight="bold"), _text(12, top + 40, chart.note, DIM)]


def _bars(chart: Bars, top: int) -> tuple[list[str], int]:
    ends = [edge for bar in chart.bars for edge in (bar.value, bar.low, bar.high) if edge is not None]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    scale = (WIDTH - LABELS - SAYS) / ((high - low) or 1.0)
    zero = LABELS - low * scale
    parts = _titles(chart, top)
    for place, bar in enumerate(chart.bars):
        parts += _bar(bar, top + HEAD + place * ROW, zero, scale)
    height = HEAD + ROW * len(chart.bars) + FOOT
    if chart.left_out:
        parts.append(_text(12, top + height, f"and {chart.left_out} more", DIM))
        height += ROW
    parts.append(_line(zero, top + HEAD, zero, top + HEAD + ROW * len(chart.bars), DIM))
    return parts, height


def _bar(bar: Bar, y: float, zero: float, scale: float) -> list[str]:
    left, wide = min(zero, zero + bar.value * scale), abs(bar.value * scale)
    fill = RED if bar.value < 0 else BLUE
    parts = [
        _text(LABELS - 8, y + 14, _cut(bar.label, 28), anchor="end"),
        f'<rect x="{left:.1f}" y="{y + 3:.1f}" width="{wide:.1f}" height="{ROW - 6}" fill="{fill}"/>',
        _text(WIDTH - SAYS + 8, y + 14, _cut(f"{number(bar.value)}  {bar.says}", 24), DIM),
    ]
    if bar.low is not None and bar.high is not None:
        parts.append(_line(zero + bar.low * scale, y + ROW / 2, zero + bar.high * scale, y + ROW / 2))
    return parts


def _curve(chart: Curve, top: int) -> tuple[list[str], int]:
    low, high = min(chart.lows), max(chart.highs)
    tall = PLOT / ((high - low) or 1.0)
    step = (WIDTH - LABELS) / max(1, len(chart.means) - 1)
    left, foot = 70.0, top + HEAD + PLOT

    def at(place: int, value: float) -> tuple[float, float]:
        return left + place * step, foot - (value - low) * tall

    parts = _titles(chart, top)
    if chart.joined:
        edge = [at(place, value) for place, value in enumerate(chart.highs)]
        edge += [at(place, value) for place, value in reversed(list(enumerate(chart.lows)))]
        parts.append(f'<polygon points="{_points(edge)}" fill="{PALE}"/>')
        middle = [at(place, value) for place, value in enumerate(chart.means)]
        parts.append(f'<polyline points="{_points(middle)}" fill="none" stroke="{BLUE}" stroke-width="2"/>')
    else:
        for place, (mean, down, up) in enumerate(zip(chart.means, chart.lows, chart.highs, strict=True)):
            parts.append(_line(*at(place, down), *at(place, up), BLUE))
            x, y = at(place, mean)
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{BLUE}"/>')
    parts += [_text(left - 8, foot, number(low), DIM, "end"), _text(left - 8, top + HEAD + 8, number(high), DIM, "end")]
    every = max(1, -(-len(chart.labels) // 6))
    for place in range(0, len(chart.labels), every):
        parts.append(_text(left + place * step, foot + 16, _cut(chart.labels[place], 14), DIM, "middle"))
    return parts, HEAD + PLOT + FOOT + ROW


def _lines(chart: Lines, top: int) -> tuple[list[str], int]:
    """Draw lines on linear axes, each with a letter at its end that the list below explains; colour repeats it."""
    left, right, low, high = chart.box
    edge, wide, head, foot = 70.0, WIDTH - 130.0, top + HEAD, top + HEAD + PLOT
    parts = [*_titles(chart, top), _line(edge, head, edge, foot, DIM), _line(edge, foot, edge + wide, foot, DIM)]
    parts += [_text(edge - 8, foot, number(low), DIM, "end"), _text(edge - 8, head + 8, number(high), DIM, "end")]
    for tick in range(TICKS + 1):
        said = number(left + (right - left) * tick / TICKS)
        parts.append(_text(edge + wide * tick / TICKS, foot + 16, said, DIM, "middle"))
    for at, one in enumerate(chart.series):
        placed = [(edge + x * wide, head + y * PLOT) for x, y in chart.within(one)]
        ink, sign, below = HUES[at % len(HUES)], letter(at), foot + ROW * (at + 2)
        dashes = ' stroke-dasharray="4 4"' if one.dotted else ""
        parts.append(f'<polyline points="{_points(placed)}" fill="none" stroke="{ink}" stroke-width="2"{dashes}/>')
        parts.append(_text(placed[-1][0] + 6 + 9 * at, placed[-1][1] + 4, sign, ink, weight="bold"))
        parts += [_text(edge, below, sign, ink, weight="bold"), _text(edge + 18, below, one.name, DIM)]
    return parts, HEAD + PLOT + FOOT + ROW * (len(chart.series) + 1)


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
