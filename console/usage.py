"""What is said about a line before its verb is known; loads nothing else, for the console opens on it."""

from __future__ import annotations

from collections.abc import Sequence

from store.errors import Refused

_PLACES = {"-w": 0, "--workspace": 0, "--deck": 1}


class UsageError(Refused):
    """The line typed is not one of the grammar."""

    code = "usage"


class HelpShown(Exception):
    """Help was asked for; `text` is it."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def only_place(arguments: Sequence[str]) -> tuple[str | None, str | None] | None:
    """Return what -w and --deck give in a line that says nothing else; None where the parser has to read it."""
    found: list[str | None] = [None, None]
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=")
        if name not in _PLACES or (equals and name == "-w"):
            return None
        given = value if equals else next(words, "-")
        if given.startswith("-"):
            return None
        found[_PLACES[name]] = given
    return found[0], found[1]
