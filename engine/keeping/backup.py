"""A backup of a deck that works on: one moment of its registry, and every file that this moment refers to.

The spool is copied before the registry and everything else after it: how far a spool file has been taken in, a
version's artifact, a delivery of outcomes are then never ahead of what lies beside them. A claim keeps content there.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.deck import Deck
from engine.keeping.archive import FORMAT, STATE, WORKSPACE, Manifest, Progress, Writer
from engine.model_io.carried import carried, digits_of, gateway_files, is_whole
from engine.model_io.code import code_files
from engine.monitoring.layout import alone
from engine.product import VERSION
from store import blobs, events, settings
from store.clock import Clock
from store.creation import sync_folder
from store.database import SCHEMA, Database
from store.errors import CorruptArtifact, Refused
from store.storage import writing_to
from store.whole import copy_registry


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup as it was made. `left_out` names what was damaged or missing, and is therefore not in it."""

    file: str
    sha256: str
    size_bytes: int
    members: int
    events: int
    head: str
    schema: int
    keys: bool
    created_at: int
    left_out: tuple[str, ...] = ()


class Telling:
    """Adds up the bytes copied, and tells the sum."""

    def __init__(self, tell: Progress) -> None:
        self._tell, self._done = tell, 0

    def __call__(self, count: int) -> None:
        """Count on."""
        self._done += count
        self._tell(self._done)


def create(
    deck: Deck,
    target: Path,
    *,
    with_keys: bool = False,
    with_layers: bool = True,
    tell: Progress = lambda _: None,
) -> Backup:
    """Write a backup to `target`, whole or not at all; `tell` is given the bytes copied so far.

    `with_layers` takes what came of images with bundles along: a deck without a network could not get it again.

    Raises:
        Refused: the target is there already, or lies inside `.modeldeck`.
        StorageUnwritable: its disk is full or read-only; nothing is left of it.
    """
    target = target.absolute()
    _check_target(deck, target)
    with writing_to(target.parent):
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".new")
        made = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                manifest = _fill(deck, Writer(file, Telling(tell)), target.parent, with_keys, with_layers)
                file.flush()
                os.fsync(file.fileno())
            with made.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = made.stat().st_size
            os.link(made, target)  # never over a file that appeared meanwhile
            sync_folder(target.parent)
        except FileExistsError:
            raise Refused(f"{target} is there already", "name another file") from None
        finally:
            made.unlink(missing_ok=True)
    return Backup(
        file=str(target),
        sha256=f"sha256:{digest}",
        size_bytes=size,
        members=len(manifest.members),
        events=manifest.events,
        head=manifest.head,
        schema=manifest.schema,
        keys=manifest.keys,
        created_at=manifest.created_at,
        left_out=manifest.left_out,
    )


def size_of(deck: Deck) -> int:
    """Return about how many bytes a backup will hold."""
    kept = (deck.workspace.artifacts, deck.workspace.predictions, deck.workspace.outcomes)
    sizes = [path.stat().st_size for folder in kept for path in _files(folder)]
    layers = {path for one in carried(deck.workspace) for path in one.layers if path.is_file()}
    sizes += [path.stat().st_size for path in layers]
    return sum(sizes) + deck.workspace.registry.stat().st_size


def _check_target(deck: Deck, target: Path) -> None:
    if not target.parent.is_dir():
        raise Refused(f"there is no folder {target.parent}", "make it, or name another file")
    if target.exists():
        raise Refused(f"{target} is there already", "name another file")
    if target.parent.resolve().is_relative_to(deck.workspace.state):
        raise Refused(f"{target} lies inside the deck it is to save", "name a file outside .modeldeck, on another disk")


