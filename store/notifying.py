"""The outbox of notifications: written once per event and target, claimed, tried until delivered or given up.

The record of events is what nothing is lost from; a cursor, moved in the transaction that writes the notifications,
says how far it was read. Each attempt is claimed before it is made and carries the notification's id: a sender that is
killed in between leaves a claim that runs out, and the same id is sent again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from store import events
from store.database import Reader, Row, Write, fields
from store.errors import Refused
from store.ids import new_id
from store.lookup import find_id
from store.rows import Event, Notification
from store.rows.frozen import dataclass

MOST_ATTEMPTS = 12
LIVE = "state IN ('pending', 'sending')"
_ENDED = "('delivered', 'merged', 'failed', 'cancelled')"
_OLD = (
    f"state IN {_ENDED} AND ended_at < :before AND (merged_into IS NULL OR NOT EXISTS"
    " (SELECT 1 FROM notification AS first WHERE first.id = notification.merged_into"
    f" AND (first.state NOT IN {_ENDED} OR first.ended_at >= :before)))"
)
_CURSOR = "record"
_COLUMNS = (
    "id, target, kind, event, event_seq, subject_kind, subject_id, model, severity, title, state, attempts,"
    " most_attempts, created_at, response, error"
)


@dataclass(frozen=True, slots=True)
class Telling:
    """What is to be told of one event to one target."""

    target: str
    kind: str
    event: str
    severity: str
    title: str


def cursor(reader: Reader) -> tuple[int, int]:
    """Return the newest event that was looked at, and the settings revision that held then; (0, 0) at first."""
    row = reader.row("SELECT seq, settings_revision FROM notification_cursor WHERE name = :name", {"name": _CURSOR})
    return (row["seq"], row["settings_revision"]) if row else (0, 0)


def move_cursor(tx: Write, seq: int, revision: int) -> None:
    """Say how far the record was read, and the settings revision that holds there."""
    tx.execute(
        "INSERT INTO notification_cursor (name, seq, settings_revision) VALUES (:name, :seq, :revision)"
        " ON CONFLICT (name) DO UPDATE SET seq = excluded.seq, settings_revision = excluded.settings_revision",
        {"name": _CURSOR, "seq": seq, "revision": revision},
    )


def revisions_after(reader: Reader, seq: int) -> list[int]:
    """Return the settings revisions that were applied after an event, oldest first."""
    found = reader.rows("SELECT subject_id FROM event WHERE subject_kind = 'settings' AND seq > :seq", {"seq": seq})
    return sorted(int(row["subject_id"]) for row in found)


def put(tx: Write, event: Event, telling: Telling) -> None:
    """Write a notification; one of the same event and target stays as it is."""
    tx.execute(
        f"INSERT INTO notification ({_COLUMNS}) VALUES (:id, :target, :kind, :event, :seq, :subject_kind, :subject_id,"
        " :model, :severity, :title, 'pending', 0, :most, :at, '', '') ON CONFLICT (target, event_seq) DO NOTHING",
        {
            "id": new_id(tx.clock),
            "target": telling.target,
            "kind": telling.kind,
            "event": telling.event,
            "seq": event.seq,
            "subject_kind": event.subject_kind,
            "subject_id": event.subject_id,
            "model": event.model,
            "severity": telling.severity,
            "title": telling.title,
            "most": MOST_ATTEMPTS,
            "at": tx.at,
        },
    )


def put_test(tx: Write, target: str, kind: str, title: str, until_at: int) -> Notification:
    """Write a test message, which is claimed at once, tried once, and kept out of the order of the others."""
    id = new_id(tx.clock)
    tx.execute(
        f"INSERT INTO notification ({_COLUMNS}, attempted_at, not_before_at) VALUES (:id, :target, :kind, 'test', NULL,"
        " 'notify', :target, NULL, 'info', :title, 'sending', 1, 1, :at, '', '', :at, :until)",
        {"id": id, "target": target, "kind": kind, "title": title, "at": tx.at, "until": until_at},
    )
    return notification(tx, id)


def waiting_targets(reader: Reader) -> list[str]:
    """Return the targets that something is to be told to."""
    found = reader.rows(f"SELECT DISTINCT target FROM notification WHERE {LIVE} AND event_seq IS NOT NULL")
    return sorted(row["target"] for row in found)


def live(reader: Reader, target: str, limit: int) -> list[Notification]:
    """Return what a target is still to be told, oldest first."""
    found = reader.rows(
        f"SELECT * FROM notification WHERE target = :target AND {LIVE} AND event_seq IS NOT NULL"
        " ORDER BY event_seq LIMIT :limit",
        {"target": target, "limit": limit},
    )
    return [_row(row) for row in found]


def sent_since(reader: Reader, target: str, since_at: int, until_at: int) -> list[int]:
    """Return when messages to a target were last tried within a span, oldest first."""
    found = reader.rows(
        "SELECT attempted_at FROM notification WHERE target = :target AND attempted_at > :since"
        " AND attempted_at <= :until ORDER BY attempted_at",
        {"target": target, "since": since_at, "until": until_at},
    )
    return [row["attempted_at"] for row in found]


def claim(tx: Write, id: str, merged: Sequence[str], until_at: int) -> Notification:
    """Begin an attempt, which others leave alone until it has run out; `merged` are told in the same message."""
    tx.execute(
        "UPDATE notification SET state = 'sending', attempts = attempts + 1, attempted_at = :at, not_before_at = :until"
        " WHERE id = :id",
        {"id": id, "at": tx.at, "until": until_at},
    )
    tx.execute_many(
        "UPDATE notification SET state = 'merged', merged_into = :into, ended_at = :at WHERE id = :id",
        [{"id": one, "into": id, "at": tx.at} for one in merged],
    )
    return notification(tx, id)


def delivered(tx: Write, id: str, status: int | None, response: str) -> None:
    """Say that a target has taken a message."""
    tx.execute(
        "UPDATE notification SET state = 'delivered', ended_at = :at, not_before_at = NULL, status = :status,"
        " response = :response, error = '' WHERE id = :id",
        {"id": id, "at": tx.at, "status": status, "response": response},
    )


def missed(tx: Write, id: str, error: str, status: int | None, response: str, again_at: int) -> None:
    """Say that an attempt failed, and when the next is due."""
    tx.execute(
        "UPDATE notification SET state = 'pending', not_before_at = :again, error = :error, status = :status,"
        " response = :response WHERE id = :id",
        {"id": id, "again": again_at, "error": error, "status": status, "response": response},
    )


def give_up(tx: Write, one: Notification, error: str, status: int | None = None, response: str = "") -> None:
    """Say that a message is tried no more, on record."""
    tx.execute(
        "UPDATE notification SET state = 'failed', ended_at = :at, not_before_at = NULL, error = :error,"
        " status = :status, response = :response WHERE id = :id",
        {"id": one.id, "at": tx.at, "error": error, "status": status, "response": response},
    )
    _record(tx, "notification.failed", one, f"notify:{one.target}", reason=error, body={"attempts": one.attempts})


def end_test(tx: Write, one: Notification, error: str, status: int | None, response: str) -> None:
    """Say what came back to a test message."""
    tx.execute(
        "UPDATE notification SET state = :state, ended_at = :at, not_before_at = NULL, error = :error,"
        " status = :status, response = :response WHERE id = :id",
        {
            "id": one.id,
            "state": "failed" if error else "delivered",
            "at": tx.at,
            "error": error,
            "status": status,
            "response": response,
        },
    )


def hurry(tx: Write, target: str) -> None:
    """Have what waits for another attempt tried at once: the target answers again."""
    tx.execute(
        "UPDATE notification SET not_before_at = :at"
        " WHERE target = :target AND state = 'pending' AND not_before_at > :at",
        {"target": target, "at": tx.at},
    )


def lost_tests(reader: Reader, now_at: int) -> bool:
    """Say whether the sender of a test message was killed."""
    found = reader.row(
        "SELECT id FROM notification WHERE state = 'sending' AND event_seq IS NULL AND not_before_at < :now LIMIT 1",
        {"now": now_at},
    )
    return found is not None


def end_lost_tests(tx: Write) -> None:
    """End test messages whose sender was killed: nobody tries them again."""
    tx.execute(
        "UPDATE notification SET state = 'failed', ended_at = :at, error = 'its sender was killed'"
        " WHERE state = 'sending' AND event_seq IS NULL AND not_before_at < :at",
        {"at": tx.at},
    )


def cancel(tx: Write, target: str, reason: str) -> int:
    """Tell a target nothing more of what waits; returns how many those are."""
    return tx.execute(
        f"UPDATE notification SET state = 'cancelled', ended_at = :at, not_before_at = NULL, error = :reason"
        f" WHERE target = :target AND {LIVE}",
        {"target": target, "at": tx.at, "reason": reason},
    )


def start_anew(tx: Write, reason: str) -> None:
    """End all that waits, and tell only of what happens from here on, under the settings that stand."""
    tx.execute(
        "UPDATE notification SET state = 'cancelled', ended_at = :at, not_before_at = NULL, error = :reason"
        f" WHERE {LIVE}",
        {"at": tx.at, "reason": reason},
    )
    revision = tx.row("SELECT max(revision) AS revision FROM settings_revision")
    move_cursor(tx, events.head(tx), int(revision["revision"] or 0) if revision else 0)


def replay(tx: Write, id: str, actor: str, reason: str, via: str | None) -> Notification:
    """Have a message sent again, as the same message with the same id; one that waits is due at once.

    Raises:
        Refused: it was a test, was told within another, or is being sent.
    """
    one = notification(tx, id)
    if one.event_seq is None:
        raise Refused(f"notification {one.id[:12]} was a test", f"modeldeck notifications test {one.target}")
    if one.merged_into is not None:
        raise Refused(
            f"notification {one.id[:12]} was told within {one.merged_into[:12]}",
            f"modeldeck notifications replay {one.merged_into[:16]}",
        )
    if one.state == "sending":
        raise Refused(f"notification {one.id[:12]} is being sent now", "look at what comes of it first")
    tx.execute(
        "UPDATE notification SET state = 'pending', not_before_at = :at, ended_at = NULL,"
        " most_attempts = attempts + :most WHERE id = :id",
        {"id": one.id, "at": tx.at, "most": MOST_ATTEMPTS},
    )
    _record(tx, "notification.replayed", one, actor, reason=reason, via=via, body={"was": one.state})
    return notification(tx, one.id)


def notification(reader: Reader, id: str) -> Notification:
    """Return one notification by id or unique prefix.

    Raises:
        UnknownName: none begins so. Refused: several do.
    """
    row = reader.row(
        "SELECT * FROM notification WHERE id = :id", {"id": find_id(reader, "notification", "notification", id)}
    )
    assert row is not None
    return _row(row)


def most_attempts(reader: Reader, id: str) -> int:
    """Return how often a message is tried in all; a replay adds to it."""
    row = reader.row("SELECT most_attempts FROM notification WHERE id = :id", {"id": id})
    return int(row["most_attempts"]) if row else 0


def told_with(reader: Reader, one: Notification) -> list[Notification]:
    """Return what a message tells, oldest first: itself and what was merged into it."""
    found = reader.rows("SELECT * FROM notification WHERE merged_into = :id", {"id": one.id})
    return sorted((one, *map(_row, found)), key=lambda each: each.event_seq or 0)


def notifications(
    reader: Reader, limit: int = 100, *, state: str | None = None, target: str | None = None
) -> list[Notification]:
    """Return notifications, newest first."""
    clauses = [f"{name} = :{name}" for name, given in (("state", state), ("target", target)) if given is not None]
    where = f"WHERE {' AND '.join(clauses)}" if clauses else ""
    found = reader.rows(
        f"SELECT * FROM notification {where} ORDER BY id DESC LIMIT :limit",
        {"state": state, "target": target, "limit": limit},
    )
    return [_row(row) for row in found]


def undelivered(reader: Reader, since_at: int) -> int:
    """Return how many messages were given up since a time, or wait for another attempt after one that failed."""
    row = reader.row(
        "SELECT count(*) AS count FROM notification WHERE event_seq IS NOT NULL"
        f" AND ((state = 'failed' AND ended_at > :since) OR ({LIVE} AND error <> ''))",
        {"since": since_at},
    )
    return int(row["count"]) if row else 0


def ended_before(reader: Reader, before_at: int) -> int:
    """Return how many ended before a time, whole messages only: what `prune` forgets."""
    row = reader.row(f"SELECT count(*) AS count FROM notification WHERE {_OLD}", {"before": before_at})
    return int(row["count"]) if row else 0


def prune(tx: Write, before_at: int) -> int:
    """Forget what ended before a time, whole messages only; returns how many those are."""
    return tx.execute(f"DELETE FROM notification WHERE {_OLD}", {"before": before_at})


def _record(
    tx: Write,
    action: str,
    one: Notification,
    actor: str,
    *,
    reason: str = "",
    via: str | None = None,
    body: dict[str, Any] | None = None,
) -> None:
    events.append(
        tx,
        actor=actor,
        action=action,
        subject_kind="notification",
        subject_id=one.id,
        model=one.model,
        reason=reason,
        body={"target": one.target, "event": one.event, **(body or {})},
        via=via,
    )


def _row(row: Row) -> Notification:
    return Notification(**fields(row, "most_attempts"))
