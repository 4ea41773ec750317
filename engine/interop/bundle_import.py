"""A bundle on its way into a deck: trusted or refused, taken in piece by piece, registered whole or not at all.

Pieces come by the caller, for the daemon opens no path that a caller names. They lie in `.modeldeck/importing` until a
member is whole, then among the artifacts; one transaction makes the version of them. A kill before it leaves bytes
that a repeat goes on from, or `gc` removes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from typing import TYPE_CHECKING

from engine.data.bundle import extract_bundle
from engine.deploy.stage import types_of
from engine.interop import bundle_image
from engine.interop.bundle_check import (
    MOST_UNPACKED,
    Content,
    check_zip,
    content_of,
    trusted_signer,
)
from engine.interop.bundle_file import (
    CODE,
    COMPILED,
    DATA,
    GOLDEN,
    PIPELINE,
    TEXTS,
    Manifest,
    Member,
    bad,
    canonical,
    read_manifest,
)
from engine.model_io import sealing
from engine.settings.apply import current_settings
from engine.settings.model import DeckSettings
from store import blobs, events, origins, run_artifacts, seals, versions
from store import settings as settings_store
from store.errors import CorruptArtifact, Refused, UnknownName
from store.origins import Origin
from store.rows.frozen import dataclass
from store.storage import writing_to

if TYPE_CHECKING:
    from pathlib import Path

    from engine.deck import Deck
    from engine.settings.model import ModelSettings
    from store.database import Reader, Write
    from store.rows import Version

_KINDS = {PIPELINE: "artifact", GOLDEN: "golden", COMPILED: "file", CODE: "bundle", "environment.json": "environment"}
_MANIFEST, _SIGNATURE, _PART = "manifest.json", "signature.json", ".part"


@dataclass(frozen=True, slots=True)
class Imported:
    """The version as it is here; `already` says that it was, `image` that something of an image was taken in."""

    version: Version
    already: bool
    image: bool


def trusted_keys(reader: Reader) -> tuple[str, ...]:
    """Return the public keys whose bundles are taken: those on record as trusted, and the deck's own."""
    return (*(one.public for one in origins.signers(reader)), *seals.signers(reader))


def begin(deck: Deck, name: str, text: bytes, signature: bytes, key: str, *, with_image: bool = True) -> Manifest:
    """Take a bundle's manifest, when its signer is trusted and the deck has its model.

    Raises:
        BadBundle: the signature is not of the manifest. Refused: its signer is not trusted, or the disk is too small.
        UnknownName: the deck has no such model.
    """
    manifest = read_manifest(name, text, signature)
    trusted_signer(name, manifest, trusted_keys(deck.database), key)
    _settings(deck, manifest)
    place = _place(deck, manifest.hash)
    with writing_to(deck.workspace.state):
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        if with_image:
            bundle_image.begin(deck, manifest)
        needed = sum(member.size - have for member, have in lacked(deck, manifest, with_image=with_image))
        free = shutil.disk_usage(place).free
        if needed > free:
            raise Refused(f"{name} needs {needed:,} bytes here, and {free:,} are free", "make room, then import it")
        for file, content in ((_MANIFEST, text), (_SIGNATURE, signature)):
            fresh = place / f".{file}.{os.getpid()}"
            fresh.write_bytes(content)
            fresh.replace(place / file)
    return manifest


def begun(deck: Deck, name: str, bundle: str) -> Manifest:
    """Return the manifest of a bundle whose import was begun.

    Raises:
        UnknownName: it was not, or `gc` has removed what came of it.
    """
    place = _place(deck, bundle)
    try:
        manifest = read_manifest(name, (place / _MANIFEST).read_bytes(), (place / _SIGNATURE).read_bytes())
    except FileNotFoundError:
        raise _not_begun(bundle) from None
    if manifest.hash != bundle:
        raise bad(name, "its manifest is not the one that was begun with")
    return manifest


def lacked(deck: Deck, manifest: Manifest, *, with_image: bool = True) -> list[tuple[Member, int]]:
    """Return the members that the deck keeps and whose bytes it has only in part, with how many of them it has."""
    kept = [(one, deck.artifacts.place(f"sha256:{one.sha256}")) for one in manifest.members if _is_kept(one.name)]
    if with_image:
        kept += [(one, bundle_image.place_of(deck, one)) for one in bundle_image.wanted(deck, manifest)]
    found: dict[str, tuple[Member, int]] = {}
    for member, place in kept:
        is_there = place.is_file() and place.stat().st_size == member.size
        if not is_there and member.sha256 not in found:
            part = _place(deck, manifest.hash) / f"{member.sha256}{_PART}"
            have = part.stat().st_size if part.is_file() else 0
            found[member.sha256] = (member, min(have, member.size))
    return list(found.values())


