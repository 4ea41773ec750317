"""Handler of the question what a model lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.operations.compliance import Compliance, ComplianceRequest
from engine.service.context import ServiceContext
from store.errors import CorruptArtifact

if TYPE_CHECKING:
    from engine.deck import Deck
    from engine.governance.compliance import ErasedOf
    from store.artifacts import Artifacts
    from store.database import Reader
    from store.rows import Version


def compliance(context: ServiceContext, request: ComplianceRequest) -> Compliance:
    """Return what is there and what is missing of a version, as the registry knows it now."""
    from engine.governance.card_facts import card_version, gather
    from engine.governance.compliance import items_of
    from store import blobs, seals

    deck = context.deck
    with deck.database.reading() as reader:
        version = card_version(reader, request.model, request.version)
        facts = gather(reader, version, {})
        pinned = (version.artifact_hash, version.golden_hash, version.bundle_hash, version.environment_hash)
        asked = {*pinned, version.snapshot_id}
        kept = frozenset(
            hash for hash in asked if hash and blobs.erased_at(reader, hash) is None and _lies(deck.artifacts, hash)
        )
        signs = seals.ever_signed(reader)
        erased = _erased(reader, version)
    seal = _seal(deck, version) if signs else "not sealed yet: it is when it is next loaded"
    items = items_of(facts, seal, kept, erased)
    return Compliance(version.model, version.number, items, sum(not one.is_there for one in items))


def _erased(reader: Reader, version: Version) -> ErasedOf:
    from engine.governance.compliance import ErasedOf
    from engine.governance.erasing.derived import decided, undecided
    from store import blobs

    stands = blobs.current(reader, version.snapshot_id)
    return ErasedOf(
        stands if stands != version.snapshot_id else "",
        tuple(f"{one[:12]} {what}" for one, what in decided(reader, version.model)),
        tuple(one[:12] for one in undecided(reader, version.model)),
    )


def _seal(deck: Deck, version: Version) -> str:
    """Say why a seal does not hold, "" where it does."""
    from engine.model_io import sealing

    try:
        sealing.checked(deck, version)
    except CorruptArtifact as error:
        return error.message
    return ""


def _lies(artifacts: Artifacts, hash: str) -> bool:
    try:
        return artifacts.path(hash).is_file()
    except CorruptArtifact:  # it is no name of content
        return False
