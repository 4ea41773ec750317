"""Brings an image to an engine: only the layers it lacks, the whole archive where that is not understood."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.deploy.images.archive import Image, archive, archive_size, chain_ids
from engine.deploy.images.base import Say
from engine.deploy.images.places import layer_folder
from engine.deploy.images.room import free_bytes, needed_for
from engine.deploy.images.speaking import spoken_to
from engine.workspace import Workspace
from store.errors import WorkFailed

UNPACK_S = 600
CONTAINERD = "io.containerd.snapshotter"
NO_ROOM = "no space left on device"
ROOM = "make room there (docker system df), then promote again"
SMALL = 1 << 20  # bytes from which on a layer is sent by itself, and room is asked for first
PART = "part"  # names what holds the lower layers of an image until the rest of it has come


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
    from docker.errors import APIError

    with spoken_to(f"host {host}"):
        there = _id_there(engine, image)
        if there is not None:
            return Shipped(there, 0, whole=False, already=True)
        if _stores_by_containerd(engine):
            return load(engine, host, image, layer_folder(workspace), (), say)
        have = chains_there(engine)
        _check_room(engine, host, image, archive_size(image, have))
        parts = large_layers_first(engine, host, image, layer_folder(workspace), have, say)
        rest = load(engine, host, image, layer_folder(workspace), have | set(parts.chains), say)
        for tag in parts.tags:  # what a cut transfer left stood under the same tags
            with contextlib.suppress(APIError):
                engine.images.remove(tag)
        return replace(rest, bytes_sent=parts.bytes_sent + rest.bytes_sent)


@dataclass(frozen=True, slots=True)
class Parts:
    """The lower layers of an image that went ahead of it: their chain ids, and the tags that hold them there."""

    chains: tuple[str, ...]
    tags: tuple[str, ...]
    bytes_sent: int


def large_layers_first(engine: Any, host: str, image: Image, folder: Path, have: Collection[str], say: Say) -> Parts:
    """Send each large layer that an engine lacks, but the last, as an image of its own up to there.

    An engine keeps nothing of an archive that breaks off. So a transfer that is cut goes on at the layer it was cut in;
    that one layer goes again as a whole.

    Raises:
        Unavailable: the engine does not answer any more.
        WorkFailed: it does not take one.
    """
    chain = chain_ids([layer.diff_id for layer in image.layers])
    heights = range(1, len(image.layers))
    images = [Image(image.layers[:height], {}, image.architecture, PART) for height in heights]
    large = [one for one in images if one.layers[-1].size >= SMALL]
    known, sent = set(have), 0
    for number, part in enumerate(large, 1):
        ids = chain[: len(part.layers)]
        if ids[-1] in known:
            continue
        size = archive_size(part, known)
        told = f"sending {_size(size)} to {host}, large layer {number} of {len(large)}"
        with spoken_to(f"host {host}"):
            _take_in(engine, host, _counted(archive(part, folder, known), size, told, say))
        known.update(ids)
        sent += size
    there = [part.tag for part in large]
    return Parts(tuple(known - set(have)), tuple(there), sent)


def load(engine: Any, host: str, image: Image, folder: Path, have: Collection[str], say: Say) -> Shipped:
    """Load an archive without the layers in `have`; where the engine lacks one after all, the whole archive."""
    sent = 0
    for left_out in (have, ()) if have else ((),):
        size = archive_size(image, left_out)
        sent += size
        try:
            with spoken_to(f"host {host}"):
                _take_in(
                    engine,
                    host,
                    _counted(archive(image, folder, left_out), size, f"sending {_size(size)} to {host}", say),
                )
                there = _id_there(engine, image)
        except WorkFailed as error:
            if NO_ROOM in error.message:
                told = f"host {host} has no room for {_size(size)} of {image.tag}: {NO_ROOM}"
                raise WorkFailed(told, ROOM) from None
            if not left_out:
                raise
            say(0.0, f"host {host} lacks a layer after all: sending the whole image")
            continue
        if there is not None:
            return Shipped(there, sent, whole=not left_out, already=False)
    raise WorkFailed(f"host {host} has no image with the layers of {image.tag} after it was loaded", "check the host")


def _check_room(engine: Any, host: str, image: Image, size: int) -> None:
    """Refuse what would fill the host's disk on the way: what serves there could not log any more."""
    if size < SMALL:
        return
    with spoken_to(f"host {host}"):
        free = free_bytes(engine)
    if free is not None and free < needed_for(size):
        told = f"host {host} has no room for {_size(size)} of {image.tag}"
        raise WorkFailed(f"{told}: it needs {_size(needed_for(size))} and has {_size(free)}", ROOM)


def _take_in(engine: Any, host: str, pieces: Iterator[bytes]) -> None:
    """Let an engine load an archive, and read to its end what it says: errors come with a status of 200."""
    before, engine.api.timeout = engine.api.timeout, UNPACK_S  # it is silent while it unpacks
    try:
        said = list(engine.api.load_image(pieces))
    finally:
        engine.api.timeout = before
    wrong = [" ".join(each["error"].split()) for each in said if "error" in each]
    if wrong:
        raise WorkFailed(f"host {host} did not take an image: {wrong[0]}")


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


def _counted(pieces: Iterator[bytes], size: int, told: str, say: Say) -> Iterator[bytes]:
    done = 0
    for piece in pieces:
        yield piece
        done += len(piece)
        say(done / size, told)
