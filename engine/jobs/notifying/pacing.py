"""What a target is sent now, and when again: order, retries, bursts and quiet hours. Pure.

Messages to a target leave in the order of their events: one that is tried again keeps those behind it waiting. More
than `per_minute` within a minute leave as one message with a count. In quiet hours only what is critical leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from engine.settings.notify import NotifySettings
from store.rows import EPOCH, Notification
from store.rows.frozen import dataclass

FIRST_BACKOFF_S = 5.0
LONGEST_BACKOFF_S = 900.0
LONGEST_WAIT_S = 3600.0  # what a receiver may ask for; and what a clock that was set back may cost
MINUTE_US = 60_000_000
SETTLE_S = 5.0  # beyond its timeout, until an attempt counts as lost


@dataclass(frozen=True, slots=True)
class Send:
    """Send this message now, with these merged into it."""

    id: str
    merged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing is due before this time; None: nothing waits."""

    until_at: int | None


def next_turn(
    target: NotifySettings, waiting: Sequence[Notification], sent: Sequence[int], now_at: int, zone: str
) -> Send | Wait:
    """Return what is next for a target.

    `waiting` is oldest first, `sent` holds the times of the last minute's messages, times are microseconds UTC.
    """
    begun = next((one for one in waiting if one.attempts), None)
    if begun is not None:
        due_at = begun.not_before_at or now_at
        is_due = due_at <= now_at or due_at > now_at + LONGEST_WAIT_S * 1_000_000
        return Send(begun.id) if is_due else Wait(due_at)
    quiet_until = quiet_ends(target.quiet, now_at, zone)
    fresh = [one for one in waiting if quiet_until is None or one.severity == "critical"]
    if not fresh:
        return Wait(quiet_until if waiting else None)
    left = target.per_minute - len(sent)
    if left <= 0:
        return Wait(sent[0] + MINUTE_US)
    if len(fresh) <= left:
        return Send(fresh[0].id)
    return Send(fresh[0].id, tuple(one.id for one in fresh[1:]))


def backoff_s(attempts: int, chance: float) -> float:
    """Return how long after an attempt the next is due: doubled each time, give or take a quarter.

    `chance` is drawn from 0 to 1; it keeps senders that failed together from coming back together.
    """
    return min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2.0 ** min(max(0, attempts - 1), 20)) * (0.75 + 0.5 * chance)


def quiet_ends(quiet: tuple[int, int] | None, now_at: int, zone: str) -> int | None:
    """Return when the quiet hours around `now_at` end, None outside of them."""
    if quiet is None:
        return None
    begin, end = quiet
    now = (EPOCH + timedelta(microseconds=now_at)).astimezone(ZoneInfo(zone))
    minute = now.hour * 60 + now.minute
    if not (begin <= minute < end if begin < end else minute >= begin or minute < end):
        return None
    over = _at(now, end) if minute < end else _at(now + timedelta(days=1), end)
    return (over.astimezone(EPOCH.tzinfo) - EPOCH) // timedelta(microseconds=1)


def _at(day: datetime, minute: int) -> datetime:
    return day.replace(hour=minute // 60, minute=minute % 60, second=0, microsecond=0)
