"""Keeps a version's card as it was when somebody asked for an approval or opened a release."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from engine.governance.card import card_of
from engine.governance.card_facts import ImageFacts, gather
from engine.operations.governance import Card
from store import blobs, images
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
    return card_of(gather(reader, version, _environment(deck, version), _images(deck, reader, version)))


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


def _images(deck: Deck, reader: Reader, version: Version) -> tuple[ImageFacts, ...]:
    """Return the images of a version, newest first, with their packages counted by licence."""
    made = [one for one in images.images(reader, version.model) if one.version == version.number]
    return tuple(ImageFacts(one.digest, one.base, one.platform, _licences(deck, one.record_hash)) for one in made)


def _licences(deck: Deck, record_hash: str) -> dict[str, int] | None:
    try:
        wheels = json.loads(deck.artifacts.read(record_hash))["wheels"] if record_hash else None
    except (CorruptArtifact, ValueError, KeyError):
        wheels = None
    return None if wheels is None else dict(Counter(str(one.get("licence", "unknown")) for one in wheels))
