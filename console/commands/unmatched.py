"""Why a filter let nothing through: of how many rows, and which of its fields none of them has."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from console.render.words import plural
from engine.service.filters import fields_of, parse
from store.rows import to_json

MOST = 1000  # rows that are looked at


class Asks(Protocol):
    """What it needs of a client."""

    def call(self, operation_id: str, request: Any = None) -> Any:
        """Ask, and return the typed answer."""


def told(client: Asks, operation_id: str, request: Any) -> str:
    """Say why the request's filter let nothing through; nothing where no filter is asked, or the list is empty anyway.

    One more question is asked: the same without the filter, for the newest `MOST` rows.
    """
    text = getattr(request, "filter", "").strip()
    if not text:
        return ""
    same = {one.name: getattr(request, one.name) for one in dataclasses.fields(request)} | {"filter": "", "limit": MOST}
    rows = client.call(operation_id, type(request)(**{**same, **({"after": ""} if "after" in same else {})}))
    if not rows:
        return ""
    noun = operation_id.partition(".")[0].removesuffix("s")
    many = f"{MOST:,} {noun}s and more" if len(rows) >= MOST else plural(len(rows), noun)
    said = f"nothing matches {text[:80]!r} of {many}"
    lacking = unknown_fields(fields_of(parse(text)), [to_json(row) for row in rows])
    return f"{said}: {lacking}" if lacking else said


def unknown_fields(asked: Iterable[str], rows: Sequence[dict[str, Any]]) -> str:
    """Say which of the fields no row has, each with the closest one that some row has."""
    there = set[str]()
    for row in rows:
        there.update(_paths(row))
    return "; ".join(_lacking(field, there) for field in dict.fromkeys(asked) if field not in there)


def _lacking(field: str, there: set[str]) -> str:
    last = field.rpartition(".")[2]
    inside = sorted((path for path in there if path.endswith(f".{field}")), key=lambda path: (path.count("."), path))
    close = inside or difflib.get_close_matches(field, sorted(there), n=1, cutoff=0.7)
    if not close:  # `mea` for `metrics.mae`: by the last word alone
        ends = {path.rpartition(".")[2]: path for path in sorted(there, reverse=True)}
        close = [ends[end] for end in difflib.get_close_matches(last, sorted(ends), n=1, cutoff=0.6)]
    return f"none has {field!r}" + (f", did you mean {close[0]!r}?" if close else "")


def _paths(value: dict[str, Any], before: str = "") -> Iterator[str]:
    """Yield the path of every value in a row, as a filter names it."""
    for name, inner in value.items():
        path = f"{before}{name}"
        yield path
        if isinstance(inner, dict):
            yield from _paths(inner, f"{path}.")
