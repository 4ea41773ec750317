"""A version by what a person calls it: its number, or an alias."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.usage import UsageError
from engine.operations.common import NoRequest
from store.errors import UnknownName

if TYPE_CHECKING:
    from engine.client import Client


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


def named_version(client: Client, model: str, named: str) -> int:
    """Return the number of a model's version, given as `7`, `@7` or the name of an alias.

    Raises:
        UnknownName: it is no number, and the model has no such alias.
    """
    word = named.removeprefix("@")
    if word.isascii() and word.isdecimal():
        return int(word)
    known = {alias.name: alias.version for alias in client.call("aliases.list", NoRequest()) if alias.model == model}
    if word not in known:
        told = ", ".join(sorted(known)) or "none"
        raise UnknownName(f"{model} has no version {word[:64]!r}", f"say its number, or one of its aliases: {told}")
    return int(known[word])
