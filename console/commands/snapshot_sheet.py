"""One snapshot as the command line writes it: what it is, then a line for each column."""

from __future__ import annotations

from typing import Any

from console.commands.tables import count, kilobytes, number
from console.output import Column, Output
from engine.operations.data import SnapshotDetail

MIDDLE = 2  # of the quantiles

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


def holds(column: dict[str, Any]) -> str:
    """Say what a column holds: `0 to 300, half below 104`, the commonest values, or how long its texts are."""
    if "quantiles" in column:
        figures = (column["min"], column["max"], column["quantiles"][MIDDLE])
        low, high, half = (f"{one:,.0f}" if column["type"] == "long" else number(one) for one in figures)
        return f"{low} to {high}, half up to {half}"
    if "min" in column:
        return f"{column['min']} to {column['max']}"
    if "top" in column:
        return ", ".join(f"{_word(value)} {count(rows)}" for value, rows in column["top"]) or "each value once"
    if "characters" in column:
        return f"text of {column['characters']:.0f} characters"
    return "-"


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
