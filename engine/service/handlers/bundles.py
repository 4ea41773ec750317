"""Handlers of operations on bundles."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING

from engine.access import Role
from engine.operations.bundles import (
    BeginImport,
    BundlePiece,
    BundlePieceRequest,
    CollectRequest,
    DistrustSigner,
    ImportBegun,
    LackedMember,
    PutPiece,
    SignedBundle,
    SignersRequest,
    TakeImport,
    TrustedSigner,
    TrustSigner,
)
from engine.operations.common import Done
from engine.service.context import ServiceContext
from store.errors import NotAllowed, Refused, UnknownName
from store.rows import to_json

if TYPE_CHECKING:
    from engine.interop.bundle_file import Manifest

PIECE_BYTES = 4 << 20
KIND = "bundle"  # of a manifest among the artifacts


def collect(context: ServiceContext, request: CollectRequest) -> SignedBundle:
    """Sign what a version is made of, keep that among the artifacts, and put it on record; a dry run does neither.

    Raises:
        UnknownName: no such version. NotAllowed: rows are an admin's to give away.
        Refused: the deck has no key, or no image of it. CorruptArtifact: a seal or a hash does not hold.
    """
    from engine.interop.bundle_file import canonical
    from engine.interop.bundle_parts import collected
    from store import blobs, events, images, versions

    deck, caller = context.deck, context.caller
    if request.data:
        _only_admin(context, "the rows of a version")
    version = versions.version(deck.database, request.model, request.version)
    manifest, _ = collected(deck, version, with_data=request.data, with_image=request.image)
    signature = canonical({"signer": manifest.signer, "signature": manifest.signature})
    built = [one.size_bytes for one in images.images(deck.database, version.model) if one.version == version.number]
    if request.dry_run:
        return _signed("", manifest, signature, built)
    kept = json.dumps({"manifest": manifest.text.decode(), "signature": signature.decode()}).encode()
    hash = deck.artifacts.put_bytes(kept)
    with deck.database.write() as tx:
        blobs.record_blob(tx, hash, len(kept), KIND)
        events.append(
            tx,
            actor=caller.actor,
            via=caller.via,
            action="bundle.exported",
            subject_kind="version",
            subject_id=f"{version.model}@{version.number}",
            model=version.model,
            body={"bundle": manifest.hash, "data": request.data, "image": manifest.about["image"]},
        )
    return _signed(hash, manifest, signature, built)


def piece(context: ServiceContext, request: BundlePieceRequest) -> BundlePiece:
    """Return a piece of a member of a collected bundle, and of nothing else among the artifacts.

    Raises:
        UnknownName: there is no such bundle or member. Refused: it is not as long as that.
    """
    from engine.interop.bundle_file import DATA
    from engine.interop.bundle_parts import place_of
    from store.errors import CorruptArtifact

    if request.name.startswith(DATA):
        _only_admin(context, "the rows of a version")
    member = _collected(context, request.bundle).member(request.name)
    if member is None:
        raise UnknownName(f"the bundle has no member {request.name[:80]!r}", "its manifest lists them")
    if not 0 <= request.offset <= member.size:
        raise Refused(f"{request.name} has no byte {request.offset}", f"it has {member.size}")
    try:
        with place_of(context.deck, member).open("rb") as file:
            file.seek(request.offset)
            data = file.read(PIECE_BYTES)
    except FileNotFoundError:
        raise CorruptArtifact(f"the bytes of {request.name} are gone", "export it again") from None
    end = request.offset + len(data)
    return BundlePiece(base64.b64encode(data).decode("ascii"), end if data and end < member.size else None)


def begin(context: ServiceContext, request: BeginImport) -> ImportBegun:
    """Take a manifest whose signer is trusted, and say what of it this deck lacks."""
    from engine.interop import bundle_import
    from store import versions

    deck = context.deck
    text, signature = request.manifest.encode(), request.signature.encode()
    with_image = not request.without_image
    manifest = bundle_import.begin(deck, request.name, text, signature, request.key, with_image=with_image)
    lacked = bundle_import.lacked(deck, manifest, with_image=with_image)
    lacks_version = bool(bundle_import.lacked(deck, manifest, with_image=False))
    content = None if lacks_version else bundle_import.checked(deck, request.name, manifest)
    found = bundle_import.here_as(deck.database, content) if content is not None else None
    model = str(manifest.about["of"]).rpartition("@")[0]
    return ImportBegun(
        manifest.hash,
        "" if found is None else f"{found.model}@{found.number}",
        versions.newest_number(deck.database, model) + 1,
        tuple(LackedMember(member.name, member.size, have) for member, have in lacked),
    )


def put(context: ServiceContext, request: PutPiece) -> LackedMember:
    """Take the next piece of a member."""
    from engine.interop import bundle_import

    try:
        data = base64.b64decode(request.data, validate=True)
    except (binascii.Error, ValueError):
        raise Refused("the piece is no base64", "send it as it is in the file") from None
    manifest = bundle_import.begun(context.deck, "the bundle", request.bundle)
    member, have = bundle_import.put(context.deck, manifest, request.name, request.offset, data)
    return LackedMember(member.name, member.size, have)


def take(context: ServiceContext, request: TakeImport) -> Done:
    """Register the version of a bundle that has come whole, and ask its golden requests here."""
    from engine.interop import bundle_import
    from engine.interop.bundle_image import left_aside
    from engine.interop.bundle_proof import proof_here

    deck, caller = context.deck, context.caller
    manifest = bundle_import.begun(deck, request.name, request.bundle)
    done = bundle_import.take(
        deck,
        request.name,
        manifest,
        request.key,
        actor=caller.actor,
        via=caller.via,
        reason=request.reason,
        with_image=not request.without_image,
    )
    here = f"{done.version.model}@{done.version.number}"
    of, maker = manifest.about["of"], manifest.about["deck"]
    body = {
        "version": here,
        "of": of,
        "deck": maker,
        "deck_id": manifest.about["deck_id"],
        "signer": manifest.signer,
        "bundle": manifest.hash,
    }
    image = "; a docker host gets its image without a network" if done.image else ""
    aside = "" if request.without_image else left_aside(deck, manifest)
    image += f"; {aside}" if aside else ""
    if done.already:
        deleted = ", deleted since" if done.version.deleted_at is not None else ""
        told = f"imported: {of} of {maker} is {here} here{deleted}{image}"
        return Done(told, already=not done.image, body=body)
    proof = proof_here(deck, done.version)
    told = f"{of} of {maker} imported as {here}; {proof.told}{image}"
    return Done(told, body={**body, "proof": to_json(proof)})


def signers(context: ServiceContext, request: SignersRequest) -> list[TrustedSigner]:
    """Return the keys that are trusted, oldest first."""
    from store import origins

    return [
        TrustedSigner(one.public, one.name, one.actor, one.trusted_at, one.withdrawn_at)
        for one in origins.signers(context.deck.database, withdrawn=request.all)
    ]


def trust(context: ServiceContext, request: TrustSigner) -> Done:
    """Trust a key; the deck's own needs no such thing.

    Raises:
        Refused: it is none.
    """
    from engine.interop.bundle_file import is_hex
    from engine.serving.ed25519 import is_key
    from store import origins

    if not is_hex(request.key, 64) or not is_key(bytes.fromhex(request.key)):
        raise Refused(
            f"{request.key[:20]!r} is no public key", "64 hexadecimal digits, as modeldeck audit key prints them"
        )
    caller = context.caller
    with context.deck.database.write() as tx:
        new = origins.trust(tx, request.key, request.name, caller.actor, request.reason, caller.via)
    called = f", called {request.name}" if request.name else ""
    return Done(f"trusted: {request.key[:16]}{called}", already=not new, body={"public": request.key})


def distrust(context: ServiceContext, request: DistrustSigner) -> Done:
    """Trust a key no more.

    Raises:
        UnknownName: no such key was ever trusted, or several are called so.
    """
    from store import origins

    caller = context.caller
    known = origins.signers(context.deck.database, withdrawn=True)
    found = [one for one in known if request.key in (one.public, one.name)]
    if len(found) != 1:
        told = "several keys are" if found else "no key is"
        raise UnknownName(f"{told} called {request.key[:64]!r}", "modeldeck bundle signers lists them")
    with context.deck.database.write() as tx:
        done = origins.distrust(tx, found[0].public, caller.actor, request.reason, caller.via)
    return Done(f"not trusted: {found[0].public[:16]}", already=not done, body={"public": found[0].public})


def _signed(hash: str, manifest: Manifest, signature: bytes, built: list[int]) -> SignedBundle:
    return SignedBundle(
        hash,
        manifest.text.decode(),
        signature.decode(),
        str(manifest.about["of"]),
        len(manifest.members),
        manifest.size,
        manifest.signer,
        built[0] if built else 0,
    )


def _collected(context: ServiceContext, hash: str) -> Manifest:
    from engine.interop.bundle_file import read_manifest
    from store import blobs

    if blobs.kind_of(context.deck.database, hash) != KIND:
        raise UnknownName(f"no bundle {hash[:19]!r}", "make it: modeldeck bundle export MODEL VERSION FILE")
    told = json.loads(context.deck.artifacts.read(hash))
    return read_manifest("the bundle", told["manifest"].encode(), told["signature"].encode())


def _only_admin(context: ServiceContext, what: str) -> None:
    caller = context.caller
    if caller.role < Role.ADMIN:
        raise NotAllowed(
            f"{caller.actor} is {caller.role.name.lower()}; {what} are an admin's to give away",
            "leave out --with-data, or ask an admin",
        )
