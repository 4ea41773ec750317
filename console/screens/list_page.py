"""A screen of rows: filtered as one types, opened by enter."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from console.poller import Asks
from console.render.cells import Line, clean, cut, exactly
from console.render.columns import Column, Context
from console.render.display import key, tell
from console.screens.page import Page
from console.widgets.grid import Grid
from engine.service import filters
from engine.service.sieve import Sieve
from store.errors import Refused

MOST = 500  # rows a list reads
NO_MODEL = "{go.models} lists the models, or says how to make the first."
MOST_TOLD = 40  # cells of a filter that is repeated in a sentence
LEAST_DETAIL = 5  # free lines below the rows, from which on the selected row is shown whole


@dataclass(frozen=True, slots=True)
class ListKind:
    """What makes one list screen: its rows, its columns, its words when it is empty, and what enter opens."""

    name: str
    title: str
    command: str
    columns: Sequence[Column]
    key: Callable[[Any], str]
    read: Callable[[Asks], Sequence[Any]]
    empty: tuple[str, ...]  # `{runs.train}` stands for the key that trains
    opens: Callable[[Any], Page | None] = lambda row: None
    detail: Callable[[Any, int, int], Sequence[Line]] | None = None  # row, width, now: below the rows, in free room
    is_routine: Callable[[Any], bool] = lambda row: False  # shown only where a filter asks for it


class ListPage(Page):
    """Rows under a cursor, of which a filter shows some."""

    def __init__(self, kind: ListKind) -> None:
        super().__init__(kind.name, kind.title, kind.command)
        self._kind = kind
        self.scope = kind.name.split(":", 1)[0]
        self.grid = Grid(kind.columns, kind.key)
        self._rows: tuple[Any, ...] = ()
        self._sieve: Sieve[Any] | None = None
        self._filter = filters.parse("")
        self._marked: dict[str, Any] = {}

    @property
    def selected(self) -> Any | None:
        """The row under the cursor."""
        return self.grid.selected

    @property
    def rows(self) -> tuple[Any, ...]:
        """Every row that was read."""
        return self._rows

    @property
    def marked(self) -> Sequence[Any]:
        """The rows that are marked, in the order of their marking; one that is no longer listed stays marked."""
        return tuple(self._marked.values())

    def mark(self) -> None:
        """Mark the row under the cursor, or take its mark away, and go to the next."""
        row = self.grid.selected
        if row is None:
            return
        key = self._kind.key(row)
        if self._marked.pop(key, None) is None:
            self._marked[key] = row
        self.grid.marked = frozenset(self._marked)
        self.grid.move("move.down")

    def unmark(self) -> None:
        """Take every mark away."""
        self._marked.clear()
        self.grid.marked = frozenset()

    @property
    def cursor(self) -> str | None:
        """The key of the row under the cursor."""
        return self.grid.cursor

    @property
    def note(self) -> str:
        """How many rows are shown, of how many."""
        marks = f"{len(self._marked)} marked, " if self._marked else ""
        if self.filtered:
            return f"{marks}{len(self.grid.rows)}/{len(self._rows)}"
        hidden = len(self._rows) - len(self.grid.rows)
        told = f", {hidden} of routine hidden: {key('look.filter')} finds them" if hidden else ""
        return f"{marks}{len(self.grid.rows)}{told}" if self.loaded else ""

    @property
    def unsearched(self) -> tuple[str, ...]:
        """What a filter cannot find here, said where it finds nothing."""
        return ()

    @property
    def twin(self) -> str:
        """The command line that lists the same."""
        return f"{self.command} {shlex.quote(self.filtered)}" if self.filtered else self.command

    def restore(self, filtered: str, cursor: str | None) -> None:
        """Take up filter and cursor of an earlier session."""
        self.set_filter(filtered)
        self.grid.put_cursor(cursor)

    def read(self, client: Asks) -> Any:
        """Ask for the rows."""
        return tuple(self._kind.read(client))

    def take(self, value: Any) -> None:
        """Take the rows; the cursor stays on its own."""
        self.loaded = True
        self.set_rows(value)

    @property
    def held(self) -> int:
        """How many rows it holds in memory."""
        return len(self._rows)

    def let_go(self) -> None:
        """Let go of the rows; filter and cursor stay for when they are read again."""
        self.set_rows(())
        self.loaded = False

    def set_rows(self, rows: Sequence[Any]) -> None:
        """Replace the rows."""
        if tuple(rows) != self._rows:
            self._rows = tuple(rows)
            self._sieve = None
        self._apply()

    def set_filter(self, text: str) -> str:
        """Show only the rows that match; a text that cannot be read leaves the rows as they were."""
        try:
            self._filter = filters.parse(text)
        except Refused as refusal:
            return refusal.message
        self.filtered = text
        self._apply()
        return ""

    def _apply(self) -> None:
        if self.filtered:
            self._sieve = self._sieve or Sieve(self._rows)
            wanted = self._sieve.select(self._filter)
        else:
            self._sieve = None  # what the rows say is kept only while they are filtered
            wanted = tuple(row for row in self._rows if not self._kind.is_routine(row))
        self.grid.set_rows(wanted)
        if self.filtered and self._rows:
            total = len(self._rows)
            rows = "the only row" if total == 1 else f"any of {total} rows"
            self.grid.empty = (
                f"/{cut(clean(self.filtered), MOST_TOLD)} does not match {rows}.",
                *self.unsearched,
                f"{key('go.out')} clears the filter.",
            )
        else:
            self.grid.empty = tuple(tell(sentence) for sentence in self._kind.empty)

    def move(self, action: str) -> bool:
        """Move the cursor."""
        return self.grid.move(action)

    def open(self) -> Page | None:
        """Return the page of the row under the cursor."""
        row = self.grid.selected
        return None if row is None else self._kind.opens(row)

    def head(self, width: int, context: Context) -> list[Line]:
        """Return lines that stand above the rows."""
        return []

    def body(self, width: int, height: int, context: Context) -> list[Line]:
        """Return the rows below what stands above them."""
        head = [exactly(cells, width) for cells in self.head(width, context)]
        rows = self.grid.draw(width, max(1, height - len(head)), context)
        detail = self._detail(width - 1, height - len(head) - len(rows) - 1, context)
        return [*head, *rows, *detail]

    def _detail(self, width: int, height: int, context: Context) -> list[Line]:
        row = self.grid.selected
        if row is None or self._kind.detail is None or height < LEAST_DETAIL:
            return []
        return [(), *self._kind.detail(row, width, context.now)][:height]
