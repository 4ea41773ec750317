"""Writes comments: a thread as it is read, a list of the newest, and what a change of one came to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from console.output import Column, Output
from store.rows import Comment, CommentText, Watch

if TYPE_CHECKING:
    from engine.operations.comments import Commented

WITHDRAWN = "withdrawn"
_INDENT = "  "


def said_by(row: Comment, out: Output) -> str:
    """Return the line above a comment's text: who, when, and that it is no more as it was."""
    changed = f", edited {out.minute(row.edited_at)}" if row.edited_at is not None else ""
    via = f" ({row.via})" if row.via else ""
    return f"{out.short(row.id)}  {person(row.actor)}{via}  {out.minute(row.written_at)}{changed}"


def person(actor: str) -> str:
    """Return whose deed it was, as people call them."""
    return actor.removeprefix("user:")


def text_of(row: Comment) -> str:
    """Return what it says, or who took it away."""
    return row.text if row.withdrawn_at is None else f"({WITHDRAWN} by {person(row.withdrawn_by or row.actor)})"


def thing(kind: str, id: str, out: Output) -> str:
    """Return a thing as lists name it."""
    return f"{kind} {id if kind in ('model', 'version') else out.short(id.removeprefix('sha256:'))}"


def comments(rows: Sequence[Comment], out: Output) -> None:
    """Write comments whole, replies indented below what they answer; a heading wherever another thing begins."""
    before: tuple[str, str] | None = None
    for row in rows:
        if (row.kind, row.subject) != before:
            if before is not None:
                out.line("")
            before = (row.kind, row.subject)
            out.line(thing(row.kind, row.subject, out))
        indent = _INDENT * (row.depth + 1)
        out.line(indent + said_by(row, out))
        for line in text_of(row).split("\n"):
            out.line(f"{indent}{_INDENT}{line}".rstrip())


def commented(answer: Commented, out: Output, *, would: bool = False) -> None:
    """Write what a change came to, and who is told."""
    row = answer.comment
    on = thing(row.kind, row.subject, out)
    did = WITHDRAWN if row.withdrawn_at is not None else "edited" if row.revision > 1 else "added"
    if answer.already:
        out.line(f"already {WITHDRAWN if did == WITHDRAWN else 'so'}: comment {out.short(row.id)} on {on}")
        return
    told = f"; told by {', '.join(answer.told)}" if answer.told else ""
    out.line(f"comment {out.short(row.id)} on {on} {'would be ' * would}{did}{told}")
    if answer.untold:
        names = ", ".join(answer.untold)
        out.note(f'nothing tells {names}: people = ["{answer.untold[0]}"] under [notify.NAME] in deck.toml does')


WATCHES = (
    Column("kind", "kind"),
    Column("watched", lambda row, out: thing(row.kind, row.subject, out).partition(" ")[2], shrink=True),
    Column("by", lambda row, _: person(row.actor), shrink=True),
    Column("since", lambda row, out: out.minute(row.since_at)),
)
TEXTS = (
    Column("revision", lambda row, _: str(row.revision), right=True),
    Column("from", lambda row, out: out.second(row.written_at)),
    Column("text", lambda row, _: row.text or f"({WITHDRAWN})", shrink=True),
)
COMMENT_COLUMNS: dict[type, tuple[Column, ...]] = {Watch: WATCHES, CommentText: TEXTS}
