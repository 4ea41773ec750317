"""Who watches what, and whom an event therefore concerns."""

from __future__ import annotations

from store import events
from store.database import Reader, Write
from store.errors import Refused
from store.rows import Event, Watch
from store.subjects import WATCHED, Subject


def watch(tx: Write, subject: Subject, *, actor: str, via: str | None = None) -> bool:
    """Have somebody told of what happens to a thing; returns whether that is new.

    Raises:
        Refused: nothing that happens to such a thing is told.
    """
    if subject.kind not in WATCHED:
        raise Refused(f"a {subject.kind} is not watched", f"watch its model, or a {', '.join(WATCHED[1:])}")
    added = tx.execute(
        "INSERT INTO watch (actor, kind, subject, model, since_at) VALUES (:actor, :kind, :subject, :model, :at)"
        " ON CONFLICT (actor, kind, subject) DO NOTHING",
        {"actor": actor, "kind": subject.kind, "subject": subject.id, "model": subject.model, "at": tx.at},
    )
    if added:
        _record(tx, "watch.begun", subject, actor, via)
    return bool(added)


def unwatch(tx: Write, subject: Subject, *, actor: str, via: str | None = None) -> bool:
    """Tell somebody of a thing no more; returns whether they were told."""
    gone = tx.execute(
        "DELETE FROM watch WHERE actor = :actor AND kind = :kind AND subject = :subject",
        {"actor": actor, "kind": subject.kind, "subject": subject.id},
    )
    if gone:
        _record(tx, "watch.ended", subject, actor, via)
    return bool(gone)


def watches(reader: Reader, *, actor: str | None = None) -> list[Watch]:
    """Return who watches what, or what one of them does, by kind and thing."""
    where = "WHERE actor = :actor" if actor is not None else ""
    found = reader.rows(f"SELECT * FROM watch {where} ORDER BY kind, subject, actor", {"actor": actor})
    return [Watch(**dict(row)) for row in found]


def concerned(reader: Reader, event: Event) -> frozenset[str]:
    """Return the names of people an event is to reach: who it calls, and who watches what it is about.

    Nobody is told of their own deeds.
    """
    called = event.body.get("mentions", ()) if event.subject_kind == "comment" else ()
    names = {str(name) for name in called}
    if event.action == "duty.given" and event.body.get("to"):
        names.add(str(event.body["to"]).removeprefix("user:"))
    for kind, subject in _about(event):
        found = reader.rows(
            "SELECT actor FROM watch WHERE kind = :kind AND subject = :subject AND since_at <= :at",
            {"kind": kind, "subject": subject, "at": event.at},
        )
        names |= {row["actor"].removeprefix("user:") for row in found}
    return frozenset(names - {event.actor.removeprefix("user:")})


def _about(event: Event) -> set[tuple[str, str]]:
    """Return every thing that an event is about: its subject, what is commented on, its model, and versions named."""
    about = {(event.subject_kind, event.subject_id)}
    if event.subject_kind == "comment":
        about.add((str(event.body.get("kind")), str(event.body.get("subject"))))
    if event.model is not None:
        about.add(("model", event.model))
        numbers = (event.body.get(name) for name in ("version", "from", "to"))
        about |= {("version", f"{event.model}@{number}") for number in numbers if isinstance(number, int)}
    return {one for one in about if one[0] in WATCHED}


def _record(tx: Write, action: str, subject: Subject, actor: str, via: str | None) -> None:
    events.append(
        tx,
        actor=actor,
        action=action,
        subject_kind=subject.kind,
        subject_id=subject.id,
        model=subject.model,
        via=via,
    )
