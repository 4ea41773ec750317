"""Our own log: a ring of lines, following its end until a person scrolls up, with search. Knows no terminal."""

from __future__ import annotations

from collections import deque

from console.render.cells import Line, clean, exactly, line, restyle

KEPT = 20_000  # lines; older ones leave


class LogView:
    """Shows the newest lines of a text that grows at its end."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=KEPT)
        self._open = ""  # the last line while its newline has not come
        self._follow = True
        self._from_end = 0  # lines between the last one and the bottom of the pane
        self._height = 1
        self._wanted = ""

    @property
    def follows(self) -> bool:
        """Whether the pane stays at the end."""
        return self._follow

    @property
    def length(self) -> int:
        """How many lines are held."""
        return len(self._lines) + bool(self._open)

    def append(self, text: str) -> None:
        """Add text as it was printed; a carriage return starts its line anew, as progress bars do."""
        if not text:
            return
        before = self.length
        pieces = (self._open + text.replace("\r\n", "\n")).split("\n")
        self._open = pieces.pop().rsplit("\r", 1)[-1]
        self._lines.extend(piece.rsplit("\r", 1)[-1] for piece in pieces)
        if not self._follow:
            self._from_end += self.length - before

    def follow(self) -> None:
        """Turn following on, or off where it is on."""
        self._follow = not self._follow
        if self._follow:
            self._from_end = 0

    def search(self, text: str) -> int:
        """Mark the lines that hold `text` (any case) and go to the newest; return how many there are."""
        self._wanted = text.casefold()
        hits = self._hits()
        if hits and text:
            self._show(hits[-1])
        return len(hits)

    def _hits(self) -> list[int]:
        if not self._wanted:
            return []
        return [number for number, text in enumerate(self._all()) if self._wanted in text.casefold()]

    def _all(self) -> list[str]:
        return [*self._lines, self._open] if self._open else list(self._lines)

    def _show(self, number: int) -> None:
        self._follow = False
        self._from_end = self._limit(self.length - 1 - number - self._height // 2)

    def _limit(self, from_end: int) -> int:
        return max(0, min(from_end, self.length - self._height))

    def move(self, action: str) -> bool:
        """Carry out one of the `move.*` actions, follow, or a jump to a match; say whether it was one."""
        page = max(1, self._height - 1)
        by = {
            "move.down": -1,
            "move.up": 1,
            "move.page_down": -page,
            "move.page_up": page,
            "move.half_down": -(page // 2),
            "move.half_up": page // 2,
            "move.top": self.length,
            "move.bottom": -self.length,
        }.get(action)
        if by is not None:
            self._from_end = self._limit(self._from_end + by)
            self._follow = self._from_end == 0 if by < 0 else False
            return True
        if action == "look.follow":
            self.follow()
            return True
        middle = self.length - 1 - self._from_end - self._height // 2
        if action == "look.next_match":
            target = next((hit for hit in self._hits() if hit > middle), None)
        elif action == "look.previous_match":
            target = next((hit for hit in reversed(self._hits()) if hit < middle), None)
        else:
            return False
        if target is not None:
            self._show(target)
        return True

    def draw(self, width: int, height: int) -> list[Line]:
        """Return the visible lines, at most `height`, each of exactly `width` cells; long lines are cut."""
        self._height = height
        self._from_end = 0 if self._follow else self._limit(self._from_end)
        lines = self._all()
        end = len(lines) - self._from_end
        return [self._line(text, width) for text in lines[max(0, end - height) : end]]

    def _line(self, text: str, width: int) -> Line:
        cells = exactly(line(("" + clean(text), _level(text))), width)
        if self._wanted and self._wanted in text.casefold():
            return restyle(cells, "match")
        return cells


def _level(text: str) -> str:
    head = text[:60].upper()
    if "ERROR" in head or "TRACEBACK" in head or "FAILED" in head:
        return "bad"
    return "warn" if "WARN" in head else ""
