"""`modeldeck settings [WORD]`: every key of deck.toml and of model files, what it takes and what it is for."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

from console.commands.session import Session
from console.output import Column
from store.errors import UnknownName

if TYPE_CHECKING:  # pydantic behind it takes a tenth of a second
    from engine.settings.reference import Key

_COLUMNS = (
    Column("KEY", lambda row, out: row.key),
    Column("DEFAULT", lambda row, out: row.default),
    Column("WHAT", lambda row, out: row.what, shrink=True),
)
_INDENT = "    "


def run(session: Session) -> int:
    """Print the keys of a table, or those that a word is part of; one alone as a sheet of its own.

    Raises:
        UnknownName: no key has it.
    """
    from engine.settings.reference import keys

    word = session.said.request.word.strip("[]")
    known = keys()
    found = (
        [one for one in known if one.key == word or one.key.startswith((f"{word}.", f"{word}["))]
        if word
        else list(known)
    )
    found = found or [one for one in known if word in one.key]
    if not found:
        tables = ", ".join(dict.fromkeys(one.key for one in known if "." not in one.key and one.kind == "table"))
        raise UnknownName(f"no setting has {word!r} in its name", f"the tables are {tables}")
    out = session.output
    if out.as_json:
        out.data(found)
        return 0
    for file in dict.fromkeys(one.file for one in found):
        of_file = [one for one in found if one.file == file]
        out.note(f"{file}:")
        if word:
            for one in of_file:
                out.line(_told(one))
                for line in wrap(f"{one.kind}; {one.what}", out.width() - len(_INDENT)):
                    out.line(f"{_INDENT}{line}")
        else:
            out.table(_COLUMNS, of_file)
    return 0


def _told(key: Key) -> str:
    """Return the key as a file would say it."""
    if key.kind == "table":
        return f"[{key.key}]"
    if key.default in ("", "required"):
        return f"{key.key}{', required' * bool(key.default)}"
    return f"{key.key} = {key.default}"
