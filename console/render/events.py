"""Events: the record of changes, as rows and as sentences. Pure."""

from __future__ import annotations

from console.render.cells import Span
from console.render.columns import Column, Context
from console.render.words import age, person, short_id, short_moment
from engine.operations.changes import words
from store.rows import Event


def subject(event: Event) -> str:
    """Return what the event is about; ids are shortened, names are not."""
    identity = event.subject_id
    if event.subject_kind in ("model", "endpoint", "version", "alias", "monitor", "schedule", "settings", "host"):
        return identity
    return f"{event.subject_kind} {short_id(identity)}"


def phrase(event: Event, now: int) -> list[Span]:
    """Return one event as a line: when, to which model, what, by whom, why."""
    what = subject(event)
    said = words(event)
    about = event.model or ("" if what in said else what)
    return [
        (f"{age(event.at, now):>4}  ", "dim"),
        (f"{about} " if about else "", "accent"),
        (said, ""),
        (f" by {person(event.actor)}", "dim"),
        (f": {event.reason}" if event.reason else "", "dim"),
    ]


def _to(row: Event, context: Context) -> str:
    what = subject(row)
    return row.model if row.model and row.model not in what else what


def _id(row: Event, context: Context) -> Span:
    what = subject(row)
    return ("" if what == _to(row, context) else what, "dim")


def _why(row: Event, context: Context) -> Span:
    return (row.reason or str(row.body.get("title") or ""), "dim")


COLUMNS = (
    Column("SEQ", lambda row, context: (str(row.seq), "dim"), priority=4, least=3, align="right"),
    Column("WHEN", lambda row, context: short_moment(row.at, context.now), priority=2, least=6, most=13),
    Column("AGE", lambda row, context: (age(row.at, context.now), "dim"), priority=6, least=3, align="right"),
    Column("WHAT", lambda row, context: (words(row), "name"), priority=1, least=14, most=26),
    Column("TO", _to, priority=1, least=12, most=34),
    Column("BY", lambda row, context: person(row.actor), priority=2, least=6, most=20),
    Column("ID", _id, priority=7, least=12, most=30),
    Column("WHY", _why, priority=3, least=8, most=60, grow=True),
)
