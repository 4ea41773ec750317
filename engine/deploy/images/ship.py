"""Brings an image to an engine: only the layers it lacks, the whole archive where that is not understood."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.deploy.images.archive import Image, archive, archive_size, chain_ids
from engine.deploy.images.base import Say
from engine.deploy.images.places import layer_folder
from engine.deploy.images.speaking import spoken_to
from engine.workspace import Workspace
from store.errors import WorkFailed

UNPACK_S = 600
CONTAINERD = "io.containerd.snapshotter"


@dataclass(frozen=True, slots=True)
class Shipped:
    """What went to the engine. `id` is the image's id there, which a containerd image store makes by its own rule."""

    id: str
    bytes_sent: int
    whole: bool
    already: bool


def ship(workspace: Workspace, engine: Any, host: str, image: Image, say: Say) -> Shipped:
    """Load an image into an engine, unless it is there; afterwards it is there by content, or this raises.

    Raises:
        Unavailable: the engine does not answer.
        WorkFailed: the engine did not take it, or has something else under its name afterwards.
    """
    with spoken_to(f"host {host}"):
        there = _id_there(engine, image)
        if there is not None:
            return Shipped(there, 0, whole=False, already=True)
        have = frozenset[str]() if _stores_by_containerd(engine) else chains_there(engine)
        return load(engine, host, image, layer_folder(workspace), have, say)


def load(engine: Any, host: str, image: Image, folder: Path, have: Collection[str], say: Say) -> Shipped:
    """Load an archive without the layers in `have`; where the engine lacks one after all, the whole archive."""
    sent = 0
    for left_out in (have, ()) if have else ((),):
        size = archive_size(image, left_out)
        sent += size
        try:
            with spoken_to(f"host {host}"):
                _take_in(engine, host, _counted(archive(image, folder, left_out), size, host, say))
                there = _id_there(engine, image)
        except WorkFailed:
            if not left_out:
                raise
            say(0.0, f"host {host} lacks a layer after all: sending the whole image")
            continue
        if there is not None:
            return Shipped(there, sent, whole=not left_out, already=False)
    raise WorkFailed(f"host {host} has no image with the layers of {image.tag} after it was loaded", "check the host")


def _take_in(engine: Any, host: str, pieces: Iterator[bytes]) -> None:
    """Let an engine load an archive, and read to its end what it says: errors come with a status of 200."""
    before, engine.api.timeout = engine.api.timeout, UNPACK_S  # it is silent while it unpacks
    try:
        said = list(engine.api.load_image(pieces))
    finally:
        engine.api.timeout = before
    wrong = [each["error"] for each in said if "error" in each]
    if wrong:
        raise WorkFailed(f"host {host} did not take an image: {' '.join(wrong[0].split())}")


def chains_there(engine: Any) -> frozenset[str]:
    """Return the chain id of every layer that an engine's images stand on."""
    found: set[str] = set()
    for each in engine.api.images():
        layers = engine.api.inspect_image(each["Id"])["RootFS"].get("Layers") or []
        found.update(chain_ids(layers))
    return frozenset(found)


def _id_there(engine: Any, image: Image) -> str | None:
    """Return the engine's id of an image that is there by content and under its tag, else None."""
    from docker.errors import NotFound

    for name in (image.id, image.tag):
        try:
            found = engine.images.get(name)
        except NotFound:
            continue
        if found.attrs["RootFS"].get("Layers") == [layer.diff_id for layer in image.layers]:
            if image.tag not in found.tags:
                found.tag(*image.tag.split(":"))
            return str(found.id)
    return None


def _stores_by_containerd(engine: Any) -> bool:
    """Say whether an engine keeps images in containerd, which opens every layer of an archive."""
    return any(CONTAINERD in str(pair) for pair in engine.info().get("DriverStatus") or ())


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 1_000_000 else f"{count / 1e3:,.1f} KB"


def _counted(pieces: Iterator[bytes], size: int, host: str, say: Say) -> Iterator[bytes]:
    done = 0
    for piece in pieces:
        yield piece
        done += len(piece)
        say(done / size, f"sending {_size(size)} to {host}")