def _fill(deck: Deck, writer: Writer, scratch: Path, with_keys: bool, with_layers: bool) -> Manifest:
    """Write every member. The copy of the registry lies in `scratch` meanwhile, on the target's disk."""
    workspace = deck.workspace
    with deck.artifacts.claiming_everything():
        _add_tree(writer, workspace.spool, "spool")
        handle, name = tempfile.mkstemp(dir=scratch, prefix=".registry.", suffix=".new")
        os.close(handle)
        copy = Path(name)
        try:
            copy_registry(workspace.registry, copy)
            writer.add(f"{STATE}/registry.db", copy)
            copied = Database(copy, deck.clock)
            try:
                manifest = _manifest(copied, deck.clock, with_keys)
                hashes = [str(row["hash"]) for row in blobs.present(copied)]
            finally:
                copied.close()
        finally:
            for left in (copy, *(Path(f"{copy}{suffix}") for suffix in ("-wal", "-shm"))):
                left.unlink(missing_ok=True)
        left_out = [hash for hash in hashes if not _add_artifact(deck, writer, hash)]
        if with_layers:
            left_out += _add_carried(deck, writer, {digits_of(hash) for hash in hashes})
    with alone(workspace.predictions, "collect.lock"):  # Parquet, watermark and segments of one moment
        _add_tree(writer, workspace.predictions, "predictions", without=(".lock", ".tmp"))
    _add_tree(writer, workspace.outcomes, "outcomes", without=(".lock", ".tmp"))
    _add_tree(writer, workspace.access_log, "access")
    if with_keys:
        _add_tree(writer, workspace.keys, "keys")
    for path in _settings_files(workspace.root):
        writer.add(f"{WORKSPACE}/{path.relative_to(workspace.root).as_posix()}", path)
    whole = Manifest(
        format=FORMAT,
        product=VERSION,
        schema=SCHEMA,
        deck=manifest.deck,
        created_at=manifest.created_at,
        keys=with_keys,
        events=manifest.events,
        head=manifest.head,
        left_out=tuple(left_out),
        members=writer.members,
    )
    writer.finish(whole)
    return whole


def _manifest(copied: Database, clock: Clock, with_keys: bool) -> Manifest:
    applied = settings.current(copied)
    newest = events.events(copied, limit=1)
    return Manifest(
        format=FORMAT,
        product=VERSION,
        schema=SCHEMA,
        deck=str(applied.body["name"]) if applied else "",
        created_at=clock.now(),
        keys=with_keys,
        events=newest[0].seq if newest else 0,
        head=newest[0].hash if newest else events.GENESIS,
    )


def _add_artifact(deck: Deck, writer: Writer, hash: str) -> bool:
    """Add content that is what its name says; returns False where it is damaged or missing."""
    digits = hash.removeprefix("sha256:")
    try:
        deck.artifacts.verify(hash)
        writer.add(f"{STATE}/artifacts/{digits[:2]}/{digits[2:]}", deck.artifacts.path(hash))
    except CorruptArtifact:
        return False
    return True


def _add_carried(deck: Deck, writer: Writer, environments: set[str]) -> list[str]:
    """Add what came of images for environments that are there, each layer by its hash; return what is not whole."""
    workspace, left_out = deck.workspace, []
    mine = [one for one in carried(workspace) if one.environment in environments]
    broken = {layer for layer in {each for one in mine for each in one.layers} if not is_whole(layer)}
    left_out += [f"image layer sha256:{layer.stem}" for layer in sorted(broken)]
    mine = [one for one in mine if one.layers and broken.isdisjoint(one.layers)]
    files = {path for one in mine for path in (one.record, *one.layers)}
    if mine:
        files |= {path for pair in gateway_files(workspace) for path in pair}
    for path in sorted(files):
        writer.add(f"{STATE}/{path.relative_to(workspace.state).as_posix()}", path)
    return left_out


def _add_tree(writer: Writer, folder: Path, name: str, without: tuple[str, ...] = ()) -> None:
    for path in _files(folder):
        if path.suffix in without or path.name.startswith("."):
            continue
        if path.suffix == ".open" and not path.exists():  # a server has closed its segment since it was listed
            path = path.with_suffix(".jsonl")  # noqa: PLW2901
        try:
            writer.add(f"{STATE}/{name}/{path.relative_to(folder).as_posix()}", path)
        except FileNotFoundError:  # taken in and removed since it was listed
            continue


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _settings_files(root: Path) -> Iterator[Path]:
    models = sorted((root / "models").glob("*.toml"))
    yield from (path for path in (root / "deck.toml", *models) if path.is_file())
    yield from code_files(root)
