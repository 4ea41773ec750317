"""Rows that a person asks a model about: those of its source may be given as they are."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

_ROW = re.compile(r"^(row |the model's answer for row )(\d+)")


def counted_from_one(told: str) -> str:
    """Return what a server says of a row as people count the rows of a file; it counts from 0, as prediction ids do."""
    return _ROW.sub(lambda found: f"{found[1]}{int(found[2]) + 1}", told)


def inputs_of(
    rows: Sequence[Mapping[str, Any]], aside: Collection[str]
) -> tuple[tuple[Mapping[str, Any], ...], tuple[str, ...]]:
    """Return (the rows without their columns that no model reads, the names of those that they had).

    `aside` is `DataSettings.aside`. Any other column that a model does not know stays, for it to refuse.
    """
    there = tuple(name for name in aside if any(name in row for row in rows))
    if not there:
        return tuple(rows), ()
    return tuple({name: value for name, value in row.items() if name not in there} for row in rows), there
