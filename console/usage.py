"""What is said about a line before its verb is known; loads nothing else, for the console opens on it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from store.errors import Refused

READ_ONLY = "MODELDECK_READ_ONLY"
OVERVIEW = os.path.join(os.path.dirname(__file__), "overview.txt")  # made of every verb by `python -m console.docs`
_WHOLE = ("--help", "-h", "help")
_OFF = ("", "0", "no", "off", "false")
_PLACES = {"-w": "folder", "--workspace": "folder", "--deck": "deck"}


class Opening(NamedTuple):
    """What a line without a verb says about the console it opens."""

    folder: str | None = None
    deck: str | None = None
    read_only: bool = False


class UsageError(Refused):
    """The line typed is not one of the grammar."""

    code = "usage"


class HelpShown(Exception):
    """Help was asked for; `text` is it."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def asks_for_all(arguments: list[str]) -> bool:
    """Say whether a line asks for the help of the whole command line, wherever it stands, and for nothing else."""
    return bool(arguments) and arguments[-1] in _WHOLE and only_opening(arguments[:-1]) is not None


def whole_help() -> str:
    """Return the help of the whole command line, without loading a verb."""
    with open(OVERVIEW, encoding="utf-8") as file:
        return file.read()


def only_opening(arguments: Sequence[str]) -> Opening | None:
    """Return what a line says that only opens the console; None where the parser has to read it."""
    places: dict[str, str] = {}
    read_only = False
    words = iter(arguments)
    for word in words:
        if word == "--read-only":
            read_only = True
            continue
        name, equals, value = word.partition("=")
        if name not in _PLACES or (equals and name == "-w"):
            return None
        given = value if equals else next(words, "-")
        if given.startswith("-"):
            return None
        places[_PLACES[name]] = given
    return Opening(places.get("folder"), places.get("deck"), read_only)


def read_only_of(environment: Mapping[str, str]) -> bool | None:
    """Return what MODELDECK_READ_ONLY says; None where it is not set. Anything but a plain no is a yes."""
    said = environment.get(READ_ONLY)
    return None if said is None else said.strip().lower() not in _OFF
