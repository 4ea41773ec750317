"""What guards each endpoint of a deck: the applied settings' limits and the keys that open it now."""

from __future__ import annotations

from engine.deck import Deck
from engine.deploy.keys import digest, endpoint_key
from engine.deploy.router import Guard
from engine.settings.model import DeckSettings, EndpointSettings
from store import endpoint_keys
from store import settings as settings_store


class Guards:
    """Reads the registry; settings only when a newer revision was applied."""

    def __init__(self, deck: Deck) -> None:
        self._deck = deck
        self._revision = 0
        self._stated: dict[str, EndpointSettings] = {}

    def wanted(self) -> dict[str, Guard]:
        """Return the guard of every model that is declared now."""
        reader = self._deck.database
        newest = settings_store.newest(reader)
        if newest != self._revision:
            applied = DeckSettings.from_body(settings_store.get(reader, newest).body)
            self._stated = {name: model.endpoint for name, model in applied.models.items()}
            self._revision = newest
        digests: dict[str, frozenset[str]] = {}
        own: frozenset[str] = frozenset()
        if any(one.keys for one in self._stated.values()):
            digests = endpoint_keys.digests(reader)
            own = frozenset({digest(endpoint_key(self._deck.workspace.keys))})
        return {
            name: Guard(
                digests.get(name, frozenset()) | own if stated.keys else None,
                stated.requests_per_s,
                stated.at_once,
                stated.body_kb * 1024,
            )
            for name, stated in self._stated.items()
        }
