"""The queue of a human review, as the command line writes it: each prediction with its row below it."""

from __future__ import annotations

from console.commands.values import count
from console.output import Output, clip, plain
from engine.operations.review import ReviewQueue

INDENT = "  "


def review(answer: ReviewQueue, out: Output) -> None:
    """Write what waits, and how much of the budget is done."""
    for row in answer.rows:
        out.line(f"{row.prediction_id}  {row.label}  {row.score:.3f} (decides at {row.threshold:g})")
        for name, value in row.row.items():
            told = plain(f"{INDENT}{name}: {value}")
            out.line(clip(told, out.width()) if out.fits else told)
    done = f"{count(answer.reviewed)} of {count(answer.budget)} reviewed"
    out.note(f"{done}, of {count(answer.answered)} predictions; by {answer.by}")
    if answer.rows:
        out.note(f"next: modeldeck data verdict {answer.model} PREDICTION_ID CLASS")
