"""A snapshot of data, column by column; a personal column tells nothing of its values. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from console.render.cells import Line
from console.render.columns import Cell
from console.render.sheet import Sheet
from console.render.words import ago, count, day, plural, size
from engine.operations.data import SnapshotDetail

MIDDLE = 2  # of the quantiles


def snapshot_lines(found: SnapshotDetail, width: int, now: int) -> list[Line]:
    """Return the page of a snapshot."""
    shown = found.snapshot
    sheet = Sheet(width)
    sheet.pair("Data", (shown.id.removeprefix("sha256:"), "name"))
    sheet.pair("Rows", f"{count(shown.rows)} in {plural(len(shown.columns), 'column')}")
    if shown.time_column is not None:
        sheet.pair("Span", f"{day(shown.from_at)} to {day(shown.to_at)}", (f"  by {shown.time_column}", "dim"))
    sheet.pair("From", shown.origin, (f"  taken {ago(shown.created_at, now)}", "dim"))
    if found.present:
        parts = f" in {found.segments} segments" if found.segments > 1 else ""
        sheet.pair("Stored", f"{size(shown.size_bytes)}{parts}")
    else:
        sheet.pair("Stored", ("its bytes were removed; the profile below stays", "warn"))
    sheet.heading("Columns", "- tells nothing: personal, or not profiled")
    rows: list[Sequence[Cell]] = [
        (
            (str(one["name"]), "name"),
            (str(one["type"]), "dim"),
            (count(one.get("nulls")), "warn" if one.get("nulls") else "dim"),
            count(one.get("distinct")),
            holds(one),
        )
        for one in shown.columns
    ]
    sheet.table(("COLUMN", "TYPE", "NULLS", "DISTINCT", "HOLDS"), rows, frozenset({2, 3}))
    return sheet.lines


def holds(column: dict[str, Any]) -> str:
    """Say what a column holds: `0 to 300, half up to 104`, the commonest values, or how long its texts are."""
    if "quantiles" in column:
        figures = (column["min"], column["max"], column["quantiles"][MIDDLE])
        low, high, half = (f"{one:,.0f}" if column["type"] == "long" else f"{one:.4g}" for one in figures)
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
