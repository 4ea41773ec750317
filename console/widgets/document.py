"""A text to read: lines made for a width, scrolled and searched. Draws lines, knows no terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from console.render.cells import Line, exactly, plain, restyle

Maker = Callable[[int], Sequence[Line]]


class Document:
    """Scrolls lines that `make(width)` gives; searching marks matches and moves among them."""

    def __init__(self) -> None:
        self._make: Maker = lambda width: ()
        self._lines: tuple[Line, ...] = ()
        self._width = 0
        self._height = 1
        self._top = 0
        self._wanted: str = ""

    @property
    def top(self) -> int:
        """The first line shown."""
        return self._top

    @property
    def length(self) -> int:
        """How many lines there are at the width last drawn."""
        return len(self._lines)

    def set_content(self, make: Maker) -> None:
        """Replace the text; the place in it stays."""
        self._make = make
        self._width = 0

    def search(self, text: str) -> int:
        """Mark the lines that hold `text` (any case); return how many there are."""
        self._wanted = text.casefold()
        hits = self._hits()
        if hits and text:
            self._top = self._limit(next((hit for hit in hits if hit >= self._top), hits[0]))
        return len(hits)

    def _hits(self) -> list[int]:
        if not self._wanted:
            return []
        return [number for number, cells in enumerate(self._lines) if self._wanted in plain(cells).casefold()]

    def move(self, action: str) -> bool:
        """Carry out one of the `move.*` actions or a jump to a match; say whether it was one."""
        page = max(1, self._height - 1)
        to = {
            "move.down": self._top + 1,
            "move.up": self._top - 1,
            "move.top": 0,
            "move.bottom": len(self._lines),
            "move.page_down": self._top + page,
            "move.page_up": self._top - page,
            "move.half_down": self._top + page // 2,
            "move.half_up": self._top - page // 2,
        }.get(action)
        if action == "look.next_match":
            to = next((hit for hit in self._hits() if hit > self._top), self._top)
        elif action == "look.previous_match":
            to = next((hit for hit in reversed(self._hits()) if hit < self._top), self._top)
        if to is None:
            return False
        self._top = self._limit(to)
        return True

    def _limit(self, to: int) -> int:
        return max(0, min(to, len(self._lines) - self._height))

    def draw(self, width: int, height: int) -> list[Line]:
        """Return the visible lines, at most `height`, each of exactly `width` cells."""
        if width != self._width:
            self._lines = tuple(self._make(width))
            self._width = width
        self._height = height
        self._top = self._limit(self._top)
        shown = self._lines[self._top : self._top + height]
        return [self._marked(exactly(cells, width)) for cells in shown]

    def _marked(self, cells: Line) -> Line:
        if self._wanted and self._wanted in plain(cells).casefold():
            return restyle(cells, "match")
        return cells
