"""One snapshot as the command line writes it: what it is, then a line for each column."""

from __future__ import annotations

from console.commands.values import count, kilobytes
from console.output import Column, Output
from console.render.snapshots import holds
from engine.operations.data import SnapshotDetail

COLUMNS = (
    Column("column", lambda row, _: row["name"], shrink=True),
    Column("type", lambda row, _: row["type"]),
    Column("nulls", lambda row, _: count(row["nulls"]), right=True),
    Column("distinct", lambda row, _: count(row["distinct"]), right=True),
    Column("holds", lambda row, _: holds(row), shrink=True),
)


def snapshot(answer: SnapshotDetail, out: Output) -> None:
    """Write a snapshot."""
    shown = answer.snapshot
    lies = "its bytes were removed" if not answer.present else kilobytes(shown.size_bytes)
    if answer.replaced_by is not None:
        stands = answer.replaced_by.removeprefix("sha256:")[:12]
        lies = f"{count(answer.erased)} rows of a person were erased from it; {stands} stands in its place"
    if answer.segments > 1:
        lies = f"{lies} in {answer.segments} segments"
    if answer.shared_with:
        lies = f"{lies}, {kilobytes(answer.shared_bytes)} of it shared with {count(len(answer.shared_with))} others"
    pairs = [
        ("snapshot", shown.id.removeprefix("sha256:") if out.fits else shown.id),
        ("model", shown.model),
        ("rows", count(shown.rows)),
    ]
    if shown.time_column is not None:
        pairs.append((shown.time_column, f"{out.time(shown.from_at)} to {out.time(shown.to_at)}"))
    pairs += [("origin", shown.origin), ("taken", out.time(shown.created_at)), ("stored", lies)]
    out.pairs(pairs)
    out.line("")
    out.table(COLUMNS, shown.columns)
