"""Why a model does not train by itself, for a person: the answer, then what it rests on, each in plain lines."""

from __future__ import annotations

import textwrap

from console.output import Output
from engine.operations.retraining import DamperSeen, TriggerSeen, WhyNot

LABEL = 12
LEAST = 24


def why_not(answer: WhyNot, out: Output) -> None:
    """Write the answer, then each trigger, each damper, and what is missing."""
    out.line(answer.told)
    if answer.triggers:
        out.line("")
        for trigger in answer.triggers:
            _lines(trigger.name, _trigger(trigger), out)
    out.line("")
    for damper in answer.dampers:
        _lines(damper.name, _damper(damper, out), out)
    for line in answer.missing:
        _lines("! missing", line, out)
    if answer.last_job_id is not None:
        out.note(f"last training {out.minute(answer.last_at)}, job {answer.last_job_id[:16]}: {answer.last_told}")


def _trigger(one: TriggerSeen) -> str:
    return f"{'due' if one.due else 'not due'}: {one.seen}; asked: {one.asked}"


def _damper(one: DamperSeen, out: Output) -> str:
    if not one.holds:
        return f"free: {one.told}"
    until = f" until {out.minute(one.until_at)}" if one.until_at is not None else ""
    return f"holds{until}: {one.told}"


def _lines(name: str, text: str, out: Output) -> None:
    """Write a name and a text that goes on below itself on a terminal."""
    room = max(LEAST, out.width() - LABEL - 2)
    lines = textwrap.wrap(text, room, break_on_hyphens=False) if out.fits else [text]
    for place, line in enumerate(lines):
        out.line(f"{name if place == 0 else '':<{LABEL}}  {line}")
