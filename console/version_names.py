"""A version by what a person calls it, the same everywhere: 7, @7, v7, an alias, and MODEL@ any of these."""

from __future__ import annotations

import argparse
import dataclasses
import re
import typing
from collections.abc import Sequence
from typing import Any, Protocol

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
    asked = [field.name for field in dataclasses.fields(request) if field.metadata.get("flag", "") is None]
    if asked[:2] == ["first", "second"]:
        return _of_one_model(list(words))
    if asked[:1] != ["model"] or len(asked) < 2 or asked[1] not in NAMES:
        return list(words)
    found = list(words)
    for place in _places(words, valued)[:1]:
        name, at, version = words[place].partition("@")
        if name and at and version:
            found[place : place + 1] = [name, version]
    return found


def positional(words: Sequence[str], valued: Sequence[str]) -> list[str]:
    """Return the words that are neither options nor values of them."""
    return [words[place] for place in _places(words, valued)]


def _places(words: Sequence[str], valued: Sequence[str]) -> list[int]:
    return [
        place
        for place, word in enumerate(words)
        if not word.startswith("-") and not (place and words[place - 1] in valued)
    ]


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


def named_version(client: Asks, model: str, named: str) -> int:
    """Return the number of a model's version, given as `7`, `@7`, `v7`, the name of an alias, or `model@` one of these.

    Raises:
        UnknownName: it is no number, and the model has no such alias; or it is a version of another model; or there is
            no such model.
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
    from engine.operations.models import ModelsRequest  # needed only where a name is wrong

    models = [row.name for row in client.call("models.list", ModelsRequest())]
    if model not in models:
        hint = f"the model comes first: {word} {model}" if word in models else "modeldeck models lists them"
        raise UnknownName(f"no model named {model[:64]!r}", hint)
    told = ", ".join(sorted(known)) or "none"
    raise UnknownName(f"{model} has no version {word[:64]!r}", f"say its number, or one of its aliases: {told}")
