"""Rows of a snapshot: as a list whose columns are those of the data, and one row whole. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from console.render.cells import Line, Span, clean, line, width_of
from console.render.columns import Cell, Column, Context
from console.render.display import key
from console.render.sheet import Sheet
from console.render.words import count, plural
from engine.operations.data import DataSample
from store.rows.frozen import dataclass

MASKED = "***"
MOST_COLUMNS = 80  # that any terminal has room for; a row's page has all
LEAST_VALUE = 30  # cells that names of columns leave to their values


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a snapshot, its values by column."""

    id: str
    model: str
    snapshot: str
    number: int
    of: int
    row: dict[str, Any]
    masked: tuple[str, ...]


def records(found: DataSample) -> tuple[Record, ...]:
    """Return the rows of a sample."""
    return tuple(
        Record(
            id=f"{found.snapshot}#{one.number}",
            model=found.model,
            snapshot=found.snapshot,
            number=one.number,
            of=found.rows,
            row=dict(zip(found.columns, one.values, strict=True)),
            masked=found.masked,
        )
        for one in found.sample
    )


def columns_of(found: DataSample) -> tuple[Column, ...]:
    """Return the row's number and the data's columns; those at the right leave first where there is no room."""
    shown = [
        Column(
            clean(name),
            _cell(name),
            priority=2 + place,
            least=4,
            align="right" if all(_is_number(one.values[place]) for one in found.sample) else "left",
        )
        for place, name in enumerate(found.columns[:MOST_COLUMNS])
    ]
    return (Column("ROW", lambda row, context: (count(row.number), "dim"), priority=1, align="right"), *shown)


def told(found: DataSample) -> str:
    """Say which rows these are."""
    some, all_of = count(len(found.sample)), plural(found.rows, "row")
    if len(found.sample) == found.rows:
        return f"all {all_of}"
    if found.taken == "first":
        return f"the first {some} of {all_of}"
    return f"{some} of {all_of}, one drawn from each of {some} equal parts"


def hidden(found: DataSample) -> str:
    """Say which columns are masked; "" where none is."""
    if not found.masked:
        return ""
    return f"personal, so masked: {', '.join(found.masked)}"


def head(found: DataSample) -> list[Line]:
    """Return what stands above the rows."""
    whole = f"{key('look.open')} shows all {len(found.columns)} columns of a row"
    masked: Span = (f"; {hidden(found)}" if found.masked else "", "warn")
    return [line("  ", (told(found), "dim")), line("  ", (whole, "dim"), masked)]


def record_lines(record: Record, width: int) -> list[Line]:
    """Return every column of a row with its value."""
    sheet = Sheet(width)
    sheet.rule(f"Row {count(record.number)}", (f"of {count(record.of)}", "dim"))
    names = [clean(name) for name in record.row]
    label_width = min(max(LEAST_VALUE, width - LEAST_VALUE), max(map(width_of, names), default=0) + 2)
    for name, value in zip(names, record.row.values(), strict=True):
        if width_of(name) < label_width:
            sheet.pair(name, _span(value), label_width=label_width)
        else:  # on lines of its own, whole
            sheet.paragraph(name, "dim")
            sheet.pair("", _span(value), label_width=label_width)
    return sheet.lines


def _cell(name: str) -> Callable[[Any, Context], Cell]:
    return lambda row, context: _span(row.row[name])


def _span(value: Any) -> Span:
    style = "dim" if value is None or value in ("", MASKED) else ""
    return (word(value), style)


def word(value: Any) -> str:
    """Return a value as text: `null` where there is none, `""` for an empty text."""
    if value is None:
        return "null"
    if value == "":
        return '""'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.10g}"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | tuple) else str(value)


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
