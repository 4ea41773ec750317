"""Schedules: declared by settings, paused and resumed by people, fired or passed over by the daemon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from store import events
from store.database import Reader, Write
from store.lookup import unknown
from store.rows import Schedule
from store.rows.making import maker

# in the order of the fields of Schedule
_SELECT = (
    "SELECT id, model, kind, trigger, catch_up, grace_s, settings_revision, paused_at, next_at, last_at, last_job_id,"
    " jitter_s, overlap, skipped, '' AS paused_by, '' AS paused_reason FROM schedule"
)
_DEFAULTS = {"catch_up": "once", "grace_s": 300, "jitter_s": 0, "overlap": "skip"}


def declare(tx: Write, revision: int, *, id: str, model: str, stated: Mapping[str, Any]) -> None:
    """Declare a schedule as a settings revision states it.

    With another trigger, or back after it was removed, it has no time yet and misses none: an edit fires nothing.
    """
    tx.execute(
        "INSERT INTO schedule (id, model, kind, trigger, catch_up, grace_s, jitter_s, overlap, settings_revision)"
        " VALUES (:id, :model, :kind, :trigger, :catch_up, :grace_s, :jitter_s, :overlap, :revision)"
        " ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, trigger = excluded.trigger,"
        " catch_up = excluded.catch_up, grace_s = excluded.grace_s, jitter_s = excluded.jitter_s,"
        " overlap = excluded.overlap, settings_revision = excluded.settings_revision, removed_at = NULL,"
        " next_at = CASE WHEN schedule.trigger = excluded.trigger AND schedule.removed_at IS NULL"
        " THEN schedule.next_at END,"
        " after_seq = CASE WHEN schedule.trigger = excluded.trigger AND schedule.removed_at IS NULL"
        " THEN schedule.after_seq END",
        {**_DEFAULTS, **stated, "id": id, "model": model, "revision": revision},
    )


def remove(tx: Write, id: str) -> None:
    """Fire a schedule no more; its record stays."""
    tx.execute("UPDATE schedule SET removed_at = :at, next_at = NULL WHERE id = :id", {"at": tx.at, "id": id})


def forget_times(tx: Write) -> None:
    """Let every time be found anew, as after a change of the deck's time zone: none of them is missed."""
    tx.execute("UPDATE schedule SET next_at = NULL")


def schedules(reader: Reader) -> list[Schedule]:
    """Return the schedules that are declared now, by id."""
    make = maker(Schedule)
    return [make(*row) for row in reader.tuples(f"{_SELECT} WHERE removed_at IS NULL ORDER BY id")]


def listed(reader: Reader) -> list[Schedule]:
    """Return them by id, a paused one with who paused it, and why."""
    return [one if one.paused_at is None else _with_hand(reader, one) for one in schedules(reader)]


def _with_hand(reader: Reader, one: Schedule) -> Schedule:
    told = events.newest(reader, "schedule", one.id, "schedule.paused")
    return replace(one, paused_by=told.actor, paused_reason=told.reason) if told else one


def schedule(reader: Reader, id: str) -> Schedule:
    """Return one schedule.

    Raises:
        UnknownName: none of that id is declared.
    """
    row = reader.row(f"{_SELECT} WHERE id = :id AND removed_at IS NULL", {"id": id})
    if row is None:
        raise unknown("schedule", id, [one.id for one in schedules(reader)])
    return Schedule(**dict(row))


def following(reader: Reader) -> Schedule | None:
    """Return the schedule that fires next."""
    row = reader.row(
        f"{_SELECT} WHERE removed_at IS NULL AND paused_at IS NULL AND next_at IS NOT NULL ORDER BY next_at, id LIMIT 1"
    )
    return Schedule(**dict(row)) if row else None


def was_run(tx: Write, id: str, job_id: str) -> None:
    """Say which job a schedule became when a person ran it."""
    tx.execute("UPDATE schedule SET last_job_id = :job WHERE id = :id", {"job": job_id, "id": id})


def set_next_many(tx: Write, times: Mapping[str, int | None]) -> None:
    """Say when schedules fire next, None where no time is known."""
    tx.execute_many("UPDATE schedule SET next_at = ? WHERE id = ?", [(next_at, id) for id, next_at in times.items()])


