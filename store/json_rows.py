"""Rows as JSON: times as RFC 3339, dataclasses as objects. Standard library only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

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
        return {str(key): _field(_is_time(str(key)), item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    return {} if fields is not None else value


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
