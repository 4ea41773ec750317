"""What differs between runs or versions, side by side. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from console.render.cells import Line
from console.render.columns import Cell
from console.render.curves import put_curves
from console.render.measures import change, is_measure
from console.render.sheet import Sheet
from console.render.words import plural, short_id
from engine.operations.models import Comparison
from engine.operations.runs import RunCurve, RunsTable

_LONG_NUMBER = re.compile(r"-?\d+\.\d{6,}(e-?\d+)?")
_CLASS = re.compile(r"[a-z_]\w*(\.\w+)*\.[A-Z]\w*")  # as of an estimator: sklearn.linear_model.Ridge


def runs_lines(table: RunsTable, curves: Sequence[RunCurve], width: int) -> list[Line]:
    """Return what differs between runs, a column per run in the order in which they were marked; then their curves."""
    sheet = Sheet(width)
    if table.rows:
        _put_differences(sheet, table)
    else:
        sheet.paragraph(f"These {plural(len(table.runs), 'run')} do not differ.")
    put_curves(sheet, curves, table.runs)
    return sheet.lines


def _put_differences(sheet: Sheet, table: RunsTable) -> None:
    titles = ("WHAT", *(short_id(run) for run in table.runs))
    rows: list[Sequence[Cell]] = [
        ((row[0], "dim"), *(_brief(value) or ("-", "dim") for value in row[1:])) for row in table.rows
    ]
    sheet.table(titles, rows, frozenset(range(1, len(titles))))


def versions_lines(found: Comparison, width: int) -> list[Line]:
    """Return what differs between two versions; of two numbers, whether the second is better."""
    sheet = Sheet(width)
    if not found.differences:
        sheet.paragraph(f"{found.first} and {found.second} do not differ.")
        return sheet.lines
    rows: list[Sequence[Cell]] = [
        (
            (one.name, "dim"),
            _brief(one.before) or ("-", "dim"),
            _brief(one.after) or ("-", "dim"),
            (one.note, "dim") if one.note else _better(one.name, one.before, one.after),
        )
        for one in found.differences
    ]
    sheet.table(("WHAT", found.first, found.second, ""), rows)
    return sheet.lines


def _brief(said: str) -> str:
    """Return a number with the digits that tell it apart, and a class without its path: columns beside it need room."""
    if _LONG_NUMBER.fullmatch(said):
        return f"{float(said):.6g}"
    return f"…{said.rpartition('.')[2]}" if _CLASS.fullmatch(said) else said


def _better(name: str, before: str, after: str) -> Cell:
    if not is_measure(name):
        return ""
    try:
        return change(name, float(after), float(before))
    except ValueError:
        return ""
