"""Columns with priorities: which of them a width has room for, and how wide each becomes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from console.render.cells import Line, Span, clean, fit, line_width, width_of
from store.rows.frozen import dataclass

GAP = 2
FIRST_TO_LEAVE = 3

Cell = str | Span | tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Context:
    """What a cell may depend on beside its row: the time in microseconds UTC."""

    now: int


@dataclass(frozen=True, slots=True)
class Column:
    """One column. Priority 1 stays longest; `least` and `most` bound its width; `grow` takes what is left.

    `wish` is the width of a growing column for which others from priority 3 on leave.
    """

    title: str
    cell: Callable[[Any, Context], Cell]
    priority: int = 1
    least: int = 4
    most: int = 24
    align: str = "left"
    grow: bool = False
    wish: int = 0


@dataclass(frozen=True, slots=True)
class Placed:
    """A column with its width."""

    column: Column
    width: int


def spans(cell: Cell) -> tuple[Span, ...]:
    """Return a cell as cleaned spans."""
    if isinstance(cell, str):
        return ((clean(cell), ""),)
    if cell and isinstance(cell[0], str):
        text, style = cell
        return ((clean(str(text)), str(style)),)
    return tuple((clean(text), style) for text, style in cell)


def place(columns: Sequence[Column], contents: Sequence[Sequence[tuple[Span, ...]]], width: int) -> list[Placed]:
    """Choose the columns that fit into `width` and give each its width.

    `contents` holds one sequence per row with one cell per column. Columns leave by priority, highest number first:
    those from priority 3 on already where they would force others to be cut, the rest only where nothing else helps.
    """
    wanted = [_wanted(column, [row[index] for row in contents]) for index, column in enumerate(columns)]
    floors = [min(wanted[index], max(column.least, width_of(column.title))) for index, column in enumerate(columns)]
    comfort = [
        max(floors[index], column.wish) if column.grow else wanted[index] for index, column in enumerate(columns)
    ]
    kept = list(range(len(columns)))
    _leave(columns, kept, comfort, width, FIRST_TO_LEAVE)
    _leave(columns, kept, floors, width, 0)
    widths = {index: floors[index] for index in kept}
    free = width - sum(widths.values()) - GAP * (len(kept) - 1)
    for index in sorted(kept, key=lambda index: (columns[index].grow, columns[index].priority, index)):
        gain = min(free, wanted[index] - widths[index])
        if gain > 0:
            widths[index] += gain
            free -= gain
    growing = [index for index in kept if columns[index].grow]
    if growing and free > 0:
        widths[growing[-1]] += free
    return [Placed(columns[index], max(1, min(widths[index], width))) for index in kept]


def _leave(columns: Sequence[Column], kept: list[int], sizes: Sequence[int], width: int, priority: int) -> None:
    """Take columns of at least this priority number out of `kept` until the rest fits."""
    while len(kept) > 1 and sum(sizes[index] for index in kept) + GAP * (len(kept) - 1) > width:
        leaving = max(kept, key=lambda index: (columns[index].priority, index))
        if columns[leaving].priority < priority:
            return
        kept.remove(leaving)


def _wanted(column: Column, cells: Sequence[tuple[Span, ...]]) -> int:
    longest = max((line_width(cell) for cell in cells), default=0)
    return max(column.least if column.grow else 0, width_of(column.title), min(longest, column.most))


def titles(placed: Sequence[Placed]) -> Line:
    """Return the header line."""
    text = (" " * GAP).join(fit(item.column.title, item.width, item.column.align) for item in placed)
    return ((text, "title"),)


def row_line(placed: Sequence[Placed], cells: dict[int, tuple[Span, ...]]) -> Line:
    """Return one row; `cells` are by the column's identity."""
    result: list[Span] = []
    for position, item in enumerate(placed):
        if position:
            result.append((" " * GAP, ""))
        result.extend(_fitted(cells[id(item.column)], item.width, item.column.align))
    return tuple(result)


def _fitted(cell: tuple[Span, ...], width: int, align: str) -> list[Span]:
    if len(cell) == 1:
        text, style = cell[0]
        return [(fit(text, width, align), style)]
    size = line_width(cell)
    result: list[Span] = [(" " * (width - size), "")] if align == "right" and size < width else []
    left = width - (width - size if result else 0)
    for text, style in cell:
        if left <= 0:
            break
        taken = min(left, width_of(text))
        result.append((fit(text, taken), style))
        left -= taken
    if left > 0:
        result.append((" " * left, ""))
    return result
