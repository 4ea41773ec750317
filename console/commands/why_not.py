"""Why a model does not train by itself, for a person: the answer, then what it rests on."""

from __future__ import annotations

from console.output import Column, Output
from engine.operations.retraining import WhyNot

TRIGGERS = (
    Column("trigger", lambda row, _: row.name),
    Column("due", lambda row, _: "yes" if row.due else "no"),
    Column("last seen", lambda row, _: row.seen, shrink=True),
    Column("asked", lambda row, _: row.asked, shrink=True),
)
DAMPERS = (
    Column("damper", lambda row, _: row.name),
    Column("holds", lambda row, _: "yes" if row.holds else "no"),
    Column("until", lambda row, out: out.minute(row.until_at) if row.until_at is not None else "-"),
    Column("", lambda row, _: row.told, shrink=True),
)


def why_not(answer: WhyNot, out: Output) -> None:
    """Write the answer, then each trigger, each damper, and what is missing."""
    out.line(answer.told)
    if answer.triggers:
        out.line("")
        out.table(TRIGGERS, answer.triggers)
    out.line("")
    out.table(DAMPERS, answer.dampers)
    for line in answer.missing:
        out.line(f"! missing: {line}")
    if answer.last_job_id is not None:
        out.note(f"last training {out.minute(answer.last_at)}, job {answer.last_job_id[:16]}: {answer.last_told}")
