"""Refusals on record: one event per identity and action per minute, with the number it stands for."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from engine.access import Caller
from engine.deck import Deck
from engine.operations.operation import Operation
from store.errors import ModeldeckError

MINUTE_S = 60.0
MOST_WHY = 400  # characters


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was refused to whom; `operation` is what was asked for.

    `action` is `access.refused`, `access.limited`, `request.refused` (for what it says), or `audit.failed`.
    """

    actor: str
    via: str | None
    action: str
    operation: str
    role: str
    needs: str
    why: str = ""  # where it was not the role


@dataclass(slots=True)
class _Minute:
    """The minute that began with a written refusal, and how many came since."""

    began: float
    newest: Refusal
    unwritten: int = 0


@dataclass(slots=True)
class RefusalLog:
    """Writes the first refusal of each minute at once, and the number of the rest when the minute is over.

    Minutes are of the clock since boot: a wall clock that jumps neither silences nor repeats anything.
    """

    _minutes: dict[tuple[str, str, str], _Minute] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def refused(
        self, deck: Deck, caller: Caller, operation: Operation, why: str = "", action: str = "access.refused"
    ) -> None:
        """Record that a caller's role did not reach an operation, or `why` it was refused although it did."""
        needs, role = operation.role.name.lower(), caller.role.name.lower()
        shown = why if len(why) <= MOST_WHY else f"{why[: MOST_WHY - 1]}…"
        self.add(deck, Refusal(caller.actor, caller.via, action, operation.id, role, needs, shown))

    def add(self, deck: Deck, refusal: Refusal) -> None:
        """Record one refusal."""
        now = deck.clock.boottime()
        key = (refusal.actor, refusal.action, refusal.operation)
        with self._lock:
            minute = self._minutes.get(key)
            if minute is not None and now - minute.began < MINUTE_S:
                minute.unwritten += 1
                minute.newest = refusal
                return
            count = minute.unwritten + 1 if minute is not None else 1
            self._minutes[key] = _Minute(now, refusal)
        self._write(deck, key, refusal, count)

    def flush(self, deck: Deck, *, all: bool = False) -> int:
        """Write the number of what a minute that is over has left unwritten; returns how many events that made.

        With `all`, of every minute: the daemon stops.
        """
        now = deck.clock.boottime()
        due: list[tuple[tuple[str, str, str], Refusal, int]] = []
        with self._lock:
            for key, minute in list(self._minutes.items()):
                if not all and now - minute.began < MINUTE_S:
                    continue
                if minute.unwritten:
                    due.append((key, minute.newest, minute.unwritten))
                    self._minutes[key] = _Minute(now, minute.newest)  # what is written now begins a minute of its own
                else:
                    del self._minutes[key]
        for key, refusal, count in due:
            self._write(deck, key, refusal, count)
        return len(due)

    def _write(self, deck: Deck, key: tuple[str, str, str], refusal: Refusal, count: int) -> None:
        from store import events

        try:
            with deck.database.write() as tx:
                events.append(
                    tx,
                    actor=refusal.actor,
                    via=refusal.via,
                    action=refusal.action,
                    subject_kind="operation",
                    subject_id=refusal.operation,
                    reason=refusal.why,
                    body={"role": refusal.role, "needs": refusal.needs, "count": count},
                )
        except ModeldeckError as error:
            # A full disk must not turn a refusal into another answer; the number goes with the next event.
            import logging  # where all goes well nothing is logged, and loading it costs a short command

            logging.getLogger("modeldeck").error("a refusal could not be recorded: %s", error.line())
            with self._lock:
                self._minutes.setdefault(key, _Minute(deck.clock.boottime(), refusal)).unwritten += count
