"""Answers that are lists, as tables. What a short command does not show is not loaded for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from console.commands.tables import columns_of
from console.output import Column, Output
from store.rows import column

if TYPE_CHECKING:
    from engine.operations.serving import DeploymentDetail
    from store.rows import Endpoint, Host


def rows(operation_id: str, kind: type, answer: Sequence[Any], out: Output, why_none: str) -> None:
    """Write a list; an empty one says why on stderr and leaves stdout empty."""
    if answer:
        if hasattr(answer[0], "id"):
            out.tell_apart(column(answer, "id"))
        if operation_id == "comments.list":
            from console.commands import comment_tables

            comment_tables.comments(answer, out)
            return
        if operation_id == "tests.list":
            from console.commands import behaviour_tables

            behaviour_tables.runs(answer, out)
            return
        out.table(with_comments(columns_of(kind), answer), answer)
        if hasattr(answer[0], "faults"):
            _faults(answer, out)
    else:
        out.note(why_none)


def with_comments(columns: tuple[Column, ...], rows: Sequence[Any]) -> tuple[Column, ...]:
    """Return a list's columns, and one of comments where any row has some."""
    if not hasattr(rows[0], "comments") or not any(column(rows, "comments")):
        return columns
    return (*columns, Column("comments", "comments", said=lambda number: str(number or "-"), right=True))


def _faults(told: Sequence[DeploymentDetail | Endpoint | Host], out: Output) -> None:
    """Say under the rows what stands against them, and the one command that mends what runs there."""
    from store.rows import Endpoint, Host

    standing = {(one.host, one.key): one for row in told for one in row.faults}
    for fault in standing.values():
        out.line(f"! {fault.detail}, since {out.second(fault.since_at)}")
    wrong = {row.name if isinstance(row, Endpoint | Host) else row.deployment.endpoint for row in told if row.faults}
    for name in sorted(wrong):
        mended = f"hosts check {name}" if isinstance(told[0], Host) else f"deployments converge {name}"
        out.note(f"{'look' if isinstance(told[0], Host) else 'mend'}: modeldeck {mended}")
