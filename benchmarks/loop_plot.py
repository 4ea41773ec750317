"""The lives of an example over time: in a terminal as times the oracle's loss, as PNG the losses themselves."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from xml.sax.saxutils import escape

from loop_arms import ARMS, SPAN_DAYS, Life, losses_by_span
from loop_days import DAY_US, Story, midnight

from console.render.plot import axis, plot
from console.render.png import png
from console.render.svg import DIM, INK, WIDTH

NAMES = {"never": "never retrained", "monthly": "retrained monthly", "loop": "our loop", "oracle": "oracle"}
COLOURS = {"never": "#b3452f", "monthly": "#c9942b", "loop": "#2f6db3", "oracle": "#7b8794"}
GOAL = 1.05
TERMINAL, TALL = 80, 5
LEFT, TOP, HIGH, FOOT = 60, 56, 190, 60


def in_terminal(story: Story, lives: dict[str, Life]) -> list[str]:
    """Return lines: each arm's loss in each 30 days, as times the oracle's, with 1.05 across them."""
    begins = midnight(story.begins)
    oracle = losses_by_span(lives["oracle"], begins)
    lines = []
    for arm in ARMS[:-1]:
        ratios = [
            mine / theirs if mine is not None and theirs else None
            for mine, theirs in zip(losses_by_span(lives[arm], begins), oracle, strict=True)
        ]
        lines.append(f"{story.example}, {NAMES[arm]}: times the oracle's loss, each {SPAN_DAYS} days")
        lines += ["".join(text for text, _ in one) for one in plot(ratios, GOAL, TERMINAL, TALL)]
        lines.append("".join(text for text, _ in axis(story.begins, story.ends, len(ratios), TERMINAL)))
    return lines


def as_png(story: Story, lives: dict[str, Life]) -> bytes:
    """Return the losses of all arms in each 30 days, and below them when our loop trained and what it was told of."""
    begins = midnight(story.begins)
    series = {arm: losses_by_span(life, begins) for arm, life in lives.items()}
    top = max(value for values in series.values() for value in values if value is not None)
    days = lives["loop"].days

    def x(day: float) -> float:
        return LEFT + day * (WIDTH - LEFT - 20) / days

    def y(value: float) -> float:
        return TOP + HIGH * (1 - value / top)

    parts = [
        _text(12, 20, f"{story.example}: {lives['loop'].answers.loss_name} in each {SPAN_DAYS} days", weight="bold"),
        _line(LEFT, TOP + HIGH, WIDTH - 20, TOP + HIGH),
        _text(LEFT - 6, TOP + 8, f"{top:.3g}", DIM, "end"),
        _text(LEFT - 6, TOP + HIGH, "0", DIM, "end"),
    ]
    for place, arm in enumerate(ARMS):
        shown = [
            (x(min(days, (number + 0.5) * SPAN_DAYS)), y(value))
            for number, value in enumerate(series[arm])
            if value is not None
        ]
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in shown)
        wide = 3 if arm == "loop" else 2
        parts.append(f'<polyline points="{points}" fill="none" stroke="{COLOURS[arm]}" stroke-width="{wide}"/>')
        parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="{wide}" fill="{COLOURS[arm]}"/>' for a, b in shown]
        words = f"{NAMES[arm]}, {len(lives[arm].trainings)} trainings"
        parts.append(_text(LEFT + place * (WIDTH - LEFT) / len(ARMS), 42, words, COLOURS[arm]))
    parts += _marks(story, lives["loop"], x)
    height = TOP + HIGH + FOOT
    return png(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}">'
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>{"".join(parts)}</svg>'
    )


def _marks(story: Story, loop: Life, x: Callable[[float], float]) -> list[str]:
    """Return the axis of time, a stroke for each training of our loop and a dot for each alert."""
    foot, begins = TOP + HIGH, midnight(story.begins)
    parts = [_line(x(day), foot + 4, x(day), foot + 12, COLOURS["loop"]) for day in loop.trainings]
    for one in loop.alerts.values():
        day = (one["opened_at"] - begins) / DAY_US
        if 0 <= day <= loop.days:
            parts.append(f'<circle cx="{x(day):.1f}" cy="{foot + 20}" r="3" fill="{COLOURS["never"]}"/>')
    first = dt.date.fromisoformat(story.begins)
    for part in range(5):
        day = part * loop.days / 4
        anchor = ("start", "middle", "middle", "middle", "end")[part]
        parts.append(_text(x(day), foot + 38, str(first + dt.timedelta(days=day)), DIM, anchor))
    parts.append(_text(LEFT, foot + 54, "strokes: trainings of our loop; dots: its alerts", DIM))
    return parts


def _text(x: float, y: float, text: str, fill: str = INK, anchor: str = "start", weight: str = "normal") -> str:
    where = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {where} fill="{fill}" font-weight="{weight}">{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, stroke: str = INK) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}"/>'
