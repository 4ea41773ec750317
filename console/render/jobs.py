"""Jobs as rows with their progress. Pure."""

from __future__ import annotations

from console.render.cells import Span
from console.render.columns import Column, Context
from console.render.signs import state
from console.render.spark import progress_bar
from console.render.words import age, percent, person, short_id, took
from store.rows import Job

BAR = 8


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
    return ((row.reason or row.progress_text, "bad" if row.state == "failed" else "dim"),)


def _took(row: Job, context: Context) -> str:
    return age(row.started_at, context.now) if row.ended_at is None else took(row.started_at, row.ended_at)


COLUMNS = (
    Column("STATE", _state, priority=1, least=9, most=12),
    Column("KIND", lambda row, context: (row.kind, "name"), priority=1, least=6, most=12),
    Column("MODEL", lambda row, context: row.model or "-", priority=1, least=10, most=26),
    Column("JOB", lambda row, context: (short_id(row.id), "dim"), priority=4, least=12),
    Column("ASKED", lambda row, context: age(row.requested_at, context.now), priority=3, least=3, align="right"),
    Column("TOOK", _took, priority=3, least=4, align="right"),
    Column("BY", lambda row, context: (person(row.actor), "dim"), priority=5, least=4, most=16),
    Column("PROGRESS", progress, priority=2, least=14, most=90, grow=True),
)
