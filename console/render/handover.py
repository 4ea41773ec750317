"""A handover on one screen, and an incident with its timeline. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from console.render.cells import Line
from console.render.sheet import Sheet
from console.render.words import ago, moment, person, plural, short_moment
from engine.governance.handover_text import standing
from engine.operations.handover import Change, Handover, IncidentDetail
from store.rows import Comment

MOST_OPEN = 12
MOST_CHANGES = 60


def handover_lines(told: Handover, width: int, now: int) -> list[Line]:
    """Return who has the watch, what is open, and what changed, the newest first."""
    sheet = Sheet(width)
    duty = told.duty
    if duty is None:
        sheet.pair("Watch", ("nobody has it", "warn"), ("  handover take takes it", "dim"))
    else:
        note = f"  {duty.note}" if duty.note else ""
        sheet.pair("Watch", (person(duty.actor), "strong"), (f"  since {moment(duty.taken_at)}{note}", "dim"))
    sheet.pair("Since", moment(told.since_at), (f"  {told.since_why}", "dim"))
    found = standing(told)
    sheet.heading("Open", "" if found else "nothing")
    sheet.table(("", ""), [((title, _style(title)), text) for title, text in found[:MOST_OPEN]])
    if len(found) > MOST_OPEN:
        sheet.paragraph(f"and {len(found) - MOST_OPEN} more: --markdown has all", "dim")
    total = len(told.changes) + told.left_out
    sheet.heading("Changed", plural(total, "change") if total else "nothing")
    _changes(sheet, told.changes[::-1][:MOST_CHANGES], now)
    if total > MOST_CHANGES:
        sheet.paragraph(f"and {total - MOST_CHANGES} before: --markdown has more, modeldeck events all", "dim")
    if told.comments:
        sheet.heading("Said")
        _notes(sheet, told.comments, now)
    return sheet.lines


def incident_lines(told: IncidentDetail, width: int, now: int) -> list[Line]:
    """Return an incident: when, of what, how it went, what changed before, what was noted."""
    one, sheet = told.incident, Sheet(width)
    over = f"closed {moment(one.closed_at)} by {person(one.closed_by or '')}" if one.closed_at is not None else "open"
    sheet.pair("State", (over, "ok" if one.closed_at is not None else "bad"), (f"  {one.resolution}", "dim"))
    sheet.pair("Began", f"{moment(one.from_at)}, {ago(one.from_at, now)}")
    sheet.pair("Opened", f"{moment(one.opened_at)} by {person(one.opened_by)}")
    sheet.pair("Models", ", ".join(one.models) or "the whole deck")
    sheet.heading("Timeline", f"{told.left_out} earlier left out" if told.left_out else "")
    _changes(sheet, told.timeline, now)
    if not told.timeline:
        sheet.paragraph("the record tells of nothing in that time", "dim")
    sheet.heading("Changed in the day before")
    _changes(sheet, told.before, now)
    if not told.before:
        sheet.paragraph("nothing", "dim")
    sheet.heading("Notes")
    _notes(sheet, told.notes, now)
    if not told.notes:
        sheet.paragraph(f"none: modeldeck incident note {one.id[:12]} TEXT", "dim")
    return sheet.lines


def _changes(sheet: Sheet, changes: Sequence[Change], now: int) -> None:
    rows = [
        (
            (short_moment(one.at, now), "dim"),
            (one.model or "-", "name"),
            one.what + (f": {one.reason}" if one.reason else ""),
            (person(one.actor), "dim"),
        )
        for one in changes
    ]
    sheet.table(("", "", "", ""), [(at, by, model, what) for at, model, what, by in rows])


def _notes(sheet: Sheet, notes: Sequence[Comment], now: int) -> None:
    sheet.table(
        ("", "", ""),
        [
            (
                (short_moment(one.written_at, now), "dim"),
                (person(one.actor), "dim"),
                "withdrawn" if one.withdrawn_at is not None else " ".join(one.text.split()),
            )
            for one in notes
        ],
    )


def _style(title: str) -> str:
    if title in ("incident", "critical alert"):
        return "bad"
    return "warn" if title.startswith(("warning", "release held", "job")) else ""
