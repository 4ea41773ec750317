"""A version by what a person calls it, the same everywhere: 7, @7, v7, an alias, and MODEL@ any of these."""

from __future__ import annotations

import argparse
import dataclasses
import re
import typing
from collections.abc import Sequence
from typing import Any, Protocol

from console.usage import UsageError
from engine.operations.common import NoRequest
from store.errors import UnknownName


class Asks(Protocol):
    """What a lookup needs of a client."""

    def call(self, operation_id: str, request: Any = None) -> Any:
        """Ask, and return the typed answer."""


NAMES = ("version", "against", "number")  # fields of a request that hold the number of a version of its model
TOLD = "its number, or an alias such as champion; MODEL@VERSION is read too"
_WORD = re.compile(r"@?[A-Za-z0-9_][A-Za-z0-9_.-]*")
_NUMBERED = re.compile(r"v([1-9][0-9]*)")


def holds_version(request: type, name: str) -> bool:
    """Say whether a request's field is the number of a version of its model."""
    if name not in NAMES:
        return False
    hints = typing.get_type_hints(request)
    return "model" in hints and hints[name] in (int, int | None)


def version_word(text: str) -> int | str:
    """Read one word: the number where it is one, else the word, which `numbered` looks up at the deck.

    Raises:
        argparse.ArgumentTypeError: it can be neither a number nor an alias.
    """
    word = text.rpartition("@")[2]
    if word.isascii() and word.isdecimal() and "@" not in text[1:]:
        return int(word)
    if not _WORD.fullmatch("@" + word):
        raise argparse.ArgumentTypeError(f"{text[:64]!r} names no version; say its number, or an alias")
    return text


def apart(words: Sequence[str], request: type, valued: Sequence[str]) -> list[str]:
    """Make `MODEL VERSION` of a `MODEL@VERSION` that stands first, where the request asks for the two in turn.

    Of two versions to compare, the second may leave out the model, or the model stands once before both. `valued` names
    the options that take a value.
    """
    positional = [field.name for field in dataclasses.fields(request) if field.metadata.get("flag", "") is None]
    if positional[:2] == ["first", "second"]:
        return _of_one_model(list(words))
    if positional[:1] != ["model"] or len(positional) < 2 or not holds_version(request, positional[1]):
        return list(words)
    found = list(words)
    for place, word in enumerate(words):
        if word.startswith("-") or (place and words[place - 1] in valued):
            continue
        name, at, version = word.partition("@")
        if name and at and version:
            found[place : place + 1] = [name, version]
        break
    return found


def _of_one_model(words: list[str]) -> list[str]:
    plain = [place for place, word in enumerate(words) if not word.startswith("-")]
    if len(plain) == 3 and "@" not in words[plain[0]]:
        model = words.pop(plain[0])
        return [word if word.startswith("-") or "@" in word else f"{model}@{word}" for word in words]
    if len(plain) == 2 and "@" in words[plain[0]] and "@" not in words[plain[1]]:
        words[plain[1]] = f"{words[plain[0]].partition('@')[0]}@{words[plain[1]]}"
    return words


def with_numbers(client: Asks, request: Any) -> Any:
    """Return the request with the numbers of the versions that it names by other words.

    Raises:
        UnknownName: the model has no such version.
    """
    named = {name: value for name in NAMES if isinstance(value := getattr(request, name, None), str)}
    found = {
        name: named_version(client, request.model, word)
        for name, word in named.items()
        if holds_version(type(request), name)
    }
    return dataclasses.replace(request, **found) if found else request


def asked_version(model: str, version: str, file: str | None) -> tuple[str, str, str]:
    """Return model, version and file of `MODEL VERSION FILE` or `MODEL@VERSION FILE`.

    Raises:
        UsageError: it is neither.
    """
    if file is not None:
        return model, version, file
    name, at, named = model.partition("@")
    if not at or not named:
        raise UsageError("the following arguments are required: FILE", "write MODEL VERSION FILE")
    return name, named, version


def named_version(client: Asks, model: str, named: str) -> int:
    """Return the number of a model's version, given as `7`, `@7`, `v7`, the name of an alias, or `model@` one of these.

    Raises:
        UnknownName: it is no number, and the model has no such alias; or it is a version of another model.
    """
    of, at, word = named.rpartition("@")
    if at and of not in ("", model):
        raise UnknownName(f"{named[:64]!r} is a version of {of[:64]}, not of {model}", "say the versions of one model")
    if word.isascii() and word.isdecimal():
        return int(word)
    known = {alias.name: alias.version for alias in client.call("aliases.list", NoRequest()) if alias.model == model}
    if word in known:
        return int(known[word])
    numbered = _NUMBERED.fullmatch(word)
    if numbered is not None:
        return int(numbered[1])
    told = ", ".join(sorted(known)) or "none"
    raise UnknownName(f"{model} has no version {word[:64]!r}", f"say its number, or one of its aliases: {told}")
