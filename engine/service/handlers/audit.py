"""Handlers of operations on evidence."""

from __future__ import annotations

import base64

from engine.operations.audit import (
    Compared,
    DeckKey,
    EvidenceMade,
    EvidencePiece,
    EvidencePieceRequest,
    EvidenceRequest,
    HeadsRequest,
    RefusedFile,
    SignedHead,
)
from engine.operations.common import Done, NoRequest
from engine.service.call import operation_named
from engine.service.context import ServiceContext
from store.errors import Refused, UnknownName
from store.rows import to_json

PIECE_BYTES = 1 << 20
MOST_HEADS = 2000
REFUSED = {"bundle": "bundle.begin", "folder": "deck.apply_folder"}  # what would have been asked of the deck


def keys(context: ServiceContext, _request: NoRequest) -> list[DeckKey]:
    """Return the deck's public keys, oldest first."""
    from store import seals

    return [DeckKey(public, at) for public, at in seals.keys(context.deck.database)]


def collect(context: ServiceContext, request: EvidenceRequest) -> EvidenceMade:
    """Make a signed file of evidence of one moment, keep it among the artifacts, and put that on record.

    Raises:
        UnknownName: no such model or version. Refused: the deck has no key. CorruptArtifact: a seal does not hold.
    """
    from engine.governance import evidence
    from engine.governance.card_facts import card_version
    from engine.operations.compliance import ComplianceRequest
    from engine.service.handlers.access import show
    from engine.service.handlers.compliance import compliance
    from store import blobs, events, seals, settings

    deck, caller = context.deck, context.caller
    with deck.database.reading() as reader:
        version = None if request.model is None else card_version(reader, request.model, request.version)
        members, about = evidence.record_of(reader)
        known = list(seals.signers(reader))
        name = settings.deck_name(reader, deck.workspace.root.name)
    of = "" if version is None else f"{version.model}@{version.number}"
    about = {**about, "of": of, "made_at": deck.clock.now(), "signers": known, "deck": name}
    if version is not None:
        matrix = to_json(show(context, NoRequest()))
        lacks = to_json(compliance(context, ComplianceRequest(version.model, version.number)))
        members = {**evidence.version_evidence(deck, version, matrix, lacks), **members}
    content = evidence.signed(deck, members, about)
    hash = deck.artifacts.put_bytes(content)
    signer = seals.signers(deck.database)[-1]
    with deck.database.write() as tx:
        blobs.record_blob(tx, hash, len(content), "evidence")
        events.append(
            tx,
            actor=caller.actor,
            via=caller.via,
            action="audit.exported",
            subject_kind="evidence",
            subject_id=hash,
            model=request.model,
            body={"of": of, "events": about["events"], "head": about["head"]},
        )
    return EvidenceMade(hash, len(content), of, about["events"], about["head"], signer, about["made_at"])


def piece(context: ServiceContext, request: EvidencePieceRequest) -> EvidencePiece:
    """Return a piece of a file of evidence, and of nothing else among the artifacts.

    Raises:
        UnknownName: there is no such evidence. Refused: it is not as long as that.
    """
    from store import blobs

    if blobs.kind_of(context.deck.database, request.hash) != "evidence":
        raise UnknownName(f"no evidence {request.hash[:19]!r}", "make it: modeldeck audit export FILE")
    path = context.deck.artifacts.path(request.hash)
    size = path.stat().st_size
    if not 0 <= request.offset <= size:
        raise Refused(f"the evidence has no byte {request.offset}", f"it has {size}")
    with path.open("rb") as file:
        file.seek(request.offset)
        data = file.read(PIECE_BYTES)
    end = request.offset + len(data)
    return EvidencePiece(base64.b64encode(data).decode("ascii"), end if data and end < size else None)


def head(context: ServiceContext, _request: NoRequest) -> SignedHead:
    """Return the newest event's hash, signed.

    Raises:
        Refused: the deck has no key, or no event.
    """
    from engine.governance.evidence import sign
    from engine.governance.witness import head_bytes
    from store import events, settings

    newest = events.events(context.deck.database, limit=1)
    if not newest:
        raise Refused("nothing is on record yet", "apply settings: modeldeck apply")
    deck = settings.deck_name(context.deck.database, context.deck.workspace.root.name)
    seq, hash, at = newest[0].seq, newest[0].hash, context.deck.clock.now()
    signer, signature = sign(context.deck, head_bytes(deck, seq, hash, at))
    return SignedHead(deck, seq, hash, at, signer, signature)


def refused(context: ServiceContext, request: RefusedFile) -> Done:
    """Put on record, as the caller's word, that a file was refused before the deck was asked.

    Raises:
        Refused: it is neither a bundle nor a folder.
    """
    asked = REFUSED.get(request.what)
    if asked is None:
        raise Refused(f"no file of kind {request.what[:40]!r} is refused here", "bundle or folder")
    name, why = (" ".join(text.split()) for text in (request.name[:200], request.why))
    told = "".join(sign if sign.isprintable() else "?" for sign in (why if name in why else f"{name}: {why}"))
    context.refusals.refused(context.deck, context.caller, operation_named(asked), told, "request.refused")
    return Done(f"the refusal of {name} is on record")


def compare(context: ServiceContext, request: HeadsRequest) -> Compared:
    """Compare what witnesses saw with the record as it is now, after looking that the record itself holds.

    Raises:
        Refused: a head cannot be read, or there are more than a few thousand.
    """
    from engine.governance.witness import compared

    if len(request.heads) > MOST_HEADS:
        raise Refused(f"{len(request.heads)} heads are more than {MOST_HEADS}", "compare the last ones")
    return compared(context.deck.database, request.heads)
