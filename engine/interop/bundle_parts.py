"""What is put into a bundle of a version, member by member, and where each member's bytes lie until it is written.

The members below `server/` are the folder of `versions export`: whoever unpacks the tar has a model that answers, with
or without modeldeck. Those below `image/` are what `docker save` writes.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.governance.evidence import sign
from engine.governance.keeping import card_now
from engine.governance.lineage import Lineage
from engine.interop.bundle_file import (
    CODE,
    DATA,
    IMAGE,
    MODEL_FILE,
    MOST_MEMBER_BYTES,
    TEXTS,
    Manifest,
    Member,
    is_plain,
    signed,
)
from engine.model_io import sealing
from engine.model_io.segments import segments_of
from engine.product import VERSION
from engine.settings.apply import settings_of
from store import approvals, blobs, events, images, quality, releases, runs, seals, settings, snapshots
from store.errors import ModeldeckError, Refused
from store.rows import to_json

if TYPE_CHECKING:
    from engine.deck import Deck
    from store.database import Reader
    from store.rows import Version

MOST_NODES = 200


def collected(deck: Deck, version: Version, *, with_data: bool, with_image: bool) -> tuple[Manifest, dict[str, Path]]:
    """Return the signed manifest of a version's bundle, and where the bytes of each member lie, by its path.

    Raises:
        CorruptArtifact: the seal does not hold, or something that the version pins is missing or damaged.
        Refused: the deck has no key, no image of the version was ever built, or a name fits in no bundle.
        StorageUnwritable: the disk is full or read-only.
    """
    from engine.deploy.exporting import exported

    seal = sealing.checked(deck, version)
    served = exported(deck, version, settings_of(deck, version.settings_revision).models[version.model])
    with deck.database.reading() as reader:
        texts = {**_texts(deck, reader, version), "seal.json": _json(sealing.as_json(seal))}
        first, newest = events.event(reader, 1), events.events(reader, limit=1)[0]
        known = list(seals.signers(reader))
        name = settings.deck_name(reader, deck.workspace.root.name)
        image = _image(reader, version) if with_image else None
    files: dict[str, bytes | Path] = {name: texts[name] for name in TEXTS}
    files |= _model_file(deck, version)
    if version.bundle_hash:
        files[CODE] = deck.artifacts.read(version.bundle_hash)
    files |= {f"server/{path}": source for path, source in sorted(served.items())}
    if with_data:
        files |= _data(deck, version)
    carries: dict[str, Any] = {}
    if image is not None:
        from engine.interop.bundle_image import image_files

        more, carries = image_files(deck, image)
        files |= more
    places = {name: _place(deck, name, source) for name, source in files.items()}
    about = {
        "of": f"{version.model}@{version.number}",
        "deck": name,
        "deck_id": first.hash if first is not None else "",
        "product": VERSION,
        "made_at": deck.clock.now(),
        "signers": known,
        "head": {"seq": newest.seq, "hash": newest.hash},
        "data": with_data,
        "image": image or "",
        "carries": carries,
    }
    members = [_member(name, place) for name, place in places.items()]
    return signed(about, members, lambda content: sign(deck, content)), places


def place_of(deck: Deck, member: Member) -> Path:
    """Return where the bytes of a collected member lie.

    Raises:
        CorruptArtifact: they are gone.
    """
    if member.name.startswith(IMAGE):
        from engine.interop.bundle_image import place_here

        layer = place_here(deck, member)
        if layer is not None:
            return layer
    return deck.artifacts.path(f"sha256:{member.sha256}")


def data_hashes(deck: Deck, snapshot_id: str) -> list[str]:
    """Return the hashes of a snapshot's own bytes and of its segments.

    Raises:
        CorruptArtifact: they are missing or damaged. Refused: a person was erased from them.
    """
    if blobs.current(deck.database, snapshot_id) != snapshot_id:
        raise Refused(
            f"rows of a person were erased from snapshot {snapshot_id[:19]}: it is not what was sealed any more",
            "export it without --with-data, or train a version on the rows that are left",
        )
    found = [snapshot_id, *(str(one["hash"]) for one in segments_of(deck.artifacts, snapshot_id))]
    for hash in found:
        deck.artifacts.verify(hash)
    return list(dict.fromkeys(found))


def _texts(deck: Deck, reader: Reader, version: Version) -> dict[str, bytes]:
    model = version.model
    row = settings.get(reader, version.settings_revision)
    card = card_now(deck, reader, version)
    given = approvals.approvals(reader, model=model, standing_only=False)
    done = [one for one in releases.releases(reader, model, limit=1000) if one.to_version == version.number]
    check = quality.check_of(reader, model, version.snapshot_id, version.settings_revision)
    walk = Lineage(reader, lambda _model: {}, MOST_NODES)
    lineage = {
        "behind": [to_json(node) for node in walk.behind_version(version)],
        "after": [to_json(node) for node in walk.after_version(version)],
    }
    golden = json.loads(deck.artifacts.read(version.golden_hash))
    checks = {
        "data": to_json(check) if check is not None else None,
        "golden": {"requests": len(golden["requests"]), "hash": version.golden_hash},
        "gates": row.body["models"][model].get("gates", {}),
        "evaluation": version.evaluation,
    }
    return {
        "version.json": _json(to_json(version)),
        "settings.json": _json({"revision": row.revision, "hash": row.hash, "model": row.body["models"][model]}),
        "environment.json": deck.artifacts.read(version.environment_hash),
        "run.json": _json(to_json(runs.run(reader, version.run_id))),
        "snapshot.json": _json(to_json(snapshots.snapshot(reader, version.snapshot_id, model))),
        "card.md": card.text.encode(),
        "card.json": _json(to_json(card)),
        "lineage.json": _json(lineage),
        "checks.json": _json(checks),
        "approvals.json": _json([to_json(one) for one in given if one.version == version.number]),
        "releases.json": _json(
            [{**to_json(one), "steps": [to_json(step) for step in releases.steps(reader, one.id)]} for one in done]
        ),
        "images.json": _json([to_json(one) for one in images.images(reader, model) if one.version == version.number]),
    }


def _model_file(deck: Deck, version: Version) -> dict[str, bytes | Path]:
    """Return the model's settings file where it says what is applied: who has no such model may take it."""
    import tomllib

    from engine.settings.folder import applied_files

    try:
        _, files = applied_files(deck)
    except ModeldeckError:
        return {}
    for one in files:
        if one.path.startswith("models/") and tomllib.loads(one.text)["model"]["name"] == version.model:
            return {f"{MODEL_FILE}{version.model}.toml": one.text.encode()}
    return {}


