"""One line to type into: the filter, the command line, a reason. Draws a line, knows no terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from console.render.cells import Line, clean, line, width_of

Completer = Callable[[str], Sequence[str]]


class Prompt:
    """Text with a still cursor. `sign` stands before it; `complete` offers whole replacements for the text.

    `history` is what was typed before, the newest last.
    """

    def __init__(
        self, sign: str, text: str = "", complete: Completer | None = None, history: Sequence[str] = ()
    ) -> None:
        self.sign = sign
        self.text = text
        self.error = ""
        self._at = len(text)
        self._complete = complete
        self._offered: tuple[str, ...] = ()
        self._turn = -1
        self._history = tuple(history)
        self._back = 0  # how many steps back in it; 0 is what is being typed
        self._typed = text

    def press(self, key: str, character: str | None) -> bool:
        """Take one key; say whether the text changed."""
        before = self.text
        if key == "tab":
            self._next_offer()
        elif key in ("up", "ctrl+p", "down", "ctrl+n"):
            self._recall(1 if key in ("up", "ctrl+p") else -1)
        elif key in ("backspace", "ctrl+h"):
            self._edit(self.text[: max(0, self._at - 1)], self.text[self._at :])
        elif key == "delete":
            self._edit(self.text[: self._at], self.text[self._at + 1 :])
        elif key == "ctrl+u":
            self._edit("", self.text[self._at :])
        elif key == "ctrl+w":
            head = self.text[: self._at].rstrip()
            self._edit(head[: head.rfind(" ") + 1], self.text[self._at :])
        elif key in ("left", "right", "home", "end", "ctrl+a", "ctrl+e"):
            places = {"left": self._at - 1, "right": self._at + 1, "home": 0, "ctrl+a": 0}
            self._at = max(0, min(places.get(key, len(self.text)), len(self.text)))
        elif character and character.isprintable():
            self.insert(character)
        return self.text != before

    def insert(self, text: str) -> None:
        """Put typed or pasted text at the cursor, first line only."""
        text = clean(text.split("\n", 1)[0])
        self._edit(self.text[: self._at] + text, self.text[self._at :])

    def _edit(self, head: str, tail: str) -> None:
        self.text = head + tail
        self._at = len(head)
        self._turn = -1
        self._back = 0
        self.error = ""

    def _recall(self, step: int) -> None:
        """Go through what was typed before: those that begin as what stands there, the newest first."""
        if self._back == 0:
            self._typed = self.text
        known = [text for text in reversed(self._history) if text.startswith(self._typed) and text != self._typed]
        self._back = max(0, min(len(known), self._back + step))
        back = self._back
        text = known[back - 1] if back else self._typed
        self._edit(text, "")
        self._back = back

    def offers(self) -> tuple[str, ...]:
        """Return what the text may be completed to."""
        if self._complete is None:
            return ()
        return self._offered if self._turn >= 0 else tuple(self._complete(self.text))

    def _next_offer(self) -> None:
        if self._turn < 0:
            self._offered = tuple(self._complete(self.text)) if self._complete else ()
        if self._offered:
            self._turn = (self._turn + 1) % len(self._offered)
            self.text = self._offered[self._turn]
            self._at = len(self.text)

    def draw(self, width: int) -> Line:
        """Return the line: sign, text, cursor, and offers or what is wrong."""
        room = max(4, width - width_of(self.sign) - 2)
        start = max(0, self._at - room)
        shown = self.text[start:]
        at = self._at - start
        cells = [
            (self.sign, "key"),
            (shown[:at], "strong"),
            (shown[at : at + 1] or " ", "chosen"),
            (shown[at + 1 :], "strong"),
        ]
        if self.error:
            cells.append((f"  {self.error}", "bad"))
        else:
            offers = [offer for offer in self.offers() if offer != self.text or self._turn >= 0]
            cells.append(("   ", ""))
            for position, offer in enumerate(offers):
                cells.append((offer.rsplit(" ", 1)[-1], "accent" if position == self._turn else "dim"))
                cells.append(("  ", ""))
        return line(*cells)
