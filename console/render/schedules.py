"""Schedules as rows, and one whole: when it fires next, what becomes of missed times. Pure."""

from __future__ import annotations

from console.render.cells import Line, Span
from console.render.columns import Column, Context
from console.render.display import key
from console.render.sheet import Sheet
from console.render.signs import glyph_of, state, style_of
from console.render.words import age, ago, count, moment, person, plural, short_id
from engine.operations.work import ScheduleDetail
from store.rows import Schedule

CATCH_UP = {
    "skip": "times missed while the daemon was down are passed over",
    "once": "times missed while the daemon was down are made up for with one job",
    "all": "every time missed while the daemon was down is made up for",
}
OVERLAP = {
    "skip": "while its last job runs, a time is passed over",
    "queue": "while its last job runs, a time waits behind it",
}


def state_of(row: Schedule) -> str:
    """Return paused, waits, or on event where its trigger says no time."""
    if row.paused_at is not None:
        return "paused"
    return "waits" if row.next_at is not None or not _is_event(row) else "on event"


def _next(row: Schedule, context: Context) -> Span:
    if row.paused_at is not None:
        return ("-", "dim")
    if row.next_at is None:
        return ("when it happens", "dim") if _is_event(row) else ("being set", "dim")
    return (age(row.next_at, context.now), "")


def _is_event(row: Schedule) -> bool:
    return row.trigger.startswith(("after ", "on "))


def _why_paused(by: str, reason: str) -> str:
    return f"{f' by {person(by)}' if by else ''}{f': {reason}' if reason else ''}"


def _when(row: Schedule, context: Context) -> tuple[Span, ...]:
    """Return the trigger, or of a paused one who paused it and why: that is what one looks for then."""
    if row.paused_at is not None and (row.paused_by or row.paused_reason):
        return ((f"paused{_why_paused(row.paused_by, row.paused_reason)}", "warn"), (f"  {row.trigger}", "dim"))
    return ((row.trigger, "dim"),)


def _skipped(row: Schedule, context: Context) -> Span:
    return (count(row.skipped), "warn" if row.skipped else "dim")


COLUMNS = (
    Column("STATE", lambda row, context: state(state_of(row)), priority=1, least=8, most=10),
    Column("KIND", lambda row, context: (row.kind, "name"), priority=1, least=6, most=12),
    Column("MODEL", lambda row, context: row.model, priority=1, least=10, most=26),
    Column("NEXT", _next, priority=1, least=6, most=15),
    Column("LAST", lambda row, context: age(row.last_at, context.now), priority=2, least=4, align="right"),
    Column("MISSED", lambda row, context: row.catch_up, priority=3, least=4, most=6),
    Column("PASSED", _skipped, priority=3, least=4, align="right"),
    Column("WHEN", _when, priority=2, least=10, most=60, grow=True, wish=18),
)


def schedule_lines(row: Schedule, width: int, now: int) -> list[Line]:
    """Return what stands below the list: what fires it, and what becomes of times that were missed."""
    sheet = Sheet(width)
    sheet.rule(row.id)
    if row.paused_at is not None:
        why = _why_paused(row.paused_by, row.paused_reason)
        sheet.paragraph(f"paused {ago(row.paused_at, now)}{why}", "warn")
        sheet.paragraph(f"it fires no more until {key('schedules.resume')} resumes it")
    elif row.next_at is not None:
        sheet.paragraph(f"{row.trigger}: next {moment(row.next_at)}, {age(row.next_at, now)}")
    else:
        known = "its time is not known before" if _is_event(row) else "its next time is being set"
        sheet.paragraph(f"{row.trigger}: {known}")
    sheet.paragraph(f"{CATCH_UP.get(row.catch_up, row.catch_up)}; {OVERLAP.get(row.overlap, row.overlap)}", "dim")
    passed = f"; {plural(row.skipped, 'time')} passed over, enter says why" if row.skipped else ""
    last = (
        "run by hand, never by its time" if row.last_at is None and row.last_job_id else f"last {ago(row.last_at, now)}"
    )
    sheet.paragraph(f"{last}{passed}", "dim")
    return sheet.lines


def schedule_page(detail: ScheduleDetail, width: int, now: int, *, keys: bool = True) -> list[Line]:
    """Return the page of a schedule; without `keys` what to do is told as commands."""
    row = detail.schedule
    sheet = Sheet(width)
    word = state_of(row)
    sheet.pair("State", (f"{glyph_of(word)} {word}", style_of(word)), *_ways(row, keys=keys))
    if row.paused_at is not None:
        why = _why_paused(detail.paused_by, detail.paused_reason)
        sheet.pair("Paused", f"{moment(row.paused_at)}, {ago(row.paused_at, now)}{why}")
    sheet.pair("Makes", (f"{row.kind} {row.model}", "name"), (f"  settings revision {row.settings_revision}", "dim"))
    sheet.pair("When", row.trigger, (f"  in {detail.zone}", "dim"))
    if row.jitter_s:
        sheet.pair("", (f"spread over {row.jitter_s} s", "dim"))
    for position, firing in enumerate(detail.next):
        sheet.pair("" if position else "Next", moment(firing.at), (f"  {age(firing.at, now)}", "dim"))
    if not detail.next:
        unknown = "its time is not known before it happens" if _is_event(row) else "it is being set"
        words = "it is paused" if row.paused_at is not None else unknown
        sheet.pair("Next", (words, "dim"))
    sheet.pair(
        "Missed", CATCH_UP.get(row.catch_up, row.catch_up), (f"; late by up to {row.grace_s} s is on time", "dim")
    )
    sheet.pair("Overlap", OVERLAP.get(row.overlap, row.overlap))
    sheet.blank()
    job = detail.last_job
    if job is None:
        sheet.pair("Last", ("it has not fired yet", "dim"))
    else:
        said = (f"{glyph_of(job.state)} {job.state}", style_of(job.state))
        sheet.pair("Last", said, (f"  {ago(row.last_at, now)}, job {short_id(job.id)} by {person(job.actor)}", "dim"))
        if job.reason:
            sheet.pair("", (job.reason, "bad" if job.state == "failed" else "dim"))
    passed = f"{plural(row.skipped, 'time')}" if row.skipped else "never"
    newest = f"; last {ago(detail.passed_over_at, now)}: {detail.passed_over}" if detail.passed_over else ""
    sheet.pair("Passed over", passed, (newest, "dim"))
    return sheet.lines


def _ways(row: Schedule, *, keys: bool) -> list[Span]:
    if row.paused_at is None:
        return []
    resume: Span = (key("schedules.resume"), "key") if keys else (f"modeldeck schedules resume {row.id}", "accent")
    return [("; it fires no more. ", ""), resume, (" resumes it", "")]
