"""When which job is asked for: follows the registry's schedules, and enqueues what is due. It does nothing else."""

from __future__ import annotations

import contextlib
import hashlib
import logging
from collections.abc import Callable, Mapping
from typing import Any

from engine.deck import Deck
from engine.jobs.alert_clock import AlertClock
from engine.jobs.approval_clock import ApprovalClock
from engine.jobs.clockwork import Clockwork
from engine.jobs.deadman import DeadMan
from engine.jobs.event_triggers import EventTriggers
from engine.jobs.firing import MOST_CAUGHT_UP, Due, Firing, Stretch
from engine.jobs.keeping import RetentionClock
from engine.jobs.kinds import KINDS
from engine.jobs.retraining import Retraining
from engine.settings.cron import Cron
from engine.settings.triggers import After, Every, Trigger, due_between, read_trigger
from store import schedules, settings
from store.errors import ModeldeckError, Refused
from store.rows import Schedule

log = logging.getLogger("modeldeck")

MINUTE_US = 60_000_000
JUMP_US = 2_000_000  # by how much the wall clock may drift from one look to the next


class Scheduler:
    """Fires the deck's schedules. `wake` is called after a job was asked for."""

    def __init__(self, deck: Deck, wake: Callable[[], Any] = lambda: None) -> None:
        self._deck = deck
        self._wake = wake
        self._known: dict[str, tuple[object, ...]] = {}
        self._triggers: dict[str, Trigger] = {}
        self._read: dict[tuple[str, str], Trigger] = {}
        self._token: int | None = None
        self._drift: int | None = None
        self._clockwork = Clockwork(self.fire)
        self._stretches: dict[str, Stretch] = {}
        self._events = EventTriggers(deck, self._stretches)
        self._dead_man = DeadMan(deck)
        self._alert_clock = AlertClock(deck)
        self._approval_clock = ApprovalClock(deck)
        self._retention_clock = RetentionClock(deck)
        self._retraining = Retraining(deck)

    def start(self) -> None:
        """Catch up with what fell due while no daemon ran, then fire on time."""
        self.refresh()
        self._clockwork.start()

    @property
    def is_running(self) -> bool:
        """Tell whether it fires."""
        return self._clockwork.is_running

    def close(self) -> None:
        """Fire nothing more, and tell of the skips that are not told yet."""
        self._clockwork.close()
        untold = {id: stretch for id, stretch in self._stretches.items() if stretch.untold}
        self._stretches.clear()
        if untold:
            with contextlib.suppress(ModeldeckError), self._deck.database.write() as tx:
                for row in schedules.schedules(tx):
                    if row.id in untold:
                        untold[row.id].tell(tx, row)

    def refresh(self) -> bool:
        """Follow the registry and the clock; returns whether any schedule changed or any event fired one."""
        jumped = self._has_jumped()
        self._dead_man.look()
        self._alert_clock.look()
        self._approval_clock.look()
        if self._retention_clock.look():
            self._wake()
        retrained = self._retraining.look(self._body())
        if retrained:
            self._wake()
        token = self._deck.database.changes()
        if token == self._token and not jumped:
            self._clockwork.look()
            return bool(retrained)
        changed = self._follow(jumped)
        fired = self._events.fire(self._body())
        if fired:
            self._wake()
        self._token = token
        self._clockwork.look()
        return changed or bool(fired or retrained)

    def fire(self, ids: set[str]) -> None:
        """Ask for what is due of these schedules, all in one transaction."""
        body = self._body()
        with self._deck.database.write() as tx:
            firing = Firing(tx, body, self._stretches)
            following: dict[str, int | None] = {}
            for row in schedules.schedules(tx):
                trigger = self._triggers.get(row.id)
                if row.id not in ids or trigger is None or row.paused_at is not None:
                    continue
                if row.next_at is None or row.next_at > tx.at:
                    continue
                following[row.id] = _next(row, trigger, tx.at)
                firing.fire(_due(row, trigger, row.next_at, tx.at, following[row.id]))
            asked = firing.close(following)
        if asked:
            self._wake()

    def _follow(self, jumped: bool) -> bool:
        zone = str(self._body().get("time_zone", "UTC"))
        wanted = {row.id: row for row in schedules.schedules(self._deck.database) if row.paused_at is None}
        changed = False
        for id in self._known.keys() - wanted.keys():
            del self._known[id]
            self._triggers.pop(id, None)
            self._clockwork.take_away(id)
            changed = True
        new: dict[str, int | None] = {}
        for row in wanted.values():
            identity = (row.trigger, row.kind, row.jitter_s, zone)
            lost = row.next_at is None and row.id in self._triggers and self._expects(row)
            if self._known.get(row.id) == identity and not lost and not jumped:
                continue
            changed = changed or self._known.get(row.id) != identity
            self._known[row.id] = identity
            self._put(row, zone, new)
        if new:
            with self._deck.database.write() as tx:
                schedules.set_next_many(tx, new)
        return changed

    def _put(self, row: Schedule, zone: str, new: dict[str, int | None]) -> None:
        try:
            trigger = self._trigger(row, zone)
        except Refused as error:  # the same until the row changes; the others must not wait for it
            log.error("schedule %s: %s", row.id, error.line())
            return
        self._triggers[row.id] = trigger
        now = self._deck.clock.now()
        next_at = row.next_at
        if next_at is None or _is_too_far(row, trigger, next_at, now):
            next_at = new[row.id] = _next(row, trigger, now)
        if next_at is None:
            self._clockwork.take_away(row.id)
        else:
            self._clockwork.put(row.id, next_at, lambda at: _next(row, trigger, at))

    def _trigger(self, row: Schedule, zone: str) -> Trigger:
        if row.kind not in KINDS:
            raise Refused(f"asks for a job of unknown kind {row.kind!r}", "apply the settings again")
        key = (row.trigger, zone)
        if key not in self._read:
            self._read[key] = read_trigger(row.trigger, zone)
        return self._read[key]

    def _expects(self, row: Schedule) -> bool:
        """Tell whether a schedule without a time should have one: it was resumed or edited."""
        trigger = self._triggers[row.id]
        return not isinstance(trigger, After) and trigger.after(self._deck.clock.now()) is not None

    def _has_jumped(self) -> bool:
        """Tell whether the wall clock was set since the last look."""
        drift = self._deck.clock.now() - round(self._deck.clock.boottime() * 1_000_000)
        jumped = self._drift is not None and abs(drift - self._drift) > JUMP_US
        if jumped:
            assert self._drift is not None
            log.warning("the wall clock was set by %+.0f s", (drift - self._drift) / 1_000_000)
        self._drift = drift
        return jumped

    def _body(self) -> Mapping[str, Any]:
        return settings.applied_body(self._deck.database)


def _next(row: Schedule, trigger: Trigger, at: int) -> int | None:
    """Return the next time after `at`, put off by the schedule's jitter: the same for the same time, always."""
    found = trigger.after(at)
    if found is None or not row.jitter_s:
        return found
    digest = hashlib.sha256(f"{row.id} {found}".encode()).digest()
    return found + int.from_bytes(digest[:8], "big") % (row.jitter_s * 1_000_000)


def _due(row: Schedule, trigger: Trigger, first: int, now: int, following: int | None) -> Due:
    """Return what fell due from `first` to now; mostly that is one, and no second search is needed to know."""
    soon = isinstance(trigger, Cron) and now // MINUTE_US == first // MINUTE_US
    if soon or following is None:
        return Due(row, 1, (first,))
    count, times = due_between(trigger, first, now, MOST_CAUGHT_UP)
    return Due(row, count, tuple(times))


def _is_too_far(row: Schedule, trigger: Trigger, next_at: int, now: int) -> bool:
    """Tell whether an interval waits for longer than it is: the clock was set back."""
    return isinstance(trigger, Every) and next_at - now > trigger.period_us + row.jitter_s * 1_000_000
