"""Cron expressions: five fields as cron(5) reads them, in a time zone, through its changes. Standard library only.

A field of hours that begins with `*` follows real time: in an hour that the clocks skip nothing fires, in one that they
repeat each match fires twice. Named hours follow the wall clock: what falls into a skipped hour fires once, at the
moment after it, and in a repeated hour each match fires once, the first time.
"""

from __future__ import annotations

import calendar
import re
from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
YEARS = 9  # within which 29 February comes round, whatever the century
EPOCH = datetime(1970, 1, 1)
_PART = re.compile(r"(\*|[a-z0-9]+(?:-[a-z0-9]+)?)(?:/(\d+))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Cron:
    """One expression in one zone; sorted values of each field."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]  # 0 is Sunday
    either_day: bool  # day and weekday both named: one of them is enough
    every_hour: bool
    zone: ZoneInfo
    # the last answer, and what was asked: schedules that share an expression ask within moments of each other
    _last: list[tuple[int, int]] = field(default_factory=list, compare=False, repr=False)

    def after(self, at_us: int) -> int | None:
        """Return the first time after `at_us`, None where there is none in years."""
        for asked, found in self._last:
            if asked <= at_us < found:
                return found
        following = self._by_real_time(at_us) if self.every_hour else self._by_the_wall(at_us)
        if following is not None:
            self._last[:] = [(at_us, following)]
        return following

    def _by_the_wall(self, at_us: int) -> int | None:
        begun = _wall(at_us, self.zone).replace(second=0, microsecond=0)
        while (wall := self._match(begun + timedelta(minutes=1))) is not None:
            begun = wall
            found = _instant(wall, self.zone)
            if _wall(found, self.zone) != wall:  # a wall time that does not exist
                found = _change_before(found, self.zone)
            if found > at_us:
                return found
        return None

    def _by_real_time(self, at_us: int) -> int | None:
        """Match the wall clock of the offset that holds, from one change of the offset to the next."""
        start = at_us + 1
        while True:
            offset = _offset(start, self.zone)
            wall = self._match(EPOCH + timedelta(microseconds=start + offset))
            if wall is None:
                return None
            found = _us(wall) - offset
            if _offset(found, self.zone) == offset:
                return found
            start = _change_after(start, found, self.zone)

    def _match(self, wall: datetime) -> datetime | None:
        """Return the first match at or after a wall time, rounded up to whole minutes."""
        if wall.second or wall.microsecond:
            wall = wall.replace(second=0, microsecond=0) + timedelta(minutes=1)
        time = self._time_of_day(wall.hour, wall.minute)
        if time is not None and self._is_day(wall.year, wall.month, wall.day):
            return datetime(wall.year, wall.month, wall.day, *time)
        year, month, first_day = wall.year, wall.month, wall.day + 1
        while year <= wall.year + YEARS:
            if month in self.months:
                for day in range(first_day, calendar.monthrange(year, month)[1] + 1):
                    if self._is_day(year, month, day):
                        return datetime(year, month, day, self.hours[0], self.minutes[0])
            year, month, first_day = (year + 1, 1, 1) if month == 12 else (year, month + 1, 1)
        return None

    def _time_of_day(self, hour: int, minute: int) -> tuple[int, int] | None:
        place = bisect_left(self.hours, hour)
        if place < len(self.hours) and self.hours[place] == hour:
            later = bisect_left(self.minutes, minute)
            if later < len(self.minutes):
                return hour, self.minutes[later]
            place += 1
        return (self.hours[place], self.minutes[0]) if place < len(self.hours) else None

    def _is_day(self, year: int, month: int, day: int) -> bool:
        if month not in self.months:
            return False
        weekday = (calendar.weekday(year, month, day) + 1) % 7
        if self.either_day:
            return day in self.days or weekday in self.weekdays
        return day in self.days and weekday in self.weekdays


def parse_cron(expression: str, zone: str) -> Cron:
    """Read `minute hour day month weekday`.

    Raises:
        ValueError: it is no cron expression, or names no day that ever comes.
    """
    texts = expression.lower().split()
    if len(texts) != len(FIELDS):
        raise ValueError(f"cron has five fields, minute hour day month weekday: this has {len(texts)}")
    fields = [_field(text, *bounds) for text, bounds in zip(texts, FIELDS, strict=True)]
    minutes, hours, days, months, weekdays = fields
    made = Cron(
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=frozenset(days),
        months=frozenset(months),
        weekdays=frozenset(day % 7 for day in weekdays),
        either_day=not texts[2].startswith("*") and not texts[4].startswith("*"),
        every_hour=texts[1].startswith("*"),
        zone=ZoneInfo(zone),
    )
    if made._match(datetime(2000, 1, 1)) is None:
        raise ValueError("no such day ever comes")
    return made


def _field(text: str, name: str, low: int, high: int) -> set[int]:
    values: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(f"{part!r} is no {name}")
        span, step = match.groups()
        if span == "*":
            first, last = low, high if name != "weekday" else 6
        else:
            begin, dash, end = span.partition("-")
            first = _value(begin, name)
            last = _value(end, name) if dash else (high if step else first)
        if not low <= first <= last <= high or step == "0":
            raise ValueError(f"{part!r} is no {name}: {low} to {high}")
        values.update(range(first, last + 1, int(step or 1)))
    return values


def _value(text: str, name: str) -> int:
    names = {"month": MONTHS, "weekday": DAYS}.get(name, ())
    if text in names:
        return names.index(text) + (1 if name == "month" else 0)
    if not text.isdigit():
        raise ValueError(f"{text!r} is no {name}")
    return int(text)


def _us(wall: datetime) -> int:
    return (wall - EPOCH) // timedelta(microseconds=1)


def _offset(at_us: int, zone: ZoneInfo) -> int:
    """Return microseconds east of UTC at a moment."""
    return (_wall(at_us, zone) - EPOCH) // timedelta(microseconds=1) - at_us


def _wall(at_us: int, zone: ZoneInfo) -> datetime:
    moment = EPOCH + timedelta(microseconds=at_us)
    return moment.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None, fold=0)


def _instant(wall: datetime, zone: ZoneInfo) -> int:
    """Return the first moment that shows this wall time; for one that does not exist, one after the gap."""
    return (wall.replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None) - EPOCH) // timedelta(microseconds=1)


def _change_before(after_us: int, zone: ZoneInfo) -> int:
    """Return the moment of the change of offset within the day before."""
    return _change_after(after_us - 86_400_000_000, after_us, zone)


def _change_after(low: int, high: int, zone: ZoneInfo) -> int:
    """Return the first moment after `low` with another offset, which one at or before `high` has."""
    before = _offset(low, zone)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(middle, zone) == before:
            low = middle
        else:
            high = middle
    return high
