"""Offered load against what is answered in time and how late the slowest are, as PNG."""

from __future__ import annotations

from math import log10
from typing import Any
from xml.sax.saxutils import escape

from console.render.png import png
from console.render.svg import BLUE, DIM, INK, RED, WIDTH

LEFT, TOP, HIGH, GAP, FOOT = 64, 58, 170, 54, 44
COLOURS = (BLUE, RED, "#7b8794")
SLOWEST_MS = 10_000.0


def as_png(seen: dict[str, list[dict[str, Any]]], within_ms: float) -> bytes:
    """Return two plots one below the other; `seen` holds each server's steps."""
    most = max(one["step"] for steps in seen.values() for one in steps)

    def x(step: float) -> float:
        return LEFT + step / most * (WIDTH - LEFT - 24)

    second = TOP + HIGH + GAP
    height = second + HIGH + FOOT
    parts = [
        _text(12, 20, f"Answers within {within_ms:g} ms, of the most a server manages", weight="bold"),
        _text(12, second - 14, "The slowest hundredth of answers, ms (log)", weight="bold"),
    ]
    for top in (TOP, second):
        parts.append(_line(LEFT, top + HIGH, WIDTH - 24, top + HIGH))
        parts += [_text(x(step), top + HIGH + 16, f"{step:g}", DIM, "middle") for step in (0.5, 1, 1.5, 2, 3)]
    parts.append(_text(LEFT, height - 8, "offered, in parts of the most it manages", DIM))
    for part in (0.5, 1.0):
        parts.append(_text(LEFT - 6, TOP + HIGH * (1 - part / 1.2) + 4, f"{part:g}", DIM, "end"))
    for value in (1.0, 10.0, 100.0, 1000.0, 10_000.0):
        parts.append(_text(LEFT - 6, _late(second, value) + 4, f"{value:,.0f}", DIM, "end"))
    parts.append(_line(LEFT, _late(second, within_ms), WIDTH - 24, _late(second, within_ms), DIM))
    for number, (name, steps) in enumerate(seen.items()):
        colour = COLOURS[number % len(COLOURS)]
        parts.append(_text(LEFT + number * 240, 42, name, colour))
        good = [(x(one["step"]), TOP + HIGH * (1 - min(1.2, one["in_time"] / one["most"]) / 1.2)) for one in steps]
        late = [(x(one["step"]), _late(second, one["p99_ms"])) for one in steps if one["p99_ms"] is not None]
        for points in (good, late):
            parts.append(_curve(points, colour))
            parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{colour}"/>' for a, b in points]
    return png(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}">'
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>{"".join(parts)}</svg>'
    )


def _late(top: float, value: float) -> float:
    part = log10(min(SLOWEST_MS, max(1.0, value))) / log10(SLOWEST_MS)
    return top + HIGH * (1 - part)


def _curve(points: list[tuple[float, float]], colour: str) -> str:
    told = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
    return f'<polyline points="{told}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _text(x: float, y: float, text: str, fill: str = INK, anchor: str = "start", weight: str = "normal") -> str:
    where = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {where} fill="{fill}" font-weight="{weight}">{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, stroke: str = INK) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}"/>'
