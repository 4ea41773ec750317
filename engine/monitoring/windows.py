"""Which windows there are, which are closed, and which have to be computed. Pure.

A window is `[number * length, (number + 1) * length)` in microseconds UTC. By received time it closes when the clock
has passed its end by the lateness. By event time it closes when the newest event has, or when nothing more has come
for a whole window: event times may be years away from the clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SLACK_US = 600_000_000  # a row is written a little after its `received_at`, a look ends a little after its scan


@dataclass(frozen=True, slots=True)
class Seen:
    """What the log holds of one version in one window, before anything is computed."""

    rows: int = 0  # answered and failed
    errors: int = 0
    refused: int = 0
    newest_at: int = 0  # newest `received_at`
    newest_outcome_at: int = 0  # newest outcome that came since the last look; 0: none
    errors_of: tuple[tuple[str, int], ...] = ()  # (host, its failed rows), of hosts that had any


@dataclass(frozen=True, slots=True)
class Frame:
    """How time is cut: lengths in microseconds, and the moments that decide what is closed."""

    length_us: int
    lateness_us: int
    by: str  # received, event
    now_us: int
    newest_event_us: int = 0
    newest_received_us: int = 0

    def span(self, number: int) -> tuple[int, int]:
        """Return the window's bounds."""
        return number * self.length_us, (number + 1) * self.length_us

    def is_closed(self, number: int) -> bool:
        """Say whether everything that belongs to the window is expected to be there."""
        end = (number + 1) * self.length_us + self.lateness_us
        if self.by == "received":
            return end <= self.now_us
        return end <= self.newest_event_us or self.newest_received_us + self.length_us + self.lateness_us <= self.now_us


Key = tuple[int, int]  # version, window number


def due(
    seen: Mapping[Key, Seen],
    frame: Frame,
    computed: Mapping[Key, int],
    last_run_us: int | None,
    counted: Mapping[Key, int] | None = None,
) -> list[Key]:
    """Return the closed windows to compute, oldest first.

    Those never computed, those computed by a look that did not end, and those into which a row or an outcome has come
    since the last look. `computed` maps what is stored to its `computed_at`, `counted` to its rows: a host that was
    away, or whose clock is slow, brings rows that were received before the last look, and only their number tells.
    """
    since = 0 if last_run_us is None else last_run_us - SLACK_US
    found = []
    for key, one in seen.items():
        if not frame.is_closed(key[1]):
            continue
        at = computed.get(key)
        unfinished = last_run_us is None or (at is not None and at > last_run_us)
        grown = counted is not None and key in counted and counted[key] != one.rows
        if at is None or unfinished or grown or max(one.newest_at, one.newest_outcome_at) >= since:
            found.append(key)
    return sorted(found, key=lambda key: (key[1], key[0]))


def silent(frame: Frame, serving_since_us: int, present: set[int], most: int) -> list[int]:
    """Return the newest closed windows by received time, since a version serves, in which nothing came at all."""
    if frame.by != "received":
        return []
    first = -(-serving_since_us // frame.length_us)
    last = (frame.now_us - frame.lateness_us) // frame.length_us - 1
    return [number for number in range(max(first, last - most + 1), last + 1) if number not in present]
