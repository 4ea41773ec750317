"""What a reconciler finds wrong on its host: each fault one event when it is found and one when it is over."""

from __future__ import annotations

import logging

from engine.deck import Deck
from engine.deploy.deeds import Deeds
from store import faults
from store.rows import Fault

GATEWAY = "gateway"
CLOCK = "clock"
PORT = "port"
CERTIFICATE = "certificate"
_DAMAGE = " artifact"


def damage(replica_id: str) -> str:
    """Return the key of a fault of what a server is made from, beside the one of the server itself: its id."""
    return replica_id + _DAMAGE


def _is_of_a_look(key: str) -> bool:
    return key in (CLOCK, PORT, CERTIFICATE) or key.endswith(_DAMAGE)


class Faults:
    """The standing faults of one host; what an earlier reconciler found is taken over."""

    def __init__(self, deck: Deck, host: str, deeds: Deeds) -> None:
        self._deck = deck
        self._host = host
        self._deeds = deeds
        self._standing = {one.key: one for one in faults.standing(deck.database, host)}
        self._done: set[int] = set()

    def found(self, key: str, detail: str, model: str | None = None) -> None:
        """Say that something is wrong; once, until it is cleared."""
        if key in self._standing:
            return
        with self._deck.database.write() as tx:
            faults.found(tx, self._host, key, detail, model=model)
        self._standing[key] = Fault(self._host, key, model, detail, self._deck.clock.now(), None)
        self._deeds.say(detail, logging.WARNING)

    def cleared(self, key: str, how: str) -> None:
        """Say that it is over, if it stood."""
        fault = self._standing.pop(key, None)
        if fault is not None:
            with self._deck.database.write() as tx:
                faults.cleared(tx, fault, how)
            self._deeds.say(how)

    def looked(self, seen: dict[str, tuple[str, str | None]]) -> None:
        """Bring up to date what only a look finds: `seen` (detail, model) by key stands, the rest of it does not."""
        for key, (detail, model) in seen.items():
            self.found(key, detail, model)
        for key in [key for key in self._standing if _is_of_a_look(key) and key not in seen]:
            self.cleared(key, f"no more: {self._standing[key].detail}")

    def forget(self, prefix: str) -> None:
        """Clear what concerns a deployment that nothing needs any more."""
        for key in [key for key in self._standing if key.startswith(prefix)]:
            self.cleared(key, f"{self._standing[key].detail}: nothing needs it any more")

    def asked(self) -> list[str]:
        """Return the keys of faults that somebody asked to have mended since the last look."""
        fresh = [
            one
            for one in faults.standing(self._deck.database, self._host)
            if one.asked_seq is not None and one.asked_seq not in self._done
        ]
        self._done.update(one.asked_seq for one in fresh if one.asked_seq is not None)
        return [one.key for one in fresh]
