"""Approvals as rows, and one with what was asked and answered. Pure."""

from __future__ import annotations

from console.render.cells import Line, Span
from console.render.columns import Column, Context
from console.render.sheet import Sheet
from console.render.signs import glyph_of, state, style_of
from console.render.words import age, ago, moment, person, short_id
from store.rows import Approval


def _state(row: Approval, context: Context) -> tuple[Span, ...]:
    return state(row.state)


def given(row: Approval) -> str:
    """Return who has said yes, of how many."""
    names = ", ".join(person(one.actor) for one in row.granted)
    return f"{len(row.granted)} of {row.asked}" + (f": {names}" if names else "")


def _why(row: Approval, context: Context) -> str:
    if row.detail:
        return row.detail
    return f"second look until {moment(row.due_at)}" if row.due_at is not None else row.reason


COLUMNS = (
    Column("STATE", _state, priority=1, least=9, most=12),
    Column("VERSION", lambda row, context: (f"{row.model}@{row.version}", "name"), priority=1, least=8, most=32),
    Column("GRANTED", lambda row, context: given(row), priority=1, least=6, most=28),
    Column("ASKED BY", lambda row, context: person(row.requested_by), priority=2, least=6, most=16),
    Column("AGE", lambda row, context: age(row.requested_at, context.now), priority=2, least=3, align="right"),
    Column("ID", lambda row, context: (short_id(row.id), "dim"), priority=6, least=12),
    Column("WHY", _why, priority=2, least=12, most=120, grow=True, wish=16),
)


def approval_lines(row: Approval, width: int, now: int) -> list[Line]:
    """Return an approval whole: what was asked, what it is bound to, who answered what."""
    sheet = Sheet(width)
    sheet.pair("State", (f"{glyph_of(row.state)} {row.state}", style_of(row.state)), (f"  {row.detail}", "dim"))
    sheet.pair("Of", (f"{row.model}@{row.version}", "name"), (f"  {row.kind}", "dim"))
    sheet.pair("Asked", f"{moment(row.requested_at)}, {ago(row.requested_at, now)} by {person(row.requested_by)}")
    if row.reason:
        sheet.pair("Because", row.reason)
    if row.due_at is not None:
        sheet.pair("Until", moment(row.due_at))
    who = ", ".join(row.users) or f"{row.role}s, whoever did not ask"
    sheet.pair("Granted", f"{len(row.granted)} of {row.asked}", (f"  {who} may", "dim"))
    for one in row.answers:
        why = f": {one.reason}" if one.reason else ""
        sheet.pair("", f"{one.answer} by {person(one.actor)} {ago(one.answered_at, now)}{why}")
    sheet.heading("Bound to", "when one of these changes it lapses")
    sheet.pair("evidence", row.evidence_hash)
    sheet.pair("settings", row.settings_hash)
    sheet.pair("champion", f"as it was after {row.champion_generation} moves" if row.champion_generation else "none")
    if row.card_hash:
        sheet.pair("card", row.card_hash.removeprefix("sha256:"))
        command = f"modeldeck cards {row.model} {row.version} --since {short_id(row.id)}"
        sheet.paragraph(f"what has changed since: {command}", "dim")
    return sheet.lines