def put(deck: Deck, manifest: Manifest, member_name: str, offset: int, data: bytes) -> tuple[Member, int]:
    """Take the next piece of a member and return how many bytes of it are there; a whole one is put by its hash.

    Raises:
        Refused: the bundle holds no such member, or the piece is not the next, or leads beyond its end.
        BadBundle: the whole member is not what was signed.
        StorageUnwritable: the disk is full or read-only.
    """
    member = manifest.member(member_name)
    of_image = member is not None and member in bundle_image.wanted(deck, manifest)
    if member is None or not (of_image or _is_kept(member_name)):
        raise Refused(f"the bundle holds no {member_name[:80]!r} that is kept", "send what was said to be lacked")
    part = _place(deck, manifest.hash) / f"{member.sha256}{_PART}"
    with writing_to(part.parent):
        have = part.stat().st_size if part.is_file() else 0
        if offset != have or have + len(data) > member.size:
            raise Refused(f"of {member_name} {have:,} bytes are there", "send the next piece, or begin again")
        with part.open("ab") as target:
            target.write(data)
        have += len(data)
        if have == member.size:
            if _hash(part) != member.sha256:
                part.unlink()
                raise bad("the bundle", f"{member_name} is not what was signed")
            if of_image:
                bundle_image.put(deck, member, part)
            else:
                deck.artifacts.put_file(part)
            part.unlink(missing_ok=True)
    return member, have


def take(
    deck: Deck,
    name: str,
    manifest: Manifest,
    key: str,
    *,
    actor: str,
    via: str | None,
    reason: str,
    with_image: bool = True,
) -> Imported:
    """Check all of a bundle that was taken in, and register its version; one that is here already stays as it is.

    Raises:
        BadBundle, Refused, UnknownName: as `begin`, or something in it does not hold; nothing is registered.
        WorkFailed: its artifact holds types that nobody trusts here; they are listed.
    """
    signer = trusted_signer(name, manifest, trusted_keys(deck.database), key)
    settings = _settings(deck, manifest)
    missing = lacked(deck, manifest, with_image=with_image)
    if missing:
        raise Refused(f"{missing[0][0].name} of {name} has not come yet", "begin it again: modeldeck bundle import")
    with deck.artifacts.claiming_everything():
        content = checked(deck, name, manifest)
        found = here_as(deck.database, content)
        record = ""
        if found is None:
            _check_model(deck, name, content, settings)
            record = deck.artifacts.put_bytes(_record(content))
        took_image = with_image and bundle_image.take(deck, name, manifest)
        with deck.database.write() as tx:
            found = here_as(tx, content)  # somebody else may have imported it meanwhile
            version = found or _register(deck, tx, content, record, actor=actor, via=via, reason=reason)
            if signer not in trusted_keys(tx):
                origins.trust(tx, signer, str(manifest.about.get("deck", "")), actor, f"imported {name}", via)
            if took_image:
                of = f"{version.model}@{version.number}"
                body = {"bundle": manifest.hash, "image": manifest.about.get("image", "")}
                events.append(
                    tx,
                    actor=actor,
                    via=via,
                    action="image.imported",
                    subject_kind="version",
                    subject_id=of,
                    model=version.model,
                    body=body,
                )
    shutil.rmtree(_place(deck, manifest.hash), ignore_errors=True)
    return Imported(version, already=found is not None, image=took_image)


def here_as(reader: Reader, content: Content) -> Version | None:
    """Return the version that a bundle's is here: imported before, or this deck's own."""
    origin = origins.imported_as(reader, content.sealed_hash)
    if origin is not None:
        return versions.version(reader, origin.model, origin.number)
    first = events.event(reader, 1)
    maker = content.manifest.about.get("deck_id") if content.manifest.signer in seals.signers(reader) else None
    if first is not None and maker == first.hash:  # even where an erasure sealed it anew since
        return versions.version(reader, content.version.model, content.version.number)
    return None


def checked(deck: Deck, name: str, manifest: Manifest) -> Content:
    """Look at all of a bundle that the deck keeps, read from its artifacts.

    Raises:
        BadBundle: something of it does not hold. CorruptArtifact: it was damaged here.
    """
    texts: dict[str, bytes] = {}
    for member in manifest.members:
        hash = f"sha256:{member.sha256}"
        if _is_kept(member.name) and blobs.current(deck.database, hash) != hash:
            raise Refused(
                f"rows of a person were erased here from what {member.name} of {name} holds",
                "ask its maker for a version without them",
            )
        if member.name in TEXTS or member.name == CODE:
            texts[member.name] = deck.artifacts.read(hash)
        elif _is_kept(member.name):
            deck.artifacts.verify(hash)
        if member.name in (PIPELINE, COMPILED):
            with deck.artifacts.path(hash).open("rb") as file:
                check_zip(name, member.name, file, MOST_UNPACKED)
    return content_of(name, manifest, texts)


