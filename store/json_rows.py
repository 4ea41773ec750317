"""Rows as JSON: times as RFC 3339, dataclasses as objects. Standard library only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rfc3339(at_us: int) -> str:
    """Write microseconds UTC as RFC 3339 with `Z`; fractions only where there are any."""
    return (EPOCH + timedelta(microseconds=at_us)).isoformat().replace("+00:00", "Z")


def microseconds(text: str) -> int:
    """Read RFC 3339 with an offset as microseconds UTC."""
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


def to_json(value: Any) -> Any:
    """Turn a row, or any nesting of rows, dicts and sequences, into JSON-ready values."""
    names = getattr(type(value), "__dataclass_fields__", None)  # `dataclasses` itself is slow to import
    if names is not None:
        return {name: _field(name, getattr(value, name)) for name in names}
    if isinstance(value, dict):
        return {str(key): _field(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    return value


def _field(name: str, value: Any) -> Any:
    if (name == "at" or name.endswith("_at")) and isinstance(value, int) and not isinstance(value, bool):
        return rfc3339(value)
    return to_json(value)
