"""How a shadow's answers compare with those that callers got, and what made the largest differences. Pure."""

from __future__ import annotations

from typing import Any

from console.render.sheet import Sheet
from console.render.words import brief, count

SHOWN = 3  # differences
COLUMNS = 3  # of each, that moved most


def put_answers(sheet: Sheet, told: Any) -> None:
    """Add how many answers agree, and the largest differences with the columns that made them."""
    if not isinstance(told, dict) or not told.get("rows"):
        return
    agree = int(told["rows"]) - int(told.get("differ") or 0)
    sheet.pair("answers", f"{count(agree)} of {count(int(told['rows']))} agree", label_width=10)
    for one in list(told.get("largest") or ())[:SHOWN]:
        moved = f"{brief(one['champion'])} → {brief(one['challenger'])}"
        sheet.paragraph(f"{one['prediction_id']}: {moved}; {_why(one)}", "dim")


def _why(one: dict[str, Any]) -> str:
    why = one.get("why")
    if not isinstance(why, dict):
        return str(one.get("note") or "not explained")
    columns = [
        f"{each['column']} {each['champion']:+.3g} → {each['challenger']:+.3g}" for each in why["columns"][:COLUMNS]
    ]
    scales = {why["scale"]["champion"], why["scale"]["challenger"]}
    return ", ".join(columns) + ("" if len(scales) == 1 else " (on different scales)")
