"""Finding things by name or by the beginning of their id."""

from __future__ import annotations

from collections.abc import Iterable

from store.database import Reader
from store.errors import Refused, UnknownName

_BEYOND_HEX = "g"


def find_id(reader: Reader, table: str, noun: str, prefix: str) -> str:
    """Return the one id in `table` that begins with `prefix`.

    Raises:
        UnknownName: nothing begins so.
        Refused: several do.
    """
    wanted = prefix.strip().lower()
    found = reader.rows(
        f"SELECT id FROM {table} WHERE id >= :low AND id < :high ORDER BY id LIMIT 2",
        {"low": wanted, "high": wanted + _BEYOND_HEX},
    )
    if not wanted or not found:
        raise UnknownName(f"no {noun} {prefix!r}", f"modeldeck {noun}s lists them" if noun != "window" else "")
    if len(found) > 1 and found[0]["id"] != wanted:
        raise Refused(f"several {noun}s begin with {prefix!r}", "give more digits of the id")
    return str(found[0]["id"])


def unknown(noun: str, name: str, known: Iterable[str]) -> UnknownName:
    """Make the error for a name the deck does not know, naming the closest one it does."""
    import difflib

    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return UnknownName(f"no {noun} {name!r}", f"did you mean {close[0]}?")
    return UnknownName(
        f"no {noun} {name!r}", f"there are: {', '.join(names[:8])}" if names else f"there are no {noun}s yet"
    )
