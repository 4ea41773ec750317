"""Boxes over the screen: a plan to confirm, a menu, a message. They draw lines and answer keys; they know no terminal.

A dialog opens with Cancel in focus, is confirmed by `y`, never by the key that opened it, and ignores keys until it has
stood for a moment without any: typeahead and bursts change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from console.render.cells import Line, exactly, line, line_width, overlay, restyle, width_of, wrap
from console.render.columns import Column, Context
from console.widgets.document import Document, Maker
from console.widgets.grid import Grid

GUARD_S = 0.3
TOO_SOON = "too soon"  # what became of a key that the guard held back
MARGIN = 1
WIDEST = 100
FOOT = 2  # lines below a menu that tell its row in full

_MOVES = {
    "j": "move.down",
    "down": "move.down",
    "k": "move.up",
    "up": "move.up",
    "g": "move.top",
    "home": "move.top",
    "G": "move.bottom",
    "end": "move.bottom",
    "ctrl+f": "move.page_down",
    "pagedown": "move.page_down",
    "space": "move.page_down",
    "ctrl+b": "move.page_up",
    "pageup": "move.page_up",
    "ctrl+d": "move.half_down",
    "ctrl+u": "move.half_up",
}


class Box:
    """What every box shares: a frame, and the guard against keys that were not meant for it."""

    hints: tuple[tuple[str, str], ...] = (("esc", "close"),)
    more = " more: j ▼ "

    def __init__(self, title: str, clock: Callable[[], float]) -> None:
        self.title = title
        self._clock = clock
        self._quiet_since = clock()

    def press(self, key: str) -> str:
        """Take one key; return `cancel`, `confirm`, another outcome of the box, TOO_SOON, or nothing."""
        now = self._clock()
        if now - self._quiet_since < GUARD_S:
            self._quiet_since = now
            return TOO_SOON
        return self.pressed(key)

    def take(self, value: Any) -> None:
        """Take what was read for this box after it opened; most need nothing."""

    def paste(self, text: str) -> bool:
        """Take pasted text; say whether one can type here."""
        return False

    def guard_again(self) -> None:
        """Ignore keys for a moment again, as after opening."""
        self._quiet_since = self._clock()

    def pressed(self, key: str) -> str:
        """Take a key that was meant."""
        return "cancel" if key in ("escape", "q", "enter") else ""

    def content(self, width: int, height: int, context: Context) -> tuple[list[Line], bool, bool]:
        """Return the lines inside, and whether there is more above and below."""
        raise AssertionError("every box has content")

    def over(self, below: list[Line], width: int, context: Context) -> list[Line]:
        """Return the screen with the box on it."""
        size = min(width - 2 * MARGIN, WIDEST) if width >= 60 else width
        inside = size - 4
        lines, above, more = self.content(inside, len(below) - 2, context)
        left = (width - size) // 2
        box = [_edge("╭", "╮", size, self.title, " ▲ " if above else "")]
        box += [restyle((("│ ", "rule"), *exactly(cells, inside), (" │", "rule")), "box") for cells in lines]
        box.append(_edge("╰", "╯", size, "", self.more if more else ""))
        top = max(0, (len(below) - len(box)) // 2)
        return overlay([restyle(plain_ground(cells), "") for cells in below], box, left, top, width)


def plain_ground(cells: Line) -> Line:
    """Return a line of the screen below a box, dimmed so that the box stands out."""
    return tuple((text, "faint") for text, _ in cells)


def _edge(start: str, end: str, size: int, title: str, mark: str) -> Line:
    cells = line((f"{start}─", "rule"), (f" {title} " if title else "", "strong"))
    room = size - line_width(cells) - width_of(mark) - 2
    if room < 0:
        cells, room = exactly(cells, size - 2 - width_of(mark)), 0
    return restyle((*cells, ("─" * room, "rule"), (mark, "dim"), (f"─{end}", "rule")), "box")


class Message(Box):
    """Something to read and close."""

    def __init__(self, title: str, make: Maker, clock: Callable[[], float]) -> None:
        super().__init__(title, clock)
        self._document = Document()
        self._document.set_content(make)
        self._make = make

    def content(self, width: int, height: int, context: Context) -> tuple[list[Line], bool, bool]:
        """Return the text."""
        wanted = min(height, len(self._make(width)))
        lines = self._document.draw(width, wanted)
        return lines, self._document.top > 0, self._document.top + wanted < self._document.length

    def pressed(self, key: str) -> str:
        """Scroll or close."""
        if key in _MOVES and self._document.move(_MOVES[key]):
            return ""
        return super().pressed(key)


class Confirm(Box):
    """A change to confirm: what it will do, Cancel in focus, `y` to go."""

    def __init__(
        self, title: str, verb: str, make: Maker, clock: Callable[[], float], *, is_dangerous: bool = True
    ) -> None:
        super().__init__(title, clock)
        self.verb = verb
        self.reason = ""
        self.needs_reason = False
        self.asks = "reason"  # what e gives: a reason, or a text
        self.blocked = ""
        self.undo = ""
        self._dangerous = is_dangerous
        self._focus = 0
        self._document = Document()
        self.show(make)

    @property
    def hints(self) -> tuple[tuple[str, str], ...]:  # type: ignore[override]
        """What the footer says."""
        go = () if self.blocked else (("y", self.verb.lower()),)
        return (*go, ("esc", "cancel"), ("e", f"give a {self.asks}"), ("C", "copy as command"), ("j k", "scroll"))

    def show(self, make: Maker) -> None:
        """Replace the text, return the focus to Cancel."""
        self._make = make
        self._document.set_content(make)
        self._focus = 0

    def content(self, width: int, height: int, context: Context) -> tuple[list[Line], bool, bool]:
        """Return the text and the buttons below it."""
        foot = self._foot()
        room = max(1, height - len(foot))
        wanted = min(room, len(self._make(width)))
        lines = self._document.draw(width, wanted)
        more = self._document.top + wanted < self._document.length
        return [*lines, *foot], self._document.top > 0, more

    def _foot(self) -> list[Line]:
        go = "chosen" if self._focus == 1 else ""
        if self._focus == 1 and self._dangerous:
            go = "danger"
        buttons = line(
            (" Cancel ", "chosen" if self._focus == 0 else ""),
            "   ",
            ("cannot go" if self.blocked else f" y  {self.verb} ", "dim" if self.blocked else go),
            *(((f"   {self.asks}: ", "dim"), (self.reason, "")) if self.reason else ()),
            *(((f"   e gives the {self.asks} it needs", "warn"),) if self.needs_reason and not self.reason else ()),
        )
        undo = [line(("undo  ", "dim"), (self.undo, "accent"))] if self.undo else []
        return [(), *undo, buttons]

    def pressed(self, key: str) -> str:
        """Confirm, cancel, move the focus or the text, ask for a reason, copy the command."""
        if key in _MOVES and self._document.move(_MOVES[key]):
            return ""
        if key in ("left", "right", "tab", "shift+tab", "h", "l"):
            self._focus = 0 if self.blocked else 1 - self._focus
            return ""
        if key in ("escape", "q", "n"):
            return "cancel"
        if key in ("y", "enter"):
            if key == "enter" and self._focus == 0:
                return "cancel"
            return "" if self.blocked else "confirm"
        return {"e": "reason", "C": "copy"}.get(key, "")


class Menu(Box):
    """Rows to choose one from, by cursor or by its own letter."""

    hints = (("enter", "do it"), ("esc", "close"), ("j k", "move"))

    def __init__(
        self,
        title: str,
        columns: Sequence[Column],
        rows: Sequence[Any],
        key: Callable[[Any], str],
        clock: Callable[[], float],
        letters: dict[str, str] | None = None,
        whole: Callable[[Any], str] | None = None,
    ) -> None:
        super().__init__(title, clock)
        self._whole = whole  # of a row, in words: told below the rows, where one is cut
        self._grid = Grid(columns, key)
        self._grid.set_rows(rows)
        self._letters = letters or {}

    @property
    def selected(self) -> Any | None:
        """The row under the cursor."""
        return self._grid.selected

    def content(self, width: int, height: int, context: Context) -> tuple[list[Line], bool, bool]:
        """Return the rows, and below them the one under the cursor in full."""
        foot = self._foot(width)
        wanted = min(height - len(foot), self._grid.height_wanted())
        lines = [*self._grid.draw(width, wanted, context), *foot]
        return lines, self._grid.top > 0, self._grid.top + wanted - 1 < len(self._grid.rows)

    def _foot(self, width: int) -> list[Line]:
        if self._whole is None or self.selected is None:
            return []
        parts = wrap(self._whole(self.selected), max(10, width - 4))[:FOOT]
        told = [line(("  ", ""), (part, "dim")) for part in parts]
        return [(), *told, *([()] * (FOOT - len(told)))]

    def pressed(self, key: str) -> str:
        """Move, choose or close."""
        if key in self._letters:
            self._grid.put_cursor(self._letters[key])
            return "confirm"
        if key in _MOVES:
            self._grid.move(_MOVES[key])
            return ""
        if key == "enter":
            return "confirm"
        return "cancel" if key in ("escape", "q", "?") else ""
