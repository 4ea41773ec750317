"""Numbers over time as columns of blocks with a limit across them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from console.render.cells import Line, Span, line, width_of
from console.render.spark import BLOCKS
from console.render.words import brief

LABEL = 7


def plot(
    values: Sequence[float | None], limit: float | None, width: int, height: int, *, bad_above: bool = True
) -> list[Line]:
    """Return `height` lines of at most `width` cells, one column or more per value, from zero or the least below it.

    What lies beyond the limit, above it or below, is drawn as bad; the limit is a rule across the gaps. A value that is
    not there is a gap.
    """
    room = max(8, width - LABEL - 3)
    shown = [value if value is not None and isfinite(value) else None for value in list(values)[-room:]]
    known = [value for value in shown if value is not None]
    if not known:
        return [line("  ", ("no window has this figure", "dim"))]
    wide = max(1, min(4, room // len(shown)))
    marks = [*known, *([limit] if limit is not None else [])]
    low, high = min(0.0, *marks), max(*marks, 0.0)
    if high <= low:
        high = low + 1.0
    if low == 0.0 and min(marks) > 0.6 * high:  # what moves a little about a large value would look flat
        low = max(0.0, min(marks) - (high - min(marks)))
    step = (high - low) / height
    at = None if limit is None else min(height - 1, max(0, int((limit - low) / step)))
    lines = []
    for row in reversed(range(height)):
        label = brief(high) if row == height - 1 else brief(low) if row == 0 else ""
        if row == at and limit is not None:
            label = brief(limit)
        cells: list[Span] = [(f"{label:>{LABEL}} ", "warn" if row == at else "dim"), ("┤", "rule")]
        for value in shown:
            bad = value is not None and limit is not None and (value > limit if bad_above else value < limit)
            cells.append(_cell(value, low + row * step, step, wide, is_limit=row == at, bad=bad))
        lines.append(line(*cells))
    return lines


def axis(first: str, last: str, count: int, width: int) -> Line:
    """Return the line below a plot of so many values: when it begins and ends."""
    room = max(8, width - LABEL - 3)
    wide = max(1, min(4, room // max(1, min(count, room))))
    size = max(wide * min(count, room), width_of(first) + width_of(last) + 1)
    gap = " " * max(1, size - width_of(first) - width_of(last))
    return line(" " * (LABEL + 2), (f"{first}{gap}{last}", "dim"))


def _cell(value: float | None, bottom: float, step: float, wide: int, *, is_limit: bool, bad: bool) -> Span:
    if value is not None and value > bottom:
        eighths = min(8, int((value - bottom) / step * 8))
        if eighths or not is_limit:
            return (BLOCKS[max(0, eighths - 1)] * wide, "bad" if bad else "accent")
    return ("─" * wide, "warn") if is_limit else (" " * wide, "")
