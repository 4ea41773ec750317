"""Maintenance: times in which no alert opens and nothing is told. What is seen meanwhile is counted and shown."""

from __future__ import annotations

from store import events
from store.database import Reader, Row, Write
from store.errors import Refused
from store.ids import new_id
from store.rows import Maintenance, rfc3339

KIND = "maintenance"


def begin(
    tx: Write, model: str | None, to_at: int, *, actor: str, reason: str = "", via: str | None = None
) -> Maintenance:
    """Begin maintenance of a model, or of the whole deck, until a time; one under way then ends at that time.

    Raises:
        Refused: the time is over.
    """
    if to_at <= tx.at:
        raise Refused(f"{rfc3339(to_at)} is over: it is {rfc3339(tx.at)}", "name a time that is yet to come")
    stands = of(tx, model)
    if stands is not None and (stands.to_at, stands.reason) == (to_at, reason or stands.reason):
        return stands
    values = {
        "id": stands.id if stands else new_id(tx.clock),
        "model": model,
        "from_at": tx.at,
        "to_at": to_at,
        "reason": reason or (stands.reason if stands else ""),
        "actor": actor,
    }
    if stands:
        tx.execute(
            "UPDATE maintenance SET to_at = :to_at, reason = :reason, actor = :actor WHERE id = :id",
            values,
        )
    else:
        tx.execute(
            "INSERT INTO maintenance (id, model, from_at, to_at, reason, actor)"
            " VALUES (:id, :model, :from_at, :to_at, :reason, :actor)",
            values,
        )
    _record(tx, "maintenance.moved" if stands else "maintenance.begun", values["id"], model, to_at, actor, reason, via)
    return _one(tx, str(values["id"]))


def end(tx: Write, model: str | None, *, actor: str, reason: str = "", via: str | None = None) -> Maintenance:
    """End maintenance before its time.

    Raises:
        Refused: none is under way.
    """
    stands = of(tx, model)
    if stands is None:
        raise Refused(
            f"no maintenance of {model or 'the whole deck'} is under way", "modeldeck alerts maintenances lists them"
        )
    tx.execute(
        "UPDATE maintenance SET to_at = :at, ended_by = :actor WHERE id = :id",
        {"at": tx.at, "actor": actor, "id": stands.id},
    )
    _record(tx, "maintenance.ended", stands.id, model, tx.at, actor, reason, via)
    return _one(tx, stands.id)


def under_way(reader: Reader, at: int) -> list[Maintenance]:
    """Return what is under way at a time, the oldest first; each begins at once, so its end alone tells."""
    found = reader.rows("SELECT * FROM maintenance WHERE to_at > :at ORDER BY id", {"at": at})
    return [_maintenance(row) for row in found]


def newest(reader: Reader, limit: int = 100) -> list[Maintenance]:
    """Return maintenance under way and over, newest first."""
    return [
        _maintenance(row) for row in reader.rows("SELECT * FROM maintenance ORDER BY id DESC LIMIT :n", {"n": limit})
    ]


def active(reader: Reader, model: str | None, at: int | None = None) -> Maintenance | None:
    """Return the maintenance that covers a model, or a host (None): its own, or that of the whole deck."""
    if at is None:
        assert isinstance(reader, Write)
        at = reader.at
    return next((one for one in under_way(reader, at) if one.model in (None, model)), None)


def of(tx: Write, model: str | None) -> Maintenance | None:
    """Return what is under way of exactly a model, or of the whole deck."""
    return next((one for one in under_way(tx, tx.at) if one.model == model), None)


def _record(
    tx: Write, action: str, id: object, model: str | None, to_at: int, actor: str, reason: str, via: str | None
) -> None:
    events.append(
        tx,
        actor=actor,
        action=action,
        subject_kind=KIND,
        subject_id=str(id),
        model=model,
        reason=reason,
        body={"to": rfc3339(to_at)},
        via=via,
    )


def _one(reader: Reader, id: str) -> Maintenance:
    row = reader.row("SELECT * FROM maintenance WHERE id = :id", {"id": id})
    assert row is not None
    return _maintenance(row)


def _maintenance(row: Row) -> Maintenance:
    return Maintenance(**dict(row))
