"""Keeps a version's card as it was when somebody asked for an approval or opened a release."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from engine.governance.card import card_of
from engine.governance.card_facts import gather
from engine.operations.governance import Card
from store import blobs
from store.database import Reader, Write
from store.errors import CorruptArtifact
from store.rows import Version
from store.rows.frozen import dataclass

if TYPE_CHECKING:
    from engine.deck import Deck


@dataclass(frozen=True, slots=True)
class KeptCard:
    """A card's text among the artifacts; it is on record once `record` was called."""

    hash: str
    size: int

    def record(self, tx: Write) -> str:
        """Put the blob on record, and return its hash."""
        blobs.record_blob(tx, self.hash, self.size, "card")
        return self.hash


def card_now(deck: Deck, reader: Reader, version: Version) -> Card:
    """Return a version's card as the registry knows it now."""
    return card_of(gather(reader, version, _environment(deck, version)))


def keep_card(deck: Deck, version: Version) -> KeptCard:
    """Write a version's card of now among the artifacts; call it outside a transaction.

    Raises:
        StorageUnwritable: the disk is full or read-only.
    """
    with deck.database.reading() as reader:
        content = card_now(deck, reader, version).text.encode()
    return KeptCard(deck.artifacts.put_bytes(content), len(content))


def _environment(deck: Deck, version: Version) -> dict[str, Any]:
    """Return what a version was made in; a lost blob is for the proof of a release to tell, a card says unknown."""
    try:
        found: dict[str, Any] = json.loads(deck.artifacts.read(version.environment_hash))
    except CorruptArtifact:
        return {}
    return found
