"""The outbox's part of the daemon: new events become notifications, and each target that has any gets a sending job.

Events are read with a cursor that moves in the transaction which writes the notifications, so none is lost or written
twice, however long the daemon was away. Each event goes to the targets of the settings that held when it happened.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from engine.deck import Deck
from engine.jobs.notifying.matching import JOB, Facts, headline, is_told, name_of, severity_of
from engine.jobs.notifying.pacing import Send, Wait, next_turn
from engine.settings.notify import NotifySettings, from_body, is_watched
from engine.settings.work import terms
from store import alerts, comments, events, job_batch, jobs, notifying, releases, settings, watches
from store.database import Reader, Write
from store.errors import UnknownName
from store.rows import Event, Job

ACTOR = "trigger:notify"
BATCH = 500
KEEP_UP = 1000  # events after which the cursor moves though nobody is told of anything
LOOK_EVERY_S = 5.0  # without a change in the registry: times fall due, clocks are set
MOST_WAITING = 2000  # of one target, looked at in one go


class Outbox:
    """Reads on, and asks for jobs. One per deck, in the daemon; not thread-safe."""

    def __init__(self, deck: Deck, wake: Callable[[], None] = lambda: None) -> None:
        self._deck = deck
        self._wake = wake  # the worker, once there is a job
        self._seen: tuple[int, float] | None = None

    def tick(self) -> bool:
        """Do what is due; returns whether there is more to do at once."""
        state, now = self._deck.database.changes(), time.monotonic()
        if self._seen is not None and self._seen[0] == state and now < self._seen[1]:
            return False
        more = self._read_on()
        soon = self._ask()
        self._seen = (state, now + min(soon, LOOK_EVERY_S))
        return more

    def _read_on(self) -> bool:
        """Turn new events into notifications."""
        database = self._deck.database
        seq, revision = notifying.cursor(database)
        head = events.head(database)
        if head <= seq:
            return False
        later = notifying.revisions_after(database, seq)
        if not any(_targets(database, each) for each in (revision, *later)):
            if head - seq > KEEP_UP or (later and later[-1] != revision):
                with database.write() as tx:
                    notifying.move_cursor(tx, head, later[-1] if later else revision)
            return False
        with database.write() as tx:
            batch = events.after(tx, seq, BATCH)
            targets = _targets(tx, revision)
            for event in batch:
                if event.action == "settings.applied":
                    revision, before = int(event.subject_id), targets
                    targets = _targets(tx, revision)
                    for name in before.keys() & targets.keys():
                        if targets[name].reached_by != before[name].reached_by:  # corrected, so it is tried at once
                            notifying.hurry(tx, name)
                _tell(tx, event, targets)
            notifying.move_cursor(tx, batch[-1].seq, revision)
        return batch[-1].seq < head

    def _ask(self) -> float:
        """Ask for a job per target with something due; returns in how many seconds the next one is."""
        database, now_at = self._deck.database, self._deck.clock.now()
        waiting = notifying.waiting_targets(database)
        lost = notifying.lost_tests(database, now_at)
        if not waiting and not lost:
            return LOOK_EVERY_S
        body, revision = settings.applied_body(database), settings.newest(database)
        live = job_batch.live_keys(database)
        targets, due, soon = from_body(body), [], LOOK_EVERY_S
        for name in waiting:
            if job_key(name) in live:
                continue  # it looks again before it ends, and its end is a change
            turn = turn_of(database, name, targets[name], now_at, body["time_zone"]) if name in targets else None
            if isinstance(turn, Wait):
                left = LOOK_EVERY_S if turn.until_at is None else (turn.until_at - now_at) / 1_000_000
                soon = min(soon, max(0.05, left))
            else:
                due.append(name)
        if due or lost:
            with database.write() as tx:
                notifying.end_lost_tests(tx)
                for name in due:
                    if name not in targets:
                        notifying.cancel(tx, name, "the settings name this target no more")
                        continue
                    jobs.enqueue(
                        tx,
                        kind=JOB,
                        actor=ACTOR,
                        args={"target": name},
                        dedupe_key=job_key(name),
                        settings_revision=revision or None,
                        terms=terms(body, JOB),
                    )
            self._wake()
        return soon


def job_key(target: str) -> str:
    """Return what keeps a target's sending jobs to one at a time: its messages stay in order."""
    return f"{JOB}:{target}"


def turn_of(reader: Reader, name: str, target: NotifySettings, now_at: int, zone: str) -> Send | Wait:
    """Return what is next for a target, as the outbox stands."""
    waiting = notifying.live(reader, name, MOST_WAITING)
    return next_turn(target, waiting, notifying.sent_since(reader, name, now_at - 60_000_000, now_at), now_at, zone)


def _targets(reader: Reader, revision: int) -> dict[str, NotifySettings]:
    return from_body(settings.body_of(reader, revision)) if revision else {}


def _tell(tx: Write, event: Event, targets: dict[str, NotifySettings]) -> None:
    if not targets or event.subject_kind == "notification":
        return
    name = name_of(event)
    group = f"{name.partition('.')[0]}.*"
    by_name = any(name in target.on or group in target.on for target in targets.values())
    if not by_name and not (is_watched(name) and any(target.people for target in targets.values())):
        return
    facts = _facts(tx, event)
    severity = severity_of(name, event, facts)
    for label, target in targets.items():
        if is_told(target, name, severity, event, facts):
            title = headline(name, event, facts)
            notifying.put(tx, event, notifying.Telling(label, target.kind, name, severity, title))


def _facts(reader: Reader, event: Event) -> Facts:
    return replace(_of_subject(reader, event), people=watches.concerned(reader, event))


def _told_as(reader: Reader, event: Event, job: Job) -> str:
    """Return the event by which a release's own end told what the failure of its job would tell again."""
    if job.kind != "release" or name_of(event) != "job.failed":
        return ""
    state = releases.release(reader, job.args["release_id"]).state
    return f"release.{state}" if state in ("failed", "aborted", "held") else ""


def _of_subject(reader: Reader, event: Event) -> Facts:
    try:
        if event.subject_kind == "alert":
            alert = alerts.alert(reader, event.subject_id)
            return Facts(severity=alert.severity, title=alert.title)
        if event.subject_kind == "job":
            job = jobs.job(reader, event.subject_id)
            return Facts(job_kind=job.kind, told_as=_told_as(reader, event, job))
        if event.subject_kind == "comment":
            return Facts(title=comments.comment(reader, event.subject_id).text)
    except UnknownName:
        pass  # what it was about is gone; the event itself says enough
    return Facts()
