"""Seals versions when they are made, and looks at the seal before anything of a version is loaded."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

from engine.model_io import deck_key
from engine.serving.seal import broken, files_hash, signed_bytes
from store import seals, versions
from store.errors import CorruptArtifact
from store.seals import Seal

if TYPE_CHECKING:
    from engine.deck import Deck
    from store.database import Reader, Write
    from store.rows import Version

ACTOR = "trigger:sealing"


def seal(deck: Deck, tx: Write, version: Version) -> Seal:
    """Sign what a version is made of, in the transaction that registers it.

    The first signature with a key puts its public half on record. On a deck that never signed before, that is when the
    versions it already has are sealed, as they are then.

    Raises:
        CorruptArtifact: the code bundle is missing or damaged.
        Refused: the deck's key file holds no key. StorageUnwritable: no key can be made.
    """
    statement = _statement(deck, version)
    signer, signature = deck_key.sign(deck.workspace.keys, signed_bytes(statement))
    if signer not in seals.signers(tx):
        is_first = not seals.ever_signed(tx)
        seals.add_signer(tx, signer, ACTOR)
        if is_first:
            _adopt(deck, tx, version)
    made = Seal(version.model, version.number, statement, signer, signature, tx.at)
    seals.put_seal(tx, made)
    return made


def reseal(deck: Deck, tx: Write, version: Version, erasure: str) -> Seal:
    """Sign a version anew whose golden requests an erasure has changed; the statement names the erasure.

    Raises:
        CorruptArtifact: the version bore no seal to go on from.
        Refused: the deck's key file holds no key. StorageUnwritable: no key can be made.
    """
    before = seals.seal_of(tx, version.model, version.number)
    if before is None:
        raise _refusal(f"{version.model}@{version.number} bears no seal")
    statement = {**before.statement, **made_of(version), "erasure": erasure}
    signer, signature = deck_key.sign(deck.workspace.keys, signed_bytes(statement))
    if signer not in seals.signers(tx):
        seals.add_signer(tx, signer, ACTOR)
    made = Seal(version.model, version.number, statement, signer, signature, tx.at)
    seals.replace_seal(tx, made, ACTOR, erasure)
    return made


def checked(deck: Deck, version: Version) -> Seal:
    """Return the seal of a version, when it is of this deck and says what the registry says.

    Raises:
        CorruptArtifact: the version bears no seal, another deck's, a broken one, or is not what was sealed.
    """
    reader: Reader = deck.database
    name = f"{version.model}@{version.number}"
    found = seals.seal_of(reader, version.model, version.number)
    if found is None and not seals.ever_signed(reader):  # a deck from before seals
        with deck.database.write() as tx:
            if not seals.ever_signed(tx):
                return seal(deck, tx, version)
        found = seals.seal_of(reader, version.model, version.number)
    if found is None:
        raise _refusal(f"{name} bears no seal")
    why = broken(as_json(found), name, seals.signers(reader))
    if why:
        raise _refusal(why)
    for what, value in made_of(version).items():
        if found.statement.get(what) != value:
            raise _refusal(f"the {what} of {name} is not what was sealed")
    return found


def as_json(one: Seal) -> dict[str, Any]:
    """Return a seal as servers and bundles hold it."""
    return {"statement": one.statement, "signer": one.signer, "signature": one.signature}


def _adopt(deck: Deck, tx: Write, but: Version) -> None:
    """Seal every other version of a deck that never signed; one whose code is gone can serve no more, and gets none."""
    for model, number in seals.unsealed(tx):
        if (model, number) != (but.model, but.number):
            version = versions.version(tx, model, number)
            try:
                statement = _statement(deck, version)
            except CorruptArtifact:
                continue
            signer, signature = deck_key.sign(deck.workspace.keys, signed_bytes(statement))
            seals.put_seal(tx, Seal(model, number, statement, signer, signature, tx.at))


def _statement(deck: Deck, version: Version) -> dict[str, Any]:
    code = ""
    if version.bundle_hash:
        with zipfile.ZipFile(io.BytesIO(deck.artifacts.read(version.bundle_hash))) as bundle:
            code = files_hash((name, bundle.read(name)) for name in bundle.namelist())
    return {**made_of(version), "code": code}


def made_of(version: Version) -> dict[str, Any]:
    """Return what the registry says a version is made of; what may still change of it, as a description, is no part."""
    compiled = version.evaluation.get("compiled", {}).get("hash", "")
    made = {
        **({"compiled form": compiled.removeprefix("sha256:")} if compiled else {}),
        "model": version.model,
        "version": version.number,
        "artifact": version.artifact_hash.removeprefix("sha256:"),
        "golden": version.golden_hash.removeprefix("sha256:"),
        "bundle": version.bundle_hash.removeprefix("sha256:"),
        "environment": version.environment_hash.removeprefix("sha256:"),
        "snapshot": version.snapshot_id.removeprefix("sha256:"),
        "settings_revision": version.settings_revision,
        "signature": version.signature,
        "decision": version.decision,
        "derived_from": version.derived_from,
    }
    plain: dict[str, Any] = json.loads(json.dumps(made))  # as it comes back from a file
    return plain


def _refusal(why: str) -> CorruptArtifact:
    return CorruptArtifact(why, "nothing of it is loaded: train it again, or restore a backup")
