"""Images as docker-archives of our own: configuration, manifest, and those layers that an engine does not have yet."""

from __future__ import annotations

import hashlib
import json
import platform
import tarfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.deploy.images.layers import CREATED, Layer

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_BLOCK = 512
_RECORD = 10240
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Image:
    """An image before any engine has it: layers from the base up, what runs in them, and its tag."""

    layers: tuple[Layer, ...]
    config: dict[str, Any]
    architecture: str
    name: str

    def configuration(self) -> bytes:
        """Return its configuration file; nothing in it depends on when or where it was made."""
        body = {
            "architecture": self.architecture,
            "os": "linux",
            "created": CREATED,
            "config": self.config,
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in self.layers]},
            "history": [{"created": CREATED, "created_by": "modeldeck"} for _ in self.layers],
        }
        return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()

    @property
    def id(self) -> str:
        """`sha256:…` of its configuration: the id every overlay2 engine gives it."""
        return f"sha256:{hashlib.sha256(self.configuration()).hexdigest()}"

    @property
    def tag(self) -> str:
        """Its name on an engine; the digits keep another image of the same version apart."""
        return f"modeldeck:{self.name}-{self.id.removeprefix('sha256:')[:12]}"

    @property
    def size(self) -> int:
        """Bytes of all its layers."""
        return sum(layer.size for layer in self.layers)


def architecture() -> str:
    """Return what images call this machine's processor: images are made for hosts of the same kind."""
    return _MACHINES.get(platform.machine(), platform.machine())


def chain_ids(diff_ids: list[str]) -> list[str]:
    """Return the chain id of each layer: what an engine looks a layer up by, itself and all below it."""
    chain: list[str] = []
    for diff_id in diff_ids:
        below = f"{chain[-1]} {diff_id}".encode() if chain else b""
        chain.append(f"sha256:{hashlib.sha256(below).hexdigest()}" if below else diff_id)
    return chain


def missing(image: Image, have: Collection[str]) -> list[Layer]:
    """Return the layers that an engine with these chain ids lacks."""
    chain = chain_ids([layer.diff_id for layer in image.layers])
    return [layer for layer, id in zip(image.layers, chain, strict=True) if id not in have]


def archive_size(image: Image, have: Collection[str] = ()) -> int:
    """Return the bytes `archive` will yield."""
    contents = [len(image.configuration()), len(_manifest(image)), *(layer.size for layer in missing(image, have))]
    return _whole(sum(_BLOCK + _whole(size, _BLOCK) for size in contents) + 2 * _BLOCK, _RECORD)


def archive(image: Image, folder: Path, have: Collection[str] = ()) -> Iterator[bytes]:
    """Yield the docker-archive of an image in pieces, without the layers whose chain id is in `have`.

    An engine opens the file of a layer only where it does not know the layer's chain id: what it has may be left out.
    """
    done = 0
    for name, content in ((_config_name(image), image.configuration()), ("manifest.json", _manifest(image))):
        piece = _header(name, len(content)) + content + _padding(len(content))
        done += len(piece)
        yield piece
    for layer in missing(image, have):
        yield _header(_layer_name(layer), layer.size)
        with layer.file(folder).open("rb") as source:
            while piece := source.read(_PIECE):
                yield piece
        yield _padding(layer.size)
        done += _BLOCK + _whole(layer.size, _BLOCK)
    yield b"\0" * (_whole(done + 2 * _BLOCK, _RECORD) - done)


def saved_files(image: Image, folder: Path) -> dict[str, bytes | Path]:
    """Return what `archive` writes, file by file: the bytes of each, or where they lie."""
    texts: dict[str, bytes | Path] = {_config_name(image): image.configuration(), "manifest.json": _manifest(image)}
    return {**texts, **{_layer_name(layer): layer.file(folder) for layer in image.layers}}


def _manifest(image: Image) -> bytes:
    layers = [_layer_name(layer) for layer in image.layers]
    return json.dumps([{"Config": _config_name(image), "RepoTags": [image.tag], "Layers": layers}]).encode()


def _config_name(image: Image) -> str:
    return f"{image.id.removeprefix('sha256:')}.json"


def _layer_name(layer: Layer) -> str:
    return f"{layer.diff_id.removeprefix('sha256:')}.tar"


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)


def _padding(size: int) -> bytes:
    return b"\0" * (_whole(size, _BLOCK) - size)


def _whole(size: int, unit: int) -> int:
    return -(-size // unit) * unit
