"""Writes what is on record of a model and what is missing, phase by phase."""

from __future__ import annotations

from console.output import Output
from engine.operations.compliance import Compliance


def compliance(answer: Compliance, out: Output) -> None:
    """Write every item under its phase, and under a missing one what fills it."""
    out.line(f"{answer.model}@{answer.version}: {len(answer.items) - answer.missing} of {len(answer.items)} on record")
    phase = ""
    for one in answer.items:
        if one.phase != phase:
            phase = one.phase
            out.line("")
            out.line(phase)
        out.line(f"  {'✓' if one.is_there else '✗'} {one.what}: {one.detail}")
        if one.fix:
            out.line(f"      {one.fix}")
