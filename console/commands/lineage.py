"""Writes lineage as two trees."""

from __future__ import annotations

from console.output import Output
from console.render.lineage import AFTER, BEHIND, NONE_AFTER, NONE_BEHIND, branches, short
from engine.operations.lineage import Lineage


def lineage(answer: Lineage, out: Output) -> None:
    """Write both trees, and say how many nodes were left out."""
    out.line(f"{answer.kind} {short(answer.id)}  {answer.detail}".rstrip())
    for title, nodes, none in ((BEHIND, answer.behind, NONE_BEHIND), (AFTER, answer.after, NONE_AFTER)):
        out.line("")
        out.line(title)
        for strokes, name, about in branches(nodes, out.second):
            out.line(f"{strokes}{name}  {about}".rstrip())
        if not nodes:
            out.line(none)
    if answer.left_out:
        out.note(f"{answer.left_out} more: --limit says how many of one kind are shown")
