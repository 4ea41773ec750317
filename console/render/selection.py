"""Which input columns a version keeps, which it leaves out or could, and why, with how folds agree. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from console.render.cells import Span
from console.render.columns import Cell
from console.render.sheet import Sheet
from console.render.words import count

NULL = "always null"  # such a column is not in the signature
SHOWN = 12  # columns shown, those that are left out first


def put_selection(sheet: Sheet, evaluation: dict[str, Any]) -> None:
    """Add the columns that are left out, or could be, and those that some fold would leave out."""
    found = evaluation.get("selection")
    if not isinstance(found, dict):
        return
    columns = [one for one in found.get("columns") or () if isinstance(one, dict)]
    if not columns:
        return
    out = [one for one in columns if not one.get("kept")]
    may = [one for one in columns if one.get("kept") and one.get("why")]
    shaky = [one for one in columns if one.get("kept") and not one.get("why") and not _everywhere(one)]
    told = f"{len(columns) - len(out)} of {len(columns)} columns read"
    could = f'; {len(may)} could go: [train] select = "drop"' if may and found.get("mode") == "report" else ""
    sheet.heading("Columns", f"{told}{could}")
    shown = [*out, *may, *shaky]
    if not shown:
        sheet.paragraph("each is worth its place", "dim")
        return
    rows: list[Sequence[Cell]] = [
        (str(one.get("name", "")), _verdict(one), str(one.get("why") or ""), (_folds(one), "dim"))
        for one in shown[:SHOWN]
    ]
    sheet.table(("COLUMN", "", "WHY", "WORTH IT IN"), rows)
    if len(shown) > SHOWN:
        sheet.paragraph(f"and {len(shown) - SHOWN} more: y shows all", "dim")


def left_out(evaluation: dict[str, Any]) -> int:
    """Return how many columns of the signature are not read."""
    found = evaluation.get("selection")
    columns = found.get("columns") or () if isinstance(found, dict) else ()
    return sum(not one.get("kept") and one.get("why") != NULL for one in columns if isinstance(one, dict))


def _everywhere(one: dict[str, Any]) -> bool:
    return one.get("kept_in") == one.get("looked_in")


def _verdict(one: dict[str, Any]) -> Span:
    if not one.get("kept"):
        return ("left out", "warn")
    return ("could go", "") if one.get("why") else ("kept", "ok")


def _folds(one: dict[str, Any]) -> str:
    looked = one.get("looked_in")
    return f"{count(one.get('kept_in'))} of {count(looked)} folds" if looked else "-"
