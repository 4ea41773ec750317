"""Which columns the lists of a model's data show."""

from __future__ import annotations

from console.commands.told_tables import TOLD_COLUMNS
from console.commands.values import count
from console.output import Column
from engine.operations.data import CheckLine, RejectedRow
from store.rows import Snapshot

SNAPSHOTS = (
    Column("snapshot", lambda row, _: row.id.removeprefix("sha256:")[:12]),
    Column("rows", lambda row, _: count(row.rows), right=True),
    Column("columns", lambda row, _: count(len(row.columns)), right=True),
    Column("from", lambda row, out: out.minute(row.from_at)),
    Column("to", lambda row, out: out.minute(row.to_at)),
    Column("origin", lambda row, _: row.origin, shrink=True),
    Column("taken", lambda row, out: out.minute(row.created_at)),
)

CHECK_LINES = (
    Column("rule", lambda row, _: row.rule, shrink=True),
    Column("is", lambda row, _: row.severity),
    Column("wanted", lambda row, _: row.wanted, shrink=True),
    Column("found", "verdict"),
    Column("detail", lambda row, _: row.detail, shrink=True),
)

REJECTED = (
    Column("batch", lambda row, out: out.short(row.batch)),
    Column("rejected by", lambda row, _: row.rule, shrink=True),
    Column("row", lambda row, _: ", ".join(f"{name}={value}" for name, value in row.row.items()), shrink=True),
)

DATA_COLUMNS: dict[type, tuple[Column, ...]] = {
    Snapshot: SNAPSHOTS,
    CheckLine: CHECK_LINES,
    RejectedRow: REJECTED,
    **TOLD_COLUMNS,
}
