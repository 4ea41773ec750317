"""Ends approvals whose ground has gone, and escalates second looks that nobody took in time."""

from __future__ import annotations

from engine.deck import Deck
from engine.governance.approvals import lapse_changed, lapsed
from engine.governance.second_look import alert_key, escalate_overdue
from store import alerts, approvals, versions
from store.database import Reader

EVERY_S = 5.0


class ApprovalClock:
    """Looks every few seconds by CLOCK_BOOTTIME, and writes only where something has to end."""

    def __init__(self, deck: Deck) -> None:
        self._deck = deck
        self._looked = float("-inf")

    def look(self) -> list[str]:
        """End and escalate what is due; return the ids of those approvals."""
        now = self._deck.clock.boottime()
        if now - self._looked < EVERY_S:
            return []
        self._looked = now
        if not _is_due(self._deck.database, self._deck.clock.now()):
            return []
        with self._deck.database.write() as tx:
            return [one.id for one in (*lapse_changed(tx), *escalate_overdue(tx))]


def _is_due(reader: Reader, at: int) -> bool:
    standing = [one for one in approvals.approvals(reader) if one.kind == "approval"]
    if any(lapsed(reader, one, versions.version(reader, one.model, one.version)) for one in standing):
        return True
    late = [alerts.standing(reader, alert_key(one)) for one in approvals.overdue_looks(reader, at)]
    return any(one is None or one.severity != "critical" for one in late)
