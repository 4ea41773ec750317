"""What a schedule's trigger says: `every 5m`, `cron 0 3 * * *`, `at 2026-12-01T03:00`, `after outcomes.recorded`.

`on drift, rows` says no time: `engine.jobs.retraining` looks for what it names.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Protocol

from engine.settings.cron import parse_cron
from engine.settings.durations import seconds
from store.clock import parse_time
from store.errors import Refused

HINT = 'write "every 5m", "cron 0 3 * * *", "at 2026-12-01T03:00" or "after outcomes.recorded"'
EVENTS = (
    "outcomes.recorded",
    "snapshot.taken",
    "version.registered",
    "alias.moved",
    "release.completed",
    "release.aborted",
    "release.failed",
    "alert.opened",
)
LOOPS = {  # what a kind of job itself brings about: a schedule after it would never end
    "train": ("version.registered", "snapshot.taken", "alias.moved"),
    "ingest": ("snapshot.taken",),
    "monitor": ("alert.opened",),
    "test": ("alert.opened",),
}
MOST_COUNTED = 20_000


class Trigger(Protocol):
    """Says when. Times are microseconds UTC."""

    def after(self, at_us: int) -> int | None:
        """Return the first time strictly after, None where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Every:
    """Whole periods since 1970, so that every 5m is at :00, :05, …"""

    period_us: int

    def after(self, at_us: int) -> int:
        """Return the next whole period."""
        return (at_us // self.period_us + 1) * self.period_us


@dataclass(frozen=True, slots=True)
class At:
    """Once."""

    at_us: int

    def after(self, at_us: int) -> int | None:
        """Return the one time, unless it is over."""
        return self.at_us if self.at_us > at_us else None


@dataclass(frozen=True, slots=True)
class After:
    """After each event of an action for the schedule's model; no time is known before."""

    action: str

    def after(self, _at_us: int) -> None:
        """Know no time."""
        return


@dataclass(frozen=True, slots=True)
class On:
    """When something has happened that `[retrain] on` names; no time is known before."""

    names: tuple[str, ...]

    def after(self, _at_us: int) -> None:
        """Know no time."""
        return


def read_trigger(text: str, zone: str) -> Trigger:
    """Read a trigger; times without offset are in `zone`.

    Raises:
        Refused: it says no time.
    """
    word, _, rest = text.partition(" ")
    try:
        if word == "every":
            return Every(max(1, round(seconds(rest))) * 1_000_000)
        if word == "cron":
            return parse_cron(rest, zone)
        if word == "at":
            return At(parse_time(rest, zone))
        if word == "after":
            if rest not in EVENTS:
                raise ValueError(f"there is {', '.join(EVENTS)}")
            return After(rest)
        if word == "on" and rest:
            return On(tuple(rest.split(", ")))
    except Refused as error:
        raise Refused(f"{text!r} says no time: {error.message}", HINT) from None
    except ValueError as error:
        raise Refused(f"{text!r} says no time: {error}", HINT) from None
    raise Refused(f"{text!r} says no time", HINT)


def due_between(trigger: Trigger, first: int, until: int, most: int) -> tuple[int, list[int]]:
    """Return how many times fall due from `first`, which is one, up to `until`, and the newest of them.

    At most `most` are listed; counting stops at 20,000.
    """
    if first > until:
        return 0, []
    if isinstance(trigger, Every):
        period, last = trigger.period_us, until // trigger.period_us
        count = 1 + max(0, last - first // period)
        newest = range(last - min(count - 1, most) + 1, last + 1)
        return count, [*([first] if count <= most else []), *(number * period for number in newest)][-most:]
    times: deque[int] = deque([first], maxlen=most)
    count = 1
    while (following := trigger.after(times[-1])) is not None and following <= until and count < MOST_COUNTED:
        times.append(following)
        count += 1
    return count, list(times)
