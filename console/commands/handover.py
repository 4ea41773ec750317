"""Writes a handover, incidents, and the draft of a post-mortem."""

from __future__ import annotations

from console.output import Column, Output
from engine.operations.handover import Handover, IncidentDetail, PostMortem
from store.rows import Incident

INCIDENTS = (
    Column("incident", lambda row, out: out.short(row.id)),
    Column("state", lambda row, _: "open" if row.closed_at is None else "closed"),
    Column("began", lambda row, out: out.minute(row.from_at)),
    Column("models", lambda row, _: ", ".join(row.models) or "all", shrink=True),
    Column("title", lambda row, _: row.title, shrink=True),
    Column("ended by", lambda row, _: row.resolution or "-", shrink=True),
)
HANDOVER_COLUMNS: dict[type, tuple[Column, ...]] = {Incident: INCIDENTS}


def handover(answer: Handover, out: Output) -> None:
    """Write it as its page in the console shows it, or the Markdown that was asked for."""
    from console.render.cells import plain
    from console.render.handover import handover_lines

    if answer.text:
        out.block(answer.text)
        return
    for cells in handover_lines(answer, out.width(), answer.now_at):
        out.line(plain(cells).rstrip())


def incident(answer: IncidentDetail, out: Output) -> None:
    """Write an incident as its page in the console shows it."""
    from console.render.cells import plain
    from console.render.handover import incident_lines
    from store.clock import SystemClock

    out.line(answer.incident.title)
    for cells in incident_lines(answer, out.width(), SystemClock().now()):
        out.line(plain(cells).rstrip())


def opened(answer: Incident, out: Output) -> None:
    """Write what was opened, and what comes next."""
    out.line(f"incident {answer.id[:16]} opened: {answer.title}; note: modeldeck incident note {answer.id[:16]} TEXT")


def post_mortem(answer: PostMortem, out: Output) -> None:
    """Write the Markdown as it is, so that `> POSTMORTEM.md` keeps it."""
    out.block(answer.text)
