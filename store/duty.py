"""Who has the watch over a deck: one person at a time, taken or given, each change with its event."""

from __future__ import annotations

from typing import Any

from store import events
from store.database import Reader, Row, Write, fields
from store.errors import Refused
from store.ids import new_id
from store.rows import Duty


def take(tx: Write, *, actor: str, note: str = "", via: str | None = None) -> tuple[Duty, bool]:
    """Take the watch, from whoever has it; returns it, and whether anything changed."""
    stands = standing(tx)
    if stands is not None and stands.actor == actor:
        return stands, False
    if stands is not None:
        _end(tx, stands.id, actor)
    made = _begin(tx, actor, actor, note)
    _record(tx, "duty.taken", made, actor, note, via, {"from": stands.actor if stands else None, "to": actor})
    return made, True


def give(tx: Write, *, actor: str, to: str | None, note: str = "", via: str | None = None) -> Duty:
    """End one's own watch, and begin another's where one is named; returns the newest.

    Raises:
        Refused: the actor does not have it.
    """
    stands = standing(tx)
    if stands is None or stands.actor != actor:
        who = f"{stands.actor.removeprefix('user:')} has it" if stands else "nobody has it"
        raise Refused(f"you do not have the watch: {who}", "take it: modeldeck handover take")
    if to == actor:
        raise Refused("you have the watch already", "name somebody else")
    _end(tx, stands.id, actor)
    made = _begin(tx, to, actor, note) if to is not None else _one(tx, stands.id)
    _record(tx, "duty.given", made, actor, note, via, {"from": actor, "to": to})
    return made


def standing(reader: Reader) -> Duty | None:
    """Return who has the watch now."""
    row = reader.row("SELECT * FROM duty WHERE state = 'standing'")
    return _row(row) if row else None


def last_left(reader: Reader, actor: str) -> int | None:
    """Return when somebody's last watch ended; None where they never had one that did."""
    row = reader.row("SELECT max(ended_at) AS at FROM duty WHERE actor = :actor", {"actor": actor})
    return row["at"] if row else None


def duties(reader: Reader, limit: int = 20) -> list[Duty]:
    """Return who had the watch, newest first."""
    return [_row(row) for row in reader.rows("SELECT * FROM duty ORDER BY id DESC LIMIT :limit", {"limit": limit})]


def _begin(tx: Write, actor: str, given_by: str, note: str) -> Duty:
    id = new_id(tx.clock)
    tx.execute(
        "INSERT INTO duty (id, state, actor, given_by, note, taken_at)"
        " VALUES (:id, 'standing', :actor, :given_by, :note, :at)",
        {"id": id, "actor": actor, "given_by": given_by, "note": note, "at": tx.at},
    )
    return _one(tx, id)


def _end(tx: Write, id: str, by: str) -> None:
    tx.execute(
        "UPDATE duty SET state = 'ended', ended_at = :at, ended_by = :by WHERE id = :id",
        {"at": tx.at, "by": by, "id": id},
    )


def _one(reader: Reader, id: str) -> Duty:
    row = reader.row("SELECT * FROM duty WHERE id = :id", {"id": id})
    assert row is not None
    return _row(row)


def _row(row: Row) -> Duty:
    return Duty(**fields(row, "state"))


def _record(tx: Write, action: str, made: Duty, actor: str, note: str, via: str | None, body: dict[str, Any]) -> None:
    events.append(
        tx, actor=actor, action=action, subject_kind="duty", subject_id=made.id, reason=note, body=body, via=via
    )
