"""Our own table: immutable rows, a cursor that is a row's key. Draws lines, knows no terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from console.render.cells import Line, exactly, line, restyle, wrap
from console.render.columns import Column, Context, Placed, place, row_line, spans, titles

MEASURED = 300  # rows looked at to choose widths
GUTTER = 2


class Grid:
    """Rows under a cursor. The cursor stays on its row when rows move, and takes the neighbour when it vanishes."""

    def __init__(self, columns: Sequence[Column], key: Callable[[Any], str]) -> None:
        self._columns = tuple(columns)
        self._key = key
        self._rows: tuple[Any, ...] = ()
        self._cursor: str | None = None
        self._at = 0
        self._top = 0
        self._height = 1
        self._placed: dict[int, list[Placed]] = {}
        self.empty: tuple[str, ...] = ()
        self.marked: frozenset[str] = frozenset()  # keys of rows that bear a mark

    @property
    def rows(self) -> tuple[Any, ...]:
        """The rows shown."""
        return self._rows

    @property
    def cursor(self) -> str | None:
        """The key of the row under the cursor."""
        return self._cursor

    @property
    def selected(self) -> Any | None:
        """The row under the cursor."""
        return self._rows[self._at] if self._rows else None

    @property
    def top(self) -> int:
        """How many rows stand above the first one drawn."""
        return self._top

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Replace the columns; the rows stay."""
        self._columns = tuple(columns)
        self._placed.clear()

    def set_rows(self, rows: Sequence[Any]) -> None:
        """Replace the rows."""
        if tuple(rows) == self._rows:
            return
        self._rows = tuple(rows)
        self._placed.clear()
        found = self._position(self._cursor)
        if found is not None:
            self._at = found
        elif self._rows:
            self._at = min(self._at, len(self._rows) - 1)
            if self._cursor is None or self._at < 0:
                self._at = max(0, self._at)
            self._cursor = self._key(self._rows[self._at])
        else:
            self._at = 0

    def put_cursor(self, key: str | None) -> None:
        """Put the cursor on a row by key; a key not there yet is taken up when it comes."""
        if key is None:
            return
        found = self._position(key)
        if found is not None:
            self._go(found)
        elif not self._rows:
            self._cursor = key

    def _position(self, key: str | None) -> int | None:
        """Return where a row stands, looked for from where the cursor was: no index of thousands of keys is held."""
        if key is None:
            return None
        if self._at < len(self._rows) and self._key(self._rows[self._at]) == key:
            return self._at
        return next((position for position, row in enumerate(self._rows) if self._key(row) == key), None)

    def move(self, action: str) -> bool:
        """Carry out one of the `move.*` actions; say whether it was one."""
        page = max(1, self._height - 1)
        to = {
            "move.down": self._at + 1,
            "move.up": self._at - 1,
            "move.top": 0,
            "move.bottom": len(self._rows) - 1,
            "move.page_down": self._at + page,
            "move.page_up": self._at - page,
            "move.half_down": self._at + page // 2,
            "move.half_up": self._at - page // 2,
        }.get(action)
        if to is None:
            return False
        self._go(to)
        return True

    def _go(self, to: int) -> None:
        if self._rows:
            self._at = max(0, min(len(self._rows) - 1, to))
            self._cursor = self._key(self._rows[self._at])

    def height_wanted(self) -> int:
        """Return the title line and every row."""
        return len(self._rows) + 1

    def draw(self, width: int, height: int, context: Context) -> list[Line]:
        """Return title line and visible rows, at most `height` lines, each of exactly `width` cells."""
        if not self._rows:
            return empty_lines(self.empty, width, height)
        placed = self._place(width, context)
        self._height = max(1, height - 1)
        self._top = max(0, min(self._top, len(self._rows) - self._height))
        if self._at < self._top:
            self._top = self._at
        elif self._at >= self._top + self._height:
            self._top = self._at - self._height + 1
        lines = [exactly(((" " * GUTTER, "title"), *titles(placed)), width)]
        for position in range(self._top, min(self._top + self._height, len(self._rows))):
            row = self._rows[position]
            cells = {id(item.column): spans(item.column.cell(row, context)) for item in placed}
            body = row_line(placed, cells)
            mark = "•" if self.marked and self._key(row) in self.marked else " "
            if position == self._at:
                lines.append(restyle(exactly(((f"›{mark}", "key"), *body), width), "cursor"))
            else:
                lines.append(exactly(((f" {mark}", "key" if mark != " " else ""), *body), width))
        return lines

    def _place(self, width: int, context: Context) -> list[Placed]:
        placed = self._placed.get(width)
        if placed is None:
            contents = [[spans(column.cell(row, context)) for column in self._columns] for row in self._rows[:MEASURED]]
            placed = place(self._columns, contents, width - GUTTER)
            self._placed[width] = placed
        return placed


def empty_lines(sentences: Sequence[str], width: int, height: int) -> list[Line]:
    """Return the reason why a pane is empty, first sentence strong, set in a little from the top."""
    lines: list[Line] = [()]
    for position, sentence in enumerate(sentences):
        style = "" if position == 0 else "dim"
        lines.extend(line(" " * GUTTER, (part, style)) for part in wrap(sentence, max(10, width - 2 * GUTTER)))
    return lines[:height]
