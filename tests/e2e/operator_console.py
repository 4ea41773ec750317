"""The console as an operator at 80x24 has it: keys that are counted, a screen that is read, nothing else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tiny_deck import COMMAND, Tiny
from wire import Link

NAMED = {"enter": "\r", "esc": "\x1b"}


class Operator:
    """One person at one console. `keys` counts presses, `words` the characters of what was typed for people to read."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.keys = 0
        self.words = 0

    def sees(self, *texts: str) -> str:
        """Wait until the screen shows every text; return the screen."""
        return self.link.until(lambda screen: all(text in " ".join(screen.split()) for text in texts))

    def presses(self, key: str, *texts: str) -> str:
        """Press one key, once the screen has come to rest: dialogs take no key before a person could have read them."""
        self.link.rest()
        self.keys += 1
        self.link.press(NAMED.get(key, key))
        return self.sees(*texts)

    def types(self, text: str, *, is_prose: bool = False) -> None:
        """Type a text and end it with enter: commands count as keys, what people will read does not."""
        self.link.rest()
        self.keys += 1 if is_prose else len(text) + 1
        self.words += len(text) if is_prose else 0
        self.link.press(text)
        self.link.rest()
        self.link.press("\r")


@contextmanager
def at_console(link: Link) -> Iterator[Operator]:
    """Sit down at a console; its first rows are there."""
    person = Operator(link)
    try:
        person.sees("Way back")
        yield person
    finally:
        link.close()


@contextmanager
def operator(tiny: Tiny, *words: str, **told: Any) -> Iterator[Operator]:
    """Open the console of a deck."""
    environment = {"HOME": str(tiny.home), "LANG": "C.UTF-8", **tiny.environment}
    with at_console(Link([str(COMMAND), *words], environment, cwd=tiny.root, **told)) as person:
        yield person


def tell(story: str, person: Operator, most: int) -> None:
    """Print what a story took, and hold it to its bound."""
    prose = f", and {person.words} characters for people to read" if person.words else ""
    sys.stdout.write(f"{story}: {person.keys} keys of at most {most}{prose}\n")
    assert person.keys <= most, person.keys
