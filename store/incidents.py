"""Incidents: opened, closed, found; each change with its event. What was noted of one are comments on it."""

from __future__ import annotations

from store import events, models
from store.database import Reader, Row, Write, fields
from store.errors import Refused
from store.ids import new_id
from store.json_text import dump, load
from store.lookup import find_id
from store.rows import Incident, rfc3339
from store.wording import checked

LONGEST_TITLE = 200


def open_incident(
    tx: Write, title: str, *, models_named: tuple[str, ...], from_at: int, actor: str, via: str | None = None
) -> Incident:
    """Open an incident that began at a time, of some models or, where none is named, of the whole deck.

    Raises:
        UnknownName: the deck has no such model.
        Refused: it begins in the future, or the title is not to be shown or longer than a line.
    """
    said = checked(title)
    if "\n" in said or len(said) > LONGEST_TITLE:
        raise Refused("a title is one line", f"at most {LONGEST_TITLE} characters; the rest is a note")
    if from_at > tx.at:
        raise Refused(f"{rfc3339(from_at)} is yet to come", f"it is {rfc3339(tx.at)}")
    named = tuple(dict.fromkeys(models.model(tx, name).name for name in models_named))
    id = new_id(tx.clock)
    tx.execute(
        "INSERT INTO incident (id, title, models, from_at, opened_by, opened_at, via, resolution)"
        " VALUES (:id, :title, :models, :from_at, :actor, :at, :via, '')",
        {
            "id": id,
            "title": said,
            "models": dump(list(named)),
            "from_at": from_at,
            "actor": actor,
            "at": tx.at,
            "via": via,
        },
    )
    made = incident(tx, id)
    _record(tx, "incident.opened", made, actor, "", via)
    return made


def close(tx: Write, id: str, resolution: str, *, actor: str, via: str | None = None) -> tuple[Incident, bool]:
    """Say that it is over, and by what; returns it, and whether anything changed.

    Raises:
        Refused: nothing is said of how it ended.
    """
    before = incident(tx, id)
    if before.closed_at is not None:
        return before, False
    if not resolution.strip():
        raise Refused("how did it end?", 'say --reason "what ended it"')
    said = checked(resolution)
    tx.execute(
        "UPDATE incident SET closed_at = :at, closed_by = :actor, resolution = :said WHERE id = :id",
        {"at": tx.at, "actor": actor, "said": said, "id": before.id},
    )
    after = incident(tx, before.id)
    _record(tx, "incident.closed", after, actor, said, via)
    return after, True


def incident(reader: Reader, id: str) -> Incident:
    """Return one incident by id or unique prefix.

    Raises:
        UnknownName: none begins so. Refused: several do.
    """
    row = reader.row("SELECT * FROM incident WHERE id = :id", {"id": find_id(reader, "incident", "incident", id)})
    assert row is not None
    return _row(row)


def incidents(reader: Reader, *, open_only: bool = False, limit: int = 100) -> list[Incident]:
    """Return incidents, newest first."""
    where = "WHERE closed_at IS NULL" if open_only else ""
    found = reader.rows(f"SELECT * FROM incident {where} ORDER BY id DESC LIMIT :limit", {"limit": limit})
    return [_row(row) for row in found]


def _row(row: Row) -> Incident:
    return Incident(**{**fields(row), "models": tuple(load(row["models"]))})


def _record(tx: Write, action: str, one: Incident, actor: str, reason: str, via: str | None) -> None:
    events.append(
        tx,
        actor=actor,
        action=action,
        subject_kind="incident",
        subject_id=one.id,
        model=one.models[0] if len(one.models) == 1 else None,
        reason=reason,
        body={"title": one.title, "models": list(one.models), "began": rfc3339(one.from_at)},
        via=via,
    )
