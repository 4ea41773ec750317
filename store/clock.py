"""Clocks as parameters: the system's, and one that stands still until told."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

from store.errors import Refused
from store.json_rows import EPOCH


class Clock(Protocol):
    """What time it is, for the record and for deadlines."""

    def now(self) -> int:
        """Return microseconds UTC since 1970."""
        ...

    def boottime(self) -> float:
        """Return seconds since boot, suspend included; no wall clock change moves it."""
        ...


class SystemClock:
    """The machine's clocks."""

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
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise Refused(
            f"{text!r} is not a time", "write 2026-01-31, 2026-01-31T14:00 or 2026-01-31T14:00:00Z"
        ) from error
    if moment.tzinfo is None:
        try:
            moment = moment.replace(tzinfo=ZoneInfo(zone))
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise Refused(f"unknown time zone {zone!r}", "use a name such as Europe/Madrid or UTC") from error
    return (moment.astimezone(UTC) - EPOCH) // timedelta(microseconds=1)
