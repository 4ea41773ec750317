"""Notifications as rows, and one with what came back. Pure."""

from __future__ import annotations

from console.render.cells import Line, Span
from console.render.columns import Column, Context
from console.render.sheet import Sheet
from console.render.signs import glyph_of, state, style_of
from console.render.words import age, ago, count, moment, plural, short_id
from store.rows import Notification


def needs_a_look(row: Notification) -> bool:
    """Say whether a message did not arrive: it is given up, or its last attempt failed."""
    return row.state == "failed" or (row.state in ("pending", "sending") and bool(row.error))


def _state(row: Notification, context: Context) -> tuple[Span, ...]:
    return state(row.state)


def came_back(row: Notification) -> str:
    """Return what came of it: the last error, the status of HTTP, or in whose message it was told."""
    if row.error:
        return row.error
    if row.merged_into:
        return f"told in {short_id(row.merged_into)}"
    return f"answered {row.status}" if row.status is not None else ""


def _what(row: Notification, context: Context) -> tuple[Span, ...]:
    if needs_a_look(row):
        return ((row.error or "given up", "bad" if row.state == "failed" else "warn"), (f"  {row.title}", "dim"))
    return ((row.title, ""),)


COLUMNS = (
    Column("STATE", _state, priority=1, least=9, most=12),
    Column("TARGET", lambda row, context: (row.target, "name"), priority=1, least=6, most=20),
    Column("EVENT", lambda row, context: row.event, priority=2, least=10, most=20),
    Column("AGE", lambda row, context: age(row.created_at, context.now), priority=2, least=3, align="right"),
    Column("TRIES", lambda row, context: count(row.attempts), priority=3, least=2, align="right"),
    Column("ID", lambda row, context: (short_id(row.id), "dim"), priority=6, least=12),
    Column("WHAT", _what, priority=1, least=16, most=120, grow=True, wish=40),
)


def notification_lines(row: Notification, width: int, now: int) -> list[Line]:
    """Return a notification whole: what was told to whom, how often it was tried, and what came back."""
    sheet = Sheet(width)
    sheet.paragraph(row.title, "strong")
    sheet.blank()
    sheet.pair("State", (f"{glyph_of(row.state)} {row.state}", style_of(row.state)))
    sheet.pair("Target", (row.target, "name"), (f"  {row.kind}", "dim"))
    seq = f"  event {row.event_seq}" if row.event_seq is not None else ""
    sheet.pair("Event", row.event, (f", {row.severity}{seq}", "dim"))
    sheet.pair("Made", f"{moment(row.created_at)}, {ago(row.created_at, now)}")
    if row.attempted_at is not None:
        sheet.pair("Tried", f"{plural(row.attempts, 'time')}, last {ago(row.attempted_at, now)}")
    if row.not_before_at is not None and row.state == "pending":
        sheet.pair("Again at", moment(row.not_before_at))
    if row.merged_into:
        sheet.pair("Told in", row.merged_into)
    for label, value in (("Error", row.error), ("Answer", row.response)):
        if value:
            sheet.pair(label, value)
    if row.status is not None:
        sheet.pair("Status", str(row.status))
    sheet.pair("Id", row.id)
    if needs_a_look(row):
        sheet.heading("What can be done")
        sheet.paragraph(f"modeldeck notifications test {row.target} says whether {row.target} answers now")
        if row.event_seq is not None:
            sheet.paragraph("E sends this one again, with the same id", "dim")
    return sheet.lines
