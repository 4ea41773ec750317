"""Rows as JSON: times as RFC 3339, dataclasses as objects. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from store.many_rows import Rows, column

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UTC_EPOCH = datetime(1970, 1, 1)  # in UTC without saying so: half the time for every row of a list


def rfc3339(at_us: int) -> str:
    """Write microseconds UTC as RFC 3339 with `Z`; fractions only where there are any."""
    return (_UTC_EPOCH + timedelta(0, 0, at_us)).isoformat() + "Z"


def microseconds(text: str) -> int:
    """Read RFC 3339 with an offset as microseconds UTC."""
    if text[-1:] == "Z" and len(text) > len("2026-01-31Z"):
        since = datetime.fromisoformat(text[:-1]) - _UTC_EPOCH
    else:
        since = datetime.fromisoformat(text) - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


MANY = 20  # rows from which columns are quicker
_PLAIN = frozenset((str, int, float, bool, type(None)))
_FIELDS: dict[type, tuple[tuple[str, bool], ...]] = {}  # of each kind of row: its fields, and which are times


def to_json(value: Any) -> Any:
    """Turn a row, or any nesting of rows, dicts and sequences, into JSON-ready values."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    fields = _FIELDS.get(kind) or _fields(kind)
    if fields:
        return {name: _field(is_time, getattr(value, name)) for name, is_time in fields}
    if isinstance(value, dict):
        if not value:
            return {}
        return {str(key): _field(_is_time(str(key)), item) for key, item in value.items()}
    if isinstance(value, list | tuple | Rows):
        return _rows(value) or [to_json(item) for item in value]
    return {} if fields is not None else value


def columns(rows: Sequence[Any], *, times_as_text: bool = False) -> dict[str, Sequence[Any]] | None:
    """Turn rows of one kind into the JSON values of each field; None where they are few, or something else.

    Times stay microseconds unless they are to be texts.
    """
    if len(rows) < MANY or len(kinds := {rows.kind} if isinstance(rows, Rows) else set(map(type, rows))) > 1:
        return None
    fields = _fields(kinds.pop()) or ()
    return {name: _column(is_time and times_as_text, column(rows, name)) for name, is_time in fields} or None


def _rows(rows: Sequence[Any]) -> list[dict[str, Any]] | None:
    found = columns(rows, times_as_text=True)
    return [dict(zip(found, row, strict=True)) for row in zip(*found.values(), strict=True)] if found else None


def _column(as_text: bool, values: Sequence[Any]) -> Sequence[Any]:
    """Turn the values of one field into JSON; those that are plain already are taken by one look at all of them."""
    if not as_text and _PLAIN.issuperset(map(type, values)):
        return values
    if not any(values) and set(map(type, values)) == {dict}:
        return values  # empty objects, such as the tags of models that have none, are their own JSON
    return [_field(as_text, value) for value in values]


def _fields(kind: type) -> tuple[tuple[str, bool], ...] | None:
    """Return the fields of a dataclass, None of anything else."""
    names = getattr(kind, "__dataclass_fields__", None)  # `dataclasses` itself is slow to import
    if names is None:
        return None
    found = tuple((name, _is_time(name)) for name in names)
    _FIELDS[kind] = found
    return found


def _is_time(name: str) -> bool:
    return name == "at" or name.endswith("_at")


def _field(is_time: bool, value: Any) -> Any:
    if type(value) in _PLAIN:
        return rfc3339(value) if is_time and type(value) is int else value
    return to_json(value)
