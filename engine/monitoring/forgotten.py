"""Log lines of people who were erased that come only now: from a host that was away, or brought a second time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.model_io.persons import Persons, key_of
from store import erasures

if TYPE_CHECKING:
    from engine.deck import Deck


class Forgotten:
    """The erasures that are done. A line received before one ended is not kept; what is asked afterwards is new."""

    def __init__(self, deck: Deck) -> None:
        done = [one for one in erasures.standing(deck.database) if one.ended_at is not None]
        key = key_of(deck) if done else None
        self._people = [
            (one.ended_at or 0, frozenset(one.models), Persons(key, [one.sought]))
            for one in done
            if key is not None and one.key_id == key.id
        ]

    def holds(self, row: dict[str, Any]) -> bool:
        """Say whether a line is one of theirs."""
        return any(
            int(row.get("received_at") or 0) <= ended_at
            and row.get("model") in models
            and (people.is_of(row.get("features") or {}) or people.is_of({"client_id": row.get("client_id")}))
            for ended_at, models, people in self._people
        )
