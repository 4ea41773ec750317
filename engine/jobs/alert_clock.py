"""Brings alerts back when their time has come: an acknowledgement, a snooze or a maintenance that has ended."""

from __future__ import annotations

from engine.deck import Deck
from store import alerts

EVERY_S = 5.0
ACTOR = "trigger:alerts"


class AlertClock:
    """Looks every few seconds by CLOCK_BOOTTIME; what is due it asks the wall clock, as people said it in its terms."""

    def __init__(self, deck: Deck) -> None:
        self._deck = deck
        self._looked = float("-inf")

    def look(self) -> list[str]:
        """Open the alerts whose time has come, and return their ids."""
        now = self._deck.clock.boottime()
        if now - self._looked < EVERY_S:
            return []
        self._looked = now
        if not alerts.is_due(self._deck.database, self._deck.clock.now()):
            return []
        with self._deck.database.write() as tx:
            return [one.id for one in alerts.come_back(tx, ACTOR)]
