"""How one value becomes numbers: parts of a date, the shape of a text. Plain numpy, for every way a model is served.

Times are int64 microseconds since 1970, in the zone that the column is in.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

DATE_PARTS = ("month", "day", "weekday", "yearday", "hour")
_PERIODS = {"month": 12.0, "day": 31.0, "weekday": 7.0, "yearday": 366.0, "hour": 24.0}
DAY_US = 86_400_000_000
_EPOCH_WEEKDAY = 3  # 1 January 1970 was a Thursday, Monday is 0

SHAPES = ("length", "words", "capitals", "digits", "links", "mentions", "tags", "exclaims", "questions", "quoted")
_LINK = re.compile(r"https?://", re.IGNORECASE)


def date_parts(micros: Any, missing: Any, timed: bool) -> dict[str, Any]:
    """Return each part of times as float64, NaN where `missing`; the hour only where times of day occur (`timed`)."""
    times = micros.astype("datetime64[us]")
    days = times.astype("datetime64[D]")
    months = times.astype("datetime64[M]")
    parts = {
        "month": months.astype(np.int64) % 12 + 1,
        "day": (days - months.astype("datetime64[D]")).astype(np.int64) + 1,
        "weekday": (days.astype(np.int64) + _EPOCH_WEEKDAY) % 7,
        "yearday": (days - times.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64) + 1,
    }
    if timed:
        parts["hour"] = (micros % DAY_US) / 3_600_000_000
    return {name: np.where(missing, np.nan, values.astype(np.float64)) for name, values in parts.items()}


def on_the_circle(part: str, values: Any) -> tuple[Any, Any]:
    """Return sine and cosine of a part of a date, 0 where it is null."""
    angle = values * (2.0 * np.pi / _PERIODS[part])
    return np.nan_to_num(np.sin(angle)), np.nan_to_num(np.cos(angle))


def text_shape(text: str) -> tuple[float, ...]:
    """Return how a text is written, in the order of SHAPES: lengths, shares of its letters, counts of signs."""
    length = len(text)
    size = length or 1
    return (
        float(length),
        float(len(text.split())),
        sum(map(str.isupper, text)) / size,
        sum(map(str.isdigit, text)) / size,
        float(len(_LINK.findall(text))),
        float(text.count("@")),
        float(text.count("#")),
        float(text.count("!")),
        float(text.count("?")),
        float(text[:1] in {'"', "“", "'", "‘"}),
    )