def _data(deck: Deck, version: Version) -> dict[str, bytes | Path]:
    return {
        f"{DATA}{hash.removeprefix('sha256:')}": deck.artifacts.path(hash)
        for hash in data_hashes(deck, version.snapshot_id)
    }


def _image(reader: Reader, version: Version) -> str:
    found = [one for one in images.images(reader, version.model) if one.version == version.number]
    if not found:
        raise Refused(
            f"no image of {version.model}@{version.number} was built here",
            "one is built when it is promoted on a docker host; without --image its server folder is in the bundle",
        )
    return found[0].digest


def _place(deck: Deck, name: str, source: bytes | Path) -> Path:
    """Return where the bytes of a member lie; what was made just now is put among the artifacts."""
    if not is_plain(name):
        raise Refused(f"{name[:80]!r} fits in no bundle", "its path has at most 200 bytes, in plain letters")
    if isinstance(source, Path) and source.is_relative_to(deck.workspace.artifacts):
        return source
    if name.startswith(IMAGE) and isinstance(source, Path):
        return source
    content = source if isinstance(source, bytes) else source.read_bytes()
    return deck.artifacts.path(deck.artifacts.put_bytes(content))


def _member(name: str, place: Path) -> Member:
    size = place.stat().st_size
    if size > MOST_MEMBER_BYTES:
        raise Refused(f"{name} has {size:,} bytes, more than a member of a bundle can", "export it without the data")
    with place.open("rb") as file:
        return Member(name, hashlib.file_digest(file, "sha256").hexdigest(), size)


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
