"""When which job is enqueued: APScheduler in memory, rebuilt from the registry's schedules; it only enqueues."""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from engine.deck import Deck
from engine.jobs.kinds import KINDS
from engine.settings.durations import seconds
from store import jobs, settings, watching
from store.errors import Refused
from store.rows import EPOCH, Job, Schedule

log = logging.getLogger("modeldeck")

DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Scheduler:
    """Fires the deck's schedules. `wake` is called after a job was enqueued."""

    def __init__(self, deck: Deck, wake: Any = lambda: None) -> None:
        self._deck = deck
        self._wake = wake
        self._known: dict[str, tuple[object, ...]] = {}
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "max_instances": 1},
        )

    def start(self) -> None:
        """Catch up with what fell due while no daemon ran, then fire on time."""
        self.refresh()
        self._scheduler.start()

    def refresh(self) -> bool:
        """Follow the registry: new, changed, paused and removed schedules; returns whether anything changed."""
        zone = _zone(self._deck)
        wanted = {row.id: row for row in watching.schedules(self._deck.database) if row.paused_at is None}
        changed = False
        for schedule_id in self._known.keys() - wanted.keys():
            self._remove(schedule_id)
            changed = True
        for row in wanted.values():
            identity = (row.trigger, row.kind, row.grace_s, row.catch_up, zone)
            if self._known.get(row.id) != identity:
                try:
                    self._add(row, zone, catch_up=row.id not in self._known)
                except Refused as error:  # the same until the row changes; the others must not wait for it
                    log.error("schedule %s: %s", row.id, error.line())
                self._known[row.id] = identity
                changed = True
        return changed

    def close(self) -> None:
        """Fire nothing more."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)

    def _remove(self, schedule_id: str) -> None:
        del self._known[schedule_id]
        try:
            self._scheduler.remove_job(schedule_id)
        except JobLookupError:
            return

    def _add(self, row: Schedule, zone: str, *, catch_up: bool) -> None:
        trigger = trigger_of(row.trigger, zone)
        if catch_up and is_missed(row, self._deck.clock.now()):
            self._fire(row.id)
        self._scheduler.add_job(
            self._fire,
            trigger,
            args=(row.id,),
            id=row.id,
            replace_existing=True,
            coalesce=True,
            misfire_grace_time=max(1, row.grace_s),
        )
        self._note(row.id, trigger)

    def _fire(self, schedule_id: str) -> None:
        row = next((one for one in watching.schedules(self._deck.database) if one.id == schedule_id), None)
        if row is None or row.paused_at is not None:
            return
        fire(self._deck, row)
        self._note(schedule_id, trigger_of(row.trigger, _zone(self._deck)))
        self._wake()

    def _note(self, schedule_id: str, trigger: Any) -> None:
        """Write when it is due next, so that a person sees it and a later daemon knows what it missed."""
        due = trigger.get_next_fire_time(None, datetime.now(UTC))
        if due is not None:
            with self._deck.database.write() as tx:
                watching.touch_schedule(tx, schedule_id, next_at=(due - EPOCH) // timedelta(microseconds=1))


def fire(deck: Deck, row: Schedule) -> Job | None:
    """Enqueue a schedule's job, unless its last one still waits or runs, or there is nothing for it to do.

    A monitor whose model has never served has nothing to look at: its schedule passes over until it has.
    """
    if row.kind not in KINDS:
        raise Refused(f"schedule {row.id} asks for a job of unknown kind {row.kind!r}", "apply the settings again")
    with deck.database.write() as tx:
        if row.kind == "monitor" and not _serves(tx, row.model):
            return None
        job = jobs.enqueue(
            tx,
            kind=row.kind,
            model=row.model,
            args={},
            actor=f"schedule:{row.id}",
            settings_revision=row.settings_revision,
            dedupe_key=f"schedule:{row.id}",
        )
        watching.touch_schedule(tx, row.id, last_at=tx.at, last_job_id=job.id)
        return job


def _serves(tx: Any, model: str) -> bool:
    from store import deployments

    return any(endpoint.model == model for endpoint in deployments.endpoints(tx))


def is_missed(row: Schedule, now: int) -> bool:
    """Tell whether a firing fell due while no daemon ran, and is to be made up for.

    Several missed firings become one (a look covers every window that is due), for `once` and `all` alike.
    """
    return row.next_at is not None and row.next_at < now and row.catch_up != "skip"


def trigger_of(text: str, zone: str) -> IntervalTrigger | CronTrigger:
    """Read `every 5m` (aligned to the clock) or `cron 0 3 * * *` (in the deck's time zone).

    Raises:
        Refused: it is neither.
    """
    word, _, rest = text.partition(" ")
    try:
        if word == "every":
            return IntervalTrigger(seconds=max(1, round(seconds(rest))), start_date=EPOCH, timezone=UTC)
        if word == "cron":
            return _cron(rest, zone)
    except ValueError as error:
        raise Refused(f"{text!r} says no time: {error}", 'write "every 5m" or "cron 0 3 * * *"') from None
    raise Refused(f"{text!r} says no time", 'write "every 5m" or "cron 0 3 * * *"')


def _cron(expression: str, zone: str) -> CronTrigger:
    """Read five cron fields. APScheduler counts weekdays from Monday, cron from Sunday: days go by name."""
    fields = expression.split()
    if len(fields) != 5:
        raise ValueError("cron has five fields")
    minute, hour, day, month, weekday = fields
    weekday = re.sub(r"(?<![/\d])[0-7](?!\d)", lambda match: DAYS[int(match[0])], weekday.lower())
    return CronTrigger(minute=minute, hour=hour, day=day, month=month, day_of_week=weekday, timezone=ZoneInfo(zone))


def _zone(deck: Deck) -> str:
    current = settings.current(deck.database)
    return str(current.body["time_zone"]) if current else "UTC"
