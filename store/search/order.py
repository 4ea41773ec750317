"""The order of a list, and the cursor that says where its next page begins. Pure."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, NamedTuple

from store.errors import Refused

_BEYOND_STORED = 1 << 63  # numbers that the registry cannot hold, nor be asked about


class Order(NamedTuple):
    """A column and whether the largest comes first."""

    column: str
    descending: bool

    def __str__(self) -> str:
        return f"{'-' if self.descending else ''}{self.column}"


class Position(NamedTuple):
    """Where a page ended: the part of the list (rows that have the column, then those without), and its last key."""

    part: int
    key: tuple[Any, ...]


def parse_order(text: str, default: Order, allowed: tuple[str, ...], noun: str) -> Order:
    """Read `metrics.mae` (smallest first) or `-metrics.mae` (largest first); nothing is the default.

    `allowed` are columns, and heads of columns that end in a dot.

    Raises:
        Refused: the list has no such order.
    """
    wanted = text.strip()
    if not wanted:
        return default
    order = Order(wanted.lstrip("-"), wanted.startswith("-"))
    named = order.column
    known = any(named.startswith(one) and named != one if one.endswith(".") else named == one for one in allowed)
    if not known or wanted.startswith("--"):
        names = ", ".join(f"{name}NAME" if name.endswith(".") else name for name in allowed)
        raise Refused(f"{noun} cannot be ordered by {wanted!r}", f"by {names}; -X puts the largest first")
    return order


def cursor(order: Order, position: Position) -> str:
    """Write where the next page begins."""
    said = json.dumps([str(order), position.part, *position.key], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(said.encode()).decode().rstrip("=")


def parse_cursor(text: str, order: Order, parts: tuple[tuple[type, ...], ...]) -> Position | None:
    """Read where a page begins; nothing is the beginning. `parts` are the types of the key in each part of the list.

    Raises:
        Refused: it is no cursor, or one of a list in another order.
    """
    if not text:
        return None
    hint = "take it from the line under the page before, or leave --after out"
    try:
        padded = text + "=" * (-len(text) % 4)
        said = json.loads(base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True))
        made_for, part, *key = said
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise Refused(f"--after {text[:40]!r} is no cursor", hint) from None
    if made_for != str(order):
        raise Refused(f"--after belongs to a list ordered by {str(made_for)[:60]!r}, not by {str(order)!r}", hint)
    if type(part) is not int or not 0 <= part < len(parts) or not _fits(key, parts[part]):
        raise Refused(f"--after {text[:40]!r} is no cursor", hint)
    return Position(part, tuple(key))


def _fits(key: list[Any], types: tuple[type, ...]) -> bool:
    return len(key) == len(types) and all(
        isinstance(value, kind)
        and not isinstance(value, bool)
        and not (isinstance(value, int) and abs(value) >= _BEYOND_STORED)
        for value, kind in zip(key, types, strict=True)
    )
