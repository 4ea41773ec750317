"""A terminal emulator's screen as a small SVG: a text a line, a span a style, the same bytes each time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape

import pyte

CELL, LINE, SIZE = 8.4, 18, 14
GROUND, INK = "#121212", "#e0e0e0"
NAMED = {
    "black": "#000000",
    "red": "#cc4444",
    "green": "#44aa44",
    "brown": "#bb8822",
    "blue": "#4477cc",
    "magenta": "#aa55aa",
    "cyan": "#33aaaa",
    "white": "#dddddd",
}


def svg_of(screen: pyte.Screen) -> str:
    """Return the screen as SVG text, colours and emphasis kept."""
    width, height = round(screen.columns * CELL + 16, 1), screen.lines * LINE + 16
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="monospace"'
        f' font-size="{SIZE}" xml:space="preserve">',
        f'<rect width="{width}" height="{height}" rx="6" fill="{GROUND}"/>',
    ]
    for number in range(screen.lines):
        parts += _line(screen, number)
    return "\n".join([*parts, "</svg>", ""])


def _line(screen: pyte.Screen, number: int) -> Iterator[str]:
    top = 8 + number * LINE
    spans = []
    for start, text, (ink, ground, bold) in _runs(screen, number):
        at = round(8 + start * CELL, 1)
        wide = round(len(text) * CELL, 1)
        if ground != GROUND:
            yield f'<rect x="{at}" y="{top}" width="{wide}" height="{LINE}" fill="{ground}"/>'
        if text.strip():
            weight = ' font-weight="bold"' if bold else ""
            spans.append(f'<tspan x="{at}" textLength="{wide}" fill="{ink}"{weight}>{escape(text)}</tspan>')
    if spans:
        yield f'<text y="{top + SIZE}">' + "".join(spans) + "</text>"


def _runs(screen: pyte.Screen, number: int) -> Iterator[tuple[int, str, tuple[str, str, bool]]]:
    """Return runs of one style: where each begins, in cells, and its text."""
    row = screen.buffer[number]
    start, text, style = 0, "", _style(row[0])
    for column in range(screen.columns):
        found = _style(row[column])
        if found != style:
            yield start, text, style
            start, text, style = column, "", found
        text += row[column].data
    yield start, text, style


def _style(cell: Any) -> tuple[str, str, bool]:
    ink, ground = _colour(cell.fg, INK), _colour(cell.bg, GROUND)
    return (ground, ink, cell.bold) if cell.reverse else (ink, ground, cell.bold)


def _colour(name: str, usual: str) -> str:
    if name == "default":
        return usual
    return NAMED.get(name.removeprefix("bright"), f"#{name}")
