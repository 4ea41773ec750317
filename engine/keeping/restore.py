"""A deck made of a backup: every byte is checked in a folder beside its place, and only then put there."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from engine.keeping.archive import (
    CHUNK_BYTES,
    FORMAT,
    MANIFEST,
    MOST_MANIFEST_BYTES,
    STATE,
    WORKSPACE,
    Manifest,
    Member,
    Progress,
    as_damage,
    damaged,
    read,
    read_manifest,
)
from engine.keeping.backup import Telling
from engine.workspace import Workspace
from store import events, jobs, notifying
from store.clock import Clock
from store.creation import sync_folder
from store.database import SCHEMA, schema_of
from store.errors import Refused, Unavailable
from store.opening import create_or_upgrade
from store.rows import rfc3339
from store.storage import writing_to

STAGING = ".restoring-"


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put in place. `replaced` is where the deck that was there lies now, "" where there was none."""

    folder: str
    deck: str
    created_at: int
    members: int
    size_bytes: int
    events: int
    schema: int
    keys: bool
    replaced: str
    left_out: tuple[str, ...] = ()


def restore(
    file: Path, folder: Path, clock: Clock, *, actor: str, confirmed: str = "", tell: Progress = lambda _: None
) -> Restored:
    """Make the deck of a backup in `folder`, which is absent or empty, or holds the deck named by `confirmed`.

    A deck that is there is moved aside by whoever holds its lock, its keys kept where the backup has none. Jobs that
    ran when the backup was made are abandoned: their processes, if they live, belong to another deck.

    Raises:
        Damaged: a member is missing or not what was written; it is named, and nothing is put in place.
        Refused: the folder holds something else.
        Unavailable: the backup was made by a newer modeldeck.
        StorageUnwritable: the disk is full or read-only; nothing is put in place.
    """
    folder = folder.absolute()
    if not file.is_file():
        raise Refused(f"there is no file {file}", "name a backup made by: modeldeck backup create FILE")
    there = _check_folder(folder, confirmed)
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(dir=folder, prefix=STAGING))
    try:
        with writing_to(folder), as_damage(file):
            manifest = _extract(file, staging, Telling(tell))
        _settle(staging / STATE / "registry.db", clock, manifest, actor)
        replaced = _put(staging, folder, there, clock)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return Restored(
        folder=str(folder),
        deck=manifest.deck,
        created_at=manifest.created_at,
        members=len(manifest.members),
        size_bytes=sum(member.size for member in manifest.members.values()),
        events=manifest.events,
        schema=manifest.schema,
        keys=manifest.keys,
        replaced=str(replaced) if replaced else "",
        left_out=manifest.left_out,
    )


def _check_folder(folder: Path, confirmed: str) -> bool:
    """Return whether a deck is there that may be replaced."""
    if folder.exists() and not folder.is_dir():
        raise Refused(f"{folder} is a file", "name a folder")
    left = [path for path in folder.iterdir() if not path.name.startswith(STAGING)] if folder.is_dir() else []
    if not left:
        return False
    name = _deck_name(folder)
    if name is None:
        raise Refused(f"{folder} is not empty and is no deck", "name an empty folder")
    if confirmed != name:
        told = f"{folder} holds the deck {name}"
        raise Refused(told, f"name an empty folder, or replace it: --confirm {name}")
    return True


def _deck_name(folder: Path) -> str | None:
    import tomllib

    try:
        return str(tomllib.loads((folder / "deck.toml").read_text("utf-8")).get("name") or folder.name)
    except (OSError, ValueError):
        return None


def _extract(file: Path, staging: Path, tell: Progress) -> Manifest:
    found: dict[str, Member] = {}
    manifest: Manifest | None = None
    for name, content, size in read(file):
        if manifest is not None:
            raise damaged(file, f"{name} comes after its {MANIFEST}")
        if name == MANIFEST:
            if size > MOST_MANIFEST_BYTES:
                raise damaged(file, f"its {MANIFEST} is too large")
            manifest = read_manifest(file, content.read())
        else:
            found[name] = Member(_copy(content, staging / name, tell), size)
    if manifest is None:
        raise damaged(file, f"it was cut off: its {MANIFEST} is missing")
    _check_members(file, manifest, found)
    newer = (schema_of(staging / STATE / "registry.db") or 0) > SCHEMA
    if newer or manifest.format > FORMAT or manifest.schema > SCHEMA:
        raise Unavailable(
            f"the backup {file} was made by modeldeck {manifest.product} with schema {manifest.schema}, "
            f"this one knows up to {SCHEMA}",
            "install the newer modeldeck",
        )
    return manifest


def _check_members(file: Path, manifest: Manifest, found: dict[str, Member]) -> None:
    for name, said in manifest.members.items():
        if name not in found:
            raise damaged(file, f"{name} is missing")
        if found[name] != said:
            raise damaged(file, f"{name} does not match its hash")
    for name in found.keys() - manifest.members.keys():
        raise damaged(file, f"{name} is not in its {MANIFEST}")
    if f"{STATE}/registry.db" not in found:
        raise damaged(file, "it holds no registry")


def _copy(content: BinaryIO, place: Path, tell: Progress) -> str:
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest = hashlib.sha256()
    handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as target:
        while piece := content.read(CHUNK_BYTES):
            digest.update(piece)
            target.write(piece)
            tell(len(piece))
        target.flush()
        os.fsync(target.fileno())
    return digest.hexdigest()


def _settle(registry: Path, clock: Clock, manifest: Manifest, actor: str) -> None:
    """Bring the registry to this schema, abandon what ran, and put the restoring on record."""
    reason = f"it ran when the backup of {rfc3339(manifest.created_at)} was made"
    database = create_or_upgrade(registry, clock)
    try:
        with database.write() as tx:
            for job in jobs.running(tx):
                jobs.abandon(tx, job.id, reason)
            notifying.start_anew(tx, "the deck was restored from a backup: its original may have told it")
            events.append(
                tx,
                actor=actor,
                action="backup.restored",
                subject_kind="deck",
                subject_id=manifest.deck or "deck",
                body={"created_at": rfc3339(manifest.created_at), "events": manifest.events, "head": manifest.head},
            )
    finally:
        database.close()


def _put(staging: Path, folder: Path, there: bool, clock: Clock) -> Path | None:
    """Put what was checked in its place; what was there moves aside whole."""
    workspace = Workspace(folder.resolve())
    aside: Path | None = None
    with writing_to(folder):
        if there:
            stamp = rfc3339(clock.now()).replace("-", "").replace(":", "").partition(".")[0].rstrip("Z")
            aside = folder / f".modeldeck.replaced-{stamp}Z"
            aside.mkdir(mode=0o700)
            if workspace.keys.is_dir() and not (staging / STATE / "keys").exists():
                shutil.copytree(workspace.keys, staging / STATE / "keys")
        for path in sorted((staging / WORKSPACE).rglob("*")) if (staging / WORKSPACE).is_dir() else []:
            if path.is_file():
                _put_file(path, path.relative_to(staging / WORKSPACE), folder, aside)
        if aside is not None and workspace.state.exists():
            workspace.state.rename(aside / "state")
        (staging / STATE).rename(workspace.state)
        workspace.state.chmod(0o700)
        for place in (workspace.state, folder):
            sync_folder(place)
    return aside


def _put_file(path: Path, name: Path, folder: Path, aside: Path | None) -> None:
    place = folder / name
    if place.exists() and aside is not None:
        kept = aside / WORKSPACE / name
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copy2(place, kept)
    place.parent.mkdir(parents=True, exist_ok=True)
    path.replace(place)
