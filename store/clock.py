"""Clocks as parameters: the system's, and one that stands still until told."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Protocol

from store.errors import Refused
from store.json_rows import EPOCH


class Clock(Protocol):
    """What time it is, for the record and for deadlines."""

    last_stamp: int
    """The time in the last id that was made with this clock, see `store.ids`."""

    def now(self) -> int:
        """Return microseconds UTC since 1970."""
        ...

    def boottime(self) -> float:
        """Return seconds since boot, suspend included; no wall clock change moves it."""
        ...


class SystemClock:
    """The machine's clocks."""

    last_stamp = 0

    def now(self) -> int:
        """Return microseconds UTC since 1970."""
        return time.time_ns() // 1000

    def boottime(self) -> float:
        """Return seconds since boot, suspend included."""
        if hasattr(time, "CLOCK_BOOTTIME"):
            return time.clock_gettime(time.CLOCK_BOOTTIME)
        return time.monotonic()


class FrozenClock:
    """A clock that moves only by `advance`."""

    last_stamp = 0

    def __init__(self, start_us: int) -> None:
        self._now = start_us
        self._boottime = 1000.0

    def now(self) -> int:
        """Return the frozen microseconds UTC."""
        return self._now

    def boottime(self) -> float:
        """Return frozen seconds since a made-up boot."""
        return self._boottime

    def advance(self, seconds: float) -> None:
        """Move both clocks on."""
        self._now += round(seconds * 1_000_000)
        self._boottime += seconds


def read_span(text: str, zone: str) -> tuple[int, int]:
    """Read `FROM..TO` as two times, microseconds UTC; what has no offset is in `zone`.

    Raises:
        Refused: it is no span, or ends before it begins.
    """
    first, dots, last = text.partition("..")
    if not dots or not first or not last:
        raise Refused(f"{text!r} is no span of time", "write it as 2026-01-01..2026-02-01")
    begins, ends = parse_time(first, zone), parse_time(last, zone)
    if ends <= begins:
        raise Refused(f"{text!r} ends before it begins", "write the earlier time first")
    return begins, ends


def parse_time(text: str, zone: str) -> int:
    """Read RFC 3339, a date, or a time without offset (taken to be in `zone`) as microseconds UTC.

    Raises:
        Refused: the text is no time, or the zone is unknown.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise Refused(
            f"{text!r} is not a time", "write 2026-01-31, 2026-01-31T14:00 or 2026-01-31T14:00:00Z"
        ) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=_zone(zone))
    return (moment.astimezone(UTC) - EPOCH) // timedelta(microseconds=1)


def read_past(text: str, zone: str, now_us: int) -> int:
    """Read a past moment as people say it, as microseconds UTC; all else as `parse_time` reads it.

    `now` is now; `yesterday` is the same time a day before on the clock of `zone`; `yesterday 21:00` and `today 21:00`
    name it. A time alone, `21:00` or `21:00:30`, is the latest at which that clock showed it, and so is a day without
    its year, `12-01` or `12-01 21:00`, as tables show them; behind a `Z` either is on the clock of UTC. `90m`, `1h30m`,
    `2 hours ago` and `3d ago` are durations, all of them ago.

    Raises:
        Refused: the text is no time, or the zone is unknown.
    """
    said = " ".join(text.lower().split())
    if said == "now":
        return now_us
    ago = re.fullmatch(_AGO, said, re.ASCII)
    if ago:
        days, hours, minutes, seconds = (int(part or 0) for part in ago.groups())
        return now_us - (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1_000_000
    found = re.fullmatch(_SHOWN, said, re.ASCII) if said else None
    if found is None:
        return _written(text, zone)
    now = (EPOCH + timedelta(microseconds=now_us)).astimezone(UTC if found["utc"] else _zone(zone))
    moment = _latest(found, now)
    if moment is None:
        return _written(text, zone)
    return (moment.astimezone(UTC) - EPOCH) // timedelta(microseconds=1)


def _latest(found: re.Match[str], now: datetime) -> datetime | None:
    """Return the latest moment, not after `now`, at which its clock showed what was read; None where it never does."""
    moment = now
    if found["time"] or found["month"]:
        hour, minute, second = (int(found[name] or 0) for name in ("hour", "minute", "second"))
        if not (hour < 24 and minute < 60 and second < 60):
            return None
        moment = now.replace(hour=hour, minute=minute, second=second, microsecond=0)
    if found["month"]:
        for year in range(now.year, now.year - _LEAP_YEARS_APART - 1, -1):
            try:
                dated = moment.replace(year=year, month=int(found["month"]), day=int(found["day"]))
            except ValueError:
                continue  # 02-29 is in leap years only, 13-01 in none
            if dated <= now:
                return dated
        return None
    if found["word"] == "yesterday" or (found["word"] is None and moment > now):
        moment -= timedelta(days=1)
    return moment


def _written(text: str, zone: str) -> int:
    """Read a time that is written out; where it is none, every form of a past moment is named."""
    try:
        datetime.fromisoformat(text.strip())
    except ValueError as error:
        forms = (
            "now, '90m ago', '2 hours ago', yesterday, 'yesterday 21:00', 21:00, 21:00Z, '12-01 21:00', 2026-01-31 or"
            " 2026-01-31T14:00"
        )
        raise Refused(f"{text!r} is not a time", f"write {forms}") from error
    return parse_time(text, zone)


def _zone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise Refused(f"unknown time zone {name!r}", "use a name such as Europe/Madrid or UTC") from error


_AGO = (  # compiled where a time is read first: most commands read none
    r"(?=\d)(?:(\d{1,6}) ?d(?:ays?)?)? ?(?:(\d{1,6}) ?h(?:ours?|rs?)?)? ?(?:(\d{1,6}) ?m(?:in(?:ute)?s?)?)? ?"
    r"(?:(\d{1,6}) ?s(?:ec(?:ond)?s?)?)?(?<! )(?: ago)?"
)
_SHOWN = (
    r"(?:(?P<word>yesterday|today)|(?P<month>\d\d)-(?P<day>\d\d))?"
    r" ?(?P<time>(?<!\d)(?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d))? ?(?P<utc>z|utc)?)?"
)
_LEAP_YEARS_APART = 8  # at most, such as 1896 and 1904
