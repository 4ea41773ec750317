"""Numbers as a line of blocks, and a share as a bar."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

BLOCKS = "▁▂▃▄▅▆▇█"
_EIGHTHS = " ▏▎▍▌▋▊▉"


def sparkline(values: Sequence[float | None], width: int) -> str:
    """Return the newest `width` values as blocks between their least and greatest; a gap is a space.

    A flat series is drawn low, so that it does not look like an alarm.
    """
    shown = list(values)[-width:]
    known = [value for value in shown if value is not None and not isnan(value)]
    if not known:
        return " " * width
    low, high = min(known), max(known)
    span = high - low
    blocks = []
    for value in shown:
        if value is None or isnan(value):
            blocks.append(" ")
        elif span <= 0:
            blocks.append(BLOCKS[0] if value == 0 else BLOCKS[2])
        else:
            blocks.append(BLOCKS[min(7, int((value - low) / span * 8))])
    return "".join(blocks).rjust(width)


def volume_line(values: Sequence[float | None], width: int) -> str:
    """Return a sparkline that starts at zero, as counts should."""
    shown = list(values)[-width:]
    high = max((value for value in shown if value is not None), default=0)
    if high <= 0:
        return "".join(" " if value is None else BLOCKS[0] for value in shown).rjust(width)
    blocks = (" " if value is None else BLOCKS[min(7, int(max(value, 0) / high * 7.999))] for value in shown)
    return "".join(blocks).rjust(width)


def bar(share: float, width: int) -> str:
    """Return a share of one as a bar of exactly `width` cells, in eighths of a cell."""
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(width)


def progress_bar(share: float, width: int) -> str:
    """Return a share of one as a bar whose rest shows too."""
    full = round(max(0.0, min(1.0, share)) * width)
    return "█" * full + "░" * (width - full)