def fired_many(tx: Write, jobs: Mapping[str, str], times: Mapping[str, int | None]) -> None:
    """Say which jobs schedules last became, and when each fires next; no time is known where `times` has none."""
    tx.execute_many(
        "UPDATE schedule SET last_at = ?, last_job_id = ?, next_at = ? WHERE id = ?",
        [(tx.at, job_id, times.get(id), id) for id, job_id in jobs.items()],
    )


def skip(tx: Write, row: Schedule, cause: str, count: int, reason: str, **told: Any) -> None:
    """Record that firings were passed over, and count them. `cause` is overlap, paused, missed, merged, too many or
    same data.
    """
    count_skipped(tx, row.id, count)
    tell_skipped(tx, row, cause, count, reason, **told)


def count_skipped(tx: Write, id: str, count: int) -> None:
    """Count firings that were passed over; `tell_skipped` is owed for them."""
    tx.execute("UPDATE schedule SET skipped = skipped + :count WHERE id = :id", {"count": count, "id": id})


def tell_skipped(tx: Write, row: Schedule, cause: str, count: int, reason: str, **told: Any) -> None:
    """Record that firings were passed over which are counted already."""
    _record(tx, "schedule.skipped", row, reason=reason, body={"cause": cause, "count": count, **told})


def held(tx: Write, row: Schedule, reason: str, body: dict[str, Any]) -> None:
    """Record that something asks for the schedule's job and something else holds it back; it stays due."""
    _record(tx, "schedule.held", row, reason=reason, body=body)


def last_held(reader: Reader, id: str) -> dict[str, Any] | None:
    """Return what was told when the schedule's job was last held back, None where it never was."""
    told = events.newest(reader, "schedule", id, "schedule.held")
    return told.body if told else None


def caught_up(tx: Write, row: Schedule, missed: int, jobs: int) -> None:
    """Record that missed firings were made up for."""
    reason = f"{missed} missed, caught up with {jobs} {'job' if jobs == 1 else 'jobs'}"
    _record(tx, "schedule.caught_up", row, reason=reason, body={"missed": missed, "jobs": jobs})


def pause(tx: Write, id: str, *, actor: str, reason: str = "", via: str | None = None) -> Schedule:
    """Fire a schedule no more until it is resumed; a paused one stays as it is."""
    row = schedule(tx, id)
    if row.paused_at is None:
        tx.execute("UPDATE schedule SET paused_at = :at WHERE id = :id", {"at": tx.at, "id": id})
        _record(tx, "schedule.paused", row, actor=actor, reason=reason, via=via)
    return schedule(tx, id)


def resume(tx: Write, id: str, *, actor: str, reason: str = "", via: str | None = None) -> Schedule:
    """Let a paused schedule fire again, from now on: what fell due meanwhile is not made up for."""
    row = schedule(tx, id)
    if row.paused_at is not None:
        tx.execute("UPDATE schedule SET paused_at = NULL, next_at = NULL, after_seq = NULL WHERE id = :id", {"id": id})
        _record(tx, "schedule.resumed", row, actor=actor, reason=reason, via=via)
    return schedule(tx, id)


def cursors(reader: Reader) -> dict[str, int | None]:
    """Return, for each schedule that fires after events, the newest event it has looked at."""
    found = reader.rows(
        "SELECT id, after_seq FROM schedule WHERE removed_at IS NULL AND paused_at IS NULL"
        " AND substr(trigger, 1, 6) = 'after '"
    )
    return {row["id"]: row["after_seq"] for row in found}


def set_cursor(tx: Write, id: str, seq: int) -> None:
    """Say which event a schedule has looked at last."""
    tx.execute("UPDATE schedule SET after_seq = :seq WHERE id = :id", {"seq": seq, "id": id})


def _record(
    tx: Write,
    action: str,
    row: Schedule,
    *,
    actor: str | None = None,
    reason: str = "",
    via: str | None = None,
    body: dict[str, Any] | None = None,
) -> None:
    events.append(
        tx,
        actor=actor or f"schedule:{row.id}",
        action=action,
        subject_kind="schedule",
        subject_id=row.id,
        model=row.model,
        reason=reason,
        body=body,
        via=via,
    )
