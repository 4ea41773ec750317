"""Why a training ran: the trigger and its evidence, as its job carries them and its run keeps them."""

from __future__ import annotations

from typing import Any

from store.json_text import dump
from store.rows import Job


def why_of(job: Job) -> dict[str, Any]:
    """Return {"trigger", "evidence"} of a training job: what monitoring found, a set time, or a person.

    Evidence holds ids, hashes and numbers, no row data.
    """
    if "why" in job.args:
        found: dict[str, Any] = job.args["why"]
        return found
    if job.actor.startswith("schedule:"):
        evidence = {"schedule": job.actor.removeprefix("schedule:")}
        return {"trigger": "schedule", "evidence": {**evidence, **_of(job, "due_at", "missed")}}
    return {"trigger": "manual", "evidence": {"by": job.actor, **_of(job, "schedule")}}


def _of(job: Job, *names: str) -> dict[str, Any]:
    return {name: job.args[name] for name in names if name in job.args}


def tags(why: dict[str, Any]) -> dict[str, str]:
    """Return them as a run's tags; `evidence` is JSON."""
    also = {"also": why["also"]} if "also" in why else {}
    return {"trigger": why["trigger"], "evidence": dump({**why["evidence"], **also})}


def told(job: Job) -> str:
    """Say in one line why a training ran."""
    why = why_of(job)
    if why["trigger"] == "schedule":
        due = why["evidence"].get("due_at", "")
        return f"schedule {why['evidence']['schedule']}{f', due {due}' if due else ''}"
    reason = str(job.args.get("reason", ""))
    if why["trigger"] == "manual":
        return f"asked by {job.actor.removeprefix('user:')}{f': {reason}' if reason else ''}"
    also = ", ".join(why.get("also", {}))
    return f"{reason or why['trigger']}{f' (also {also})' if also else ''}"
