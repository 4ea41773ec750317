"""Refusals on record: one event per identity and action per minute, with the number it stands for."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from engine.access import Caller
from engine.deck import Deck
from engine.operations.operation import Operation

MINUTE_US = 60_000_000


@dataclass(slots=True)
class RefusalLog:
    """Counts refusals and writes the first of each minute; the count of the minute before goes with the next one."""

    _seen: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)  # -> (written at, unwritten since)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def refused(self, deck: Deck, caller: Caller, operation: Operation) -> None:
        """Record one refusal."""
        from store import events

        now = deck.clock.now()
        key = (caller.actor, operation.id)
        with self._lock:
            written, unwritten = self._seen.get(key, (None, 0))
            if written is not None and now - written < MINUTE_US:
                self._seen[key] = (written, unwritten + 1)
                return
            self._seen[key] = (now, 0)
        with deck.database.write() as tx:
            events.append(
                tx,
                actor=caller.actor,
                via=caller.via,
                action="access.refused",
                subject_kind="operation",
                subject_id=operation.id,
                body={"role": caller.role.name.lower(), "needs": operation.role.name.lower(), "count": unwritten + 1},
            )
