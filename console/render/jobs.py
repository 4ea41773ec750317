"""Jobs as rows with their progress. Pure."""

from __future__ import annotations

from console.render.cells import Line, Span
from console.render.columns import Column, Context
from console.render.sheet import Sheet
from console.render.signs import state
from console.render.spark import progress_bar
from console.render.words import age, ago, percent, person, short_id, took
from engine.jobs.again import again
from engine.jobs.why import told as why
from store.rows import Job

BAR = 6


def _state(row: Job, context: Context) -> tuple[Span, ...]:
    return state(row.state)


def progress(row: Job, context: Context) -> tuple[Span, ...]:
    """Return bar, share and words while it runs, else its reason."""
    if row.state == "running":
        if row.progress is None:
            return ((row.progress_text or "started", ""),)
        bar = (f"{progress_bar(row.progress, BAR)} ", "spark")
        return (bar, (f"{percent(row.progress):>4}", ""), (f" {row.progress_text}", "dim"))
    if row.state == "queued":
        return (("waits for a free worker", "dim"),)
    return ((_ending(row), "bad" if row.state == "failed" else "dim"),)


def _ending(job: Job) -> str:
    """Say how a job ended: why, else what it made, else its last words."""
    made = job.result.get("version") if job.kind == "train" else None
    ended = job.result.get("state", "") if job.kind == "release" else ""
    return job.reason or (f"made v{made}" if made else job.progress_text or str(ended))


def _took(row: Job, context: Context) -> str:
    return age(row.started_at, context.now) if row.ended_at is None else took(row.started_at, row.ended_at)


COLUMNS = (
    Column("STATE", _state, priority=1, least=9, most=12),
    Column("KIND", lambda row, context: (row.kind, "name"), priority=1, least=6, most=12),
    Column("MODEL", lambda row, context: row.model or "-", priority=1, least=10, most=26),
    Column("JOB", lambda row, context: (short_id(row.id), "dim"), priority=5, least=12),
    Column("AGE", lambda row, context: age(row.requested_at, context.now), priority=2, least=3, align="right"),
    Column("TOOK", _took, priority=4, least=4, align="right"),
    Column("BY", lambda row, context: (person(row.actor), "dim"), priority=5, least=4, most=16),
    Column("PROGRESS", progress, priority=2, least=14, most=90, grow=True, wish=30),
)


def is_routine(job: Job) -> bool:
    """Say whether a job did its work by schedule, or sent messages: thousands of them would hide the others."""
    return job.actor.startswith(("schedule:", "trigger:notify")) and job.state == "succeeded"


def job_lines(job: Job, width: int, now: int) -> list[Line]:
    """Return what stands below the list: the job's words in full, and where to look."""
    sheet = Sheet(width)
    sheet.rule(f"{job.kind} {job.model or ''}".strip(), (short_id(job.id), "dim"))
    words = job.progress_text if job.state == "running" else _ending(job)
    if words:
        sheet.paragraph(words, "bad" if job.state == "failed" else "")
    asked = f"asked {ago(job.requested_at, now)} by {person(job.actor)}"
    length = f", took {took(job.started_at, job.ended_at)}" if job.ended_at is not None else ""
    if job.kind == "train":
        sheet.paragraph(f"why: {why(job)}")
    if redo := again(job):
        sheet.paragraph(f"again: {redo}", "accent")
    attempt = f", attempt {job.attempt}" if job.attempt > 1 else ""
    attempt += f", process {job.pid}" if job.pid is not None and job.state == "running" else ""
    sheet.paragraph(f"{asked}{length}{attempt}; enter shows the log", "dim")
    return sheet.lines
