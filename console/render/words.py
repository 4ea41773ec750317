"""Values as the words a person reads: ages, times, counts, shares, sizes."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import isnan

from console.render.display import SHOWN
from store.rows import EPOCH

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def age(at: int | None, now: int) -> str:
    """Return how long ago in one short unit, never seconds: a live screen has no ticking clock."""
    if at is None:
        return "-"
    span = now - at
    if span < 0:
        return _ahead(-span)
    return _span(span) if span >= MINUTE else "now"


def ago(at: int | None, now: int) -> str:
    """Return `age` as it stands in a sentence."""
    text = age(at, now)
    return {"-": "never", "now": "just now"}.get(text, text if text.startswith("in ") else f"{text} ago")


def took(start: int | None, end: int | None) -> str:
    """Return a finished span with its seconds, or `-` while it is open."""
    if start is None or end is None:
        return "-"
    span = max(0, end - start)
    if span < 10 * SECOND:
        return f"{span / SECOND:.1f}s"
    if span < MINUTE:
        return f"{span // SECOND}s"
    if span < HOUR:
        return f"{span // MINUTE}m{span % MINUTE // SECOND:02d}s"
    return f"{span // HOUR}h{span % HOUR // MINUTE:02d}m"


def every(seconds: int) -> str:
    """Return how often something is done, in the largest unit that says it exactly: `30s`, `90s`, `5m`, `1d`."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _span(span: int) -> str:
    if span < HOUR:
        return f"{span // MINUTE}m"
    if span < 2 * DAY:
        return f"{span // HOUR}h"
    return f"{span // DAY}d"


def _ahead(span: int) -> str:
    return f"in {_span(span)}" if span >= MINUTE else "now"


def moment(at: int | None) -> str:
    """Return a time to the minute, in the zone of the screen, as `2026-11-24 03:12Z` or `2026-11-24 04:12+01`."""
    return "-" if at is None else f"{_datetime(at):%Y-%m-%d %H:%M}{_offset(at)}"


def short_moment(at: int | None, now: int) -> str:
    """Return `03:12Z` today, `Nov 24 03:12Z` this year, else the date."""
    if at is None:
        return "-"
    then, today = _datetime(at), _datetime(now)
    if then.date() == today.date():
        return f"{then:%H:%M}{_offset(at)}"
    if then.year == today.year:
        return f"{then:%b} {then.day} {then:%H:%M}{_offset(at)}"
    return f"{then:%Y-%m-%d}"


def day(at: int | None) -> str:
    """Return the date."""
    return "-" if at is None else f"{_datetime(at):%Y-%m-%d}"


def _datetime(at: int) -> datetime:
    return (EPOCH + timedelta(microseconds=at)).astimezone(SHOWN.zone)


def _offset(at: int) -> str:
    """Return `Z`, or how far the zone is from UTC then: `+01`, `+05:30`."""
    text = f"{_datetime(at):%z}"
    if text == "+0000":
        return "Z"
    return text[:3] if text.endswith("00") else f"{text[:3]}:{text[3:5]}"


def number(value: float | None) -> str:
    """Return a measure with four figures, or `-`."""
    if value is None or isnan(value):
        return "-"
    size = abs(value)
    if size and size < 0.001:
        return f"{value:.2g}"
    if size >= 100_000:
        return f"{value:,.0f}"
    places = 3 if size < 10 else 2 if size < 100 else 1 if size < 10_000 else 0
    return f"{value:,.{places}f}"


def brief(value: float | None) -> str:
    """Return a figure inside a sentence: three figures, no closing zeros."""
    if value is None or isnan(value):
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def count(value: int | None) -> str:
    """Return a whole number with thousands apart, or `-`."""
    return "-" if value is None else f"{value:,}"


def short_count(value: int | None) -> str:
    """Return a count in at most five cells: 987, 4.8k, 12M."""
    if value is None:
        return "-"
    for limit, unit in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if value >= limit:
            share = value / limit
            return f"{share:.1f}{unit}" if share < 10 else f"{share:.0f}{unit}"
    return str(value)


def percent(share: float | None, signed: bool = False) -> str:
    """Return a share of one as whole percent, or `-`."""
    if share is None or isnan(share):
        return "-"
    value = round(share * 100)
    return f"{value:+d}%" if signed else f"{value}%"


def size(value: int | None) -> str:
    """Return bytes in the unit that reads best."""
    if value is None:
        return "-"
    amount = float(value)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def plural(amount: int, noun: str) -> str:
    """Return `1 alert`, `2 alerts`, `no alerts`."""
    if amount == 0:
        return f"no {noun}s"
    return f"{amount:,} {noun}" + ("" if amount == 1 else "s")


def short_id(identity: str) -> str:
    """Return an id as lists show it: the first 12 characters of a hex id, the start of a hash."""
    if identity.startswith("sha256:"):
        return identity[:19]
    return identity[:12]


def typed_id(identity: str) -> str:
    """Return an id as a command names it: twelve digits are its millisecond, which two alerts may share."""
    return identity[:16]


def person(actor: str) -> str:
    """Return the actor as a list shows it: a person by the bare name, others with their kind."""
    return actor.removeprefix("user:")
