"""Any row, every field: as labelled values and as JSON. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from console.render.cells import Line, line
from console.render.columns import Cell
from console.render.sheet import Sheet
from console.render.words import number
from store.rows import to_json

DEEPEST = 6


def describe_lines(row: Any, width: int) -> list[Line]:
    """Return every field of a row as labelled values."""
    sheet = Sheet(width)
    put(sheet, to_json(row))
    return sheet.lines


def put(sheet: Sheet, values: dict[str, Any], depth: int = 0) -> None:
    """Add a dict to a sheet: scalars as pairs, lists of dicts as tables, dicts as indented parts."""
    label_width = min(26, max((len(str(name)) for name in values), default=0) + 2)
    for name, value in values.items():
        label = "  " * depth + str(name).replace("_", " ")
        if isinstance(value, dict) and value and depth < DEEPEST:
            sheet.pair(label, "", label_width=label_width + 2 * depth)
            put(sheet, value, depth + 1)
        elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            sheet.pair(label, (f"{len(value)}", "dim"), label_width=label_width + 2 * depth)
            _put_table(sheet, value)
        else:
            sheet.pair(label, _scalar(value), label_width=label_width + 2 * depth)


def _put_table(sheet: Sheet, items: list[dict[str, Any]]) -> None:
    names = list(dict.fromkeys(name for item in items for name in item))
    simple = [name for name in names if not any(isinstance(item.get(name), dict | list) for item in items)]
    rows: list[Sequence[Cell]] = [[_scalar(item.get(name)) for name in simple] for item in items]
    numeric = frozenset(
        column
        for column, name in enumerate(simple)
        if all(isinstance(item.get(name), int | float) for item in items if item.get(name) is not None)
    )
    if simple:
        sheet.table([name.replace("_", " ").upper() for name in simple], rows, numeric)


def _scalar(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, list):
        return ", ".join(_scalar(item) for item in value) or "-"
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False) if value else "-"
    return str(value)


def json_lines(row: Any, width: int) -> list[Line]:
    """Return the row as indented JSON."""
    text = json.dumps(to_json(row), indent=2, ensure_ascii=False)
    return [line((part, "")) for part in text.split("\n")]
