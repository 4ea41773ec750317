"""What a look for a person finds: how many rows of theirs lie in which place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# in the order in which a run erases: what tells whose something is goes after what it tells of
KINDS = ("golden", "snapshot", "segment", "quarantine", "outcomes", "attributions", "log", "predictions")


@dataclass(frozen=True, slots=True)
class Place:
    """Rows of the person in one place; `name` is a hash, a version, or a file below the workspace."""

    kind: str
    model: str
    name: str
    rows: int


def counted(places: Iterable[Place], model: str) -> dict[str, tuple[int, int]]:
    """Return kind -> (places, rows) of a model, in the order of `KINDS`."""
    mine = [place for place in places if place.model == model]
    told = {kind: [place.rows for place in mine if place.kind == kind] for kind in KINDS}
    return {kind: (len(rows), sum(rows)) for kind, rows in told.items() if rows}


def holding(places: Iterable[Place]) -> list[Place]:
    """Return the places that hold rows by themselves: a segment is its snapshot's."""
    return [place for place in places if place.kind != "segment"]
