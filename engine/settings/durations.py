"""Durations as people write them. Standard library only."""

from __future__ import annotations

import re
from typing import Any

_DURATION = re.compile(
    r"(?=\d)(?:(\d+) ?d(?:ays?)?)? ?(?:(\d+) ?h(?:ours?|rs?)?)? ?(?:(\d+) ?m(?:in(?:ute)?s?)?)? ?"
    r"(?:(\d+(?:\.\d+)?) ?s(?:ec(?:ond)?s?)?)?(?<! )",
    re.ASCII,
)
LONGEST_DAYS = 3650


def seconds(text: Any) -> float:
    """Read a duration such as "15s", "2m", "1h30m" or "4 hours" as seconds.

    Raises:
        ValueError: it is not a duration, or a longer one than anything here lasts.
    """
    match = _DURATION.fullmatch(text) if isinstance(text, str) and text else None
    if match is None:
        raise ValueError('write a duration with its unit, such as "15s", "2m" or "1h"')
    days, hours, minutes, rest = (float(part) if part else 0.0 for part in match.groups())
    found = days * 86400 + hours * 3600 + minutes * 60 + rest
    if found > LONGEST_DAYS * 86400:
        raise ValueError(f'write at most "{LONGEST_DAYS}d"')
    return found


def written(seconds: float) -> str:
    """Write a duration as a settings file does, in its largest whole unit: 15s, 2m, 36h, 1d."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size and seconds % size == 0:
            return f"{int(seconds // size)}{unit}"
    return f"{seconds:g}s"
