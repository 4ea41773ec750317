"""Who has the watch over a deck, and incidents."""

from __future__ import annotations

from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Duty:
    """That somebody has the watch, or had it. At most one has not ended."""

    id: str
    actor: str
    given_by: str  # the actor, where it was taken
    note: str  # what whoever had it before said
    taken_at: int
    ended_at: int | None
    ended_by: str | None


@dataclass(frozen=True, slots=True)
class Incident:
    """A time in which something went wrong, named so that it can be looked at as a whole. No models: the whole deck."""

    id: str
    title: str
    models: tuple[str, ...]
    from_at: int  # when it began, by whoever opened it
    opened_by: str
    opened_at: int
    via: str | None
    closed_at: int | None
    closed_by: str | None
    resolution: str
    comments: int = 0  # that stand on it: its notes
