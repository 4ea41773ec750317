"""Schedules of the form `after ACTION`: fired by events of their model, each event once, also across restarts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.deck import Deck
from engine.jobs.firing import MOST_CAUGHT_UP, Due, Firing, Stretch
from store import events, schedules
from store.rows import Schedule

KEEP_UP = 1000  # events after which a cursor is written though none of them matched


class EventTriggers:
    """Remembers which event each schedule has looked at; the registry's memory moves in the job's own transaction."""

    def __init__(self, deck: Deck, stretches: dict[str, Stretch]) -> None:
        self._deck = deck
        self._stretches = stretches
        self._seen: dict[str, int] = {}

    def fire(self, settings: Mapping[str, Any]) -> int:
        """Ask for a job after each new event of a schedule's action and model; returns how many were asked for."""
        cursors = schedules.cursors(self._deck.database)
        if not cursors:
            return 0
        head = events.head(self._deck.database)
        due = {id: seq for id, seq in cursors.items() if seq is None or max(seq, self._seen.get(id, 0)) < head}
        if not due:
            return 0
        asked = 0
        rows = {row.id: row for row in schedules.schedules(self._deck.database) if row.id in due}
        found = {id: self._new(rows[id], seq) for id, seq in due.items() if seq is not None and id in rows}
        wanted = {id for id, seq in due.items() if seq is None or found.get(id) or head - seq > KEEP_UP}
        if wanted:
            with self._deck.database.write() as tx:
                now = schedules.cursors(tx)
                firing = Firing(tx, settings, self._stretches)
                for id in sorted(wanted & now.keys()):
                    if now[id] == due[id]:
                        times = found.get(id) or []
                        firing.fire(Due(rows[id], len(times), tuple(times[-MOST_CAUGHT_UP:])))
                        schedules.set_cursor(tx, id, head)
                asked = firing.close({})  # whatever comes next, its time is not known
        self._seen.update(dict.fromkeys(due, head))
        return asked

    def _new(self, row: Schedule, seq: int) -> list[int]:
        after = max(seq, self._seen.get(row.id, 0))
        return events.times(self._deck.database, row.trigger.removeprefix("after "), row.model, after)
