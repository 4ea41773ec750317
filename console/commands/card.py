"""Writes a model card, or what differs between two."""

from __future__ import annotations

from console.output import Output
from engine.operations.governance import Card


def card(answer: Card, out: Output) -> None:
    """Write the Markdown as it is, so that `> CARD.md` keeps it; or the lines that differ."""
    if answer.diff is None:
        out.block(answer.text)
        if answer.unknown:
            out.note(f"{len(answer.unknown)} unknown; [card] of the model file says what only people know")
    elif answer.diff:
        out.block(answer.diff + "\n")
    else:
        out.note("nothing differs")