def _check_model(deck: Deck, name: str, content: Content, settings: ModelSettings) -> None:
    """Look whether the deck's model is of the version's task, and whether it trusts the types of its artifact."""
    from engine.serving.contract import Signature

    version, of = content.version, content.manifest.about["of"]
    try:
        Signature.from_json(version.signature)
        task = str(json.loads(content.texts["settings.json"])["model"]["task"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise bad(name, "the signature or the settings of its version cannot be read") from None
    if task != settings.task:
        raise Refused(
            f"{of} is of task {task[:40]}, and {version.model} is of task {settings.task} here",
            "import it into a deck whose model is of that task",
        )
    artifact = deck.artifacts.path(version.artifact_hash)
    code = extract_bundle(deck, version.bundle_hash) if version.bundle_hash else None
    types_of(artifact, code, f"{of} in {name}", settings.train.trusted)


def _register(
    deck: Deck, tx: Write, content: Content, record: str, *, actor: str, via: str | None, reason: str
) -> Version:
    version, manifest = content.version, content.manifest
    _, revision = current_settings(deck)
    deck_name = str(manifest.about.get("deck", ""))
    for member in manifest.members:
        hash = f"sha256:{member.sha256}"
        if member.name in _KINDS:
            blobs.record_blob(tx, hash, member.size, _KINDS[member.name])
        elif member.name.startswith(DATA):
            kind = "snapshot" if hash == version.snapshot_id else "segment"
            blobs.record_blob(tx, hash, member.size, kind)
    blobs.record_blob(tx, record, deck.artifacts.path(record).stat().st_size, "origin")
    origins.adopt_snapshot(tx, content.snapshot)
    origins.adopt_run(tx, content.run, revision, f"imported from {deck_name}")
    compiled = manifest.member(COMPILED)
    if compiled is not None:
        run_artifacts.keep_artifact(tx, version.run_id, "compiled.zip", f"sha256:{compiled.sha256}", compiled.size)
    made = versions.register(
        tx,
        model=version.model,
        run_id=version.run_id,
        snapshot_id=version.snapshot_id,
        settings_revision=revision,
        bundle_hash=version.bundle_hash,
        environment_hash=version.environment_hash,
        artifact_hash=version.artifact_hash,
        artifact_bytes=version.artifact_bytes,
        golden_hash=version.golden_hash,
        signature=version.signature,
        decision=version.decision,
        evaluation=version.evaluation,
        estimator=version.estimator,
        actor=actor,
        git_commit=version.git_commit,
        git_dirty=version.git_dirty,
        cutoff_at=version.cutoff_at,
        description=version.description,
        tags=version.tags,
        why=f"imported from {deck_name} while a champion serves",
    )
    sealing.seal(deck, tx, made)
    origin = Origin(
        made.model,
        made.number,
        deck_name,
        str(manifest.about.get("deck_id", "")),
        version.number,
        manifest.signer,
        content.sealed_hash,
        manifest.hash,
        record,
        actor,
        tx.at,
    )
    origins.put_origin(tx, origin, reason, via)
    return made


def _record(content: Content) -> bytes:
    """Return what is kept of where a version came from: manifest, signature, and the texts as they were signed."""
    manifest = content.manifest
    texts = {name: text.decode("utf-8", "replace") for name, text in content.texts.items() if name in TEXTS}
    told = {"manifest": manifest.text.decode(), "signer": manifest.signer, "signature": manifest.signature}
    return canonical({**told, "texts": texts})


def _settings(deck: Deck, manifest: Manifest) -> ModelSettings:
    """Return the applied settings of the model that a bundle is of.

    Raises:
        UnknownName: the deck has no such model; the line says how it comes by one.
    """
    model = str(manifest.about.get("of", "")).rpartition("@")[0]
    applied = settings_store.current(deck.database)
    if applied is None or model not in applied.body["models"]:
        raise UnknownName(
            f"this deck has no model named {model[:80]!r}",
            "apply a file of it first, or take the bundle's own: --with-settings",
        )
    return DeckSettings.from_body(applied.body).models[model]


def _is_kept(name: str) -> bool:
    return name in TEXTS or name in _KINDS or name.startswith(DATA)


def _place(deck: Deck, bundle: str) -> Path:
    try:
        deck.artifacts.place(bundle)  # that it is a hash, and nothing that leads elsewhere
    except CorruptArtifact:
        raise _not_begun(bundle) from None
    return deck.workspace.importing / bundle.removeprefix("sha256:")[:32]


def _not_begun(bundle: str) -> UnknownName:
    return UnknownName(f"no import of bundle {bundle[:19]!r} is under way", "begin it: modeldeck bundle import")


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
