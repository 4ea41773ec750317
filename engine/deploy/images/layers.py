"""Image layers as deterministic tar files: sorted, at one time, with owners and modes of our own."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from store.storage import writing_to

EPOCH = 1_700_000_000
CREATED = "2023-11-14T22:13:20Z"  # EPOCH, as an image's configuration says it


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of an image; `diff_id` is the sha256 of its tar file."""

    diff_id: str
    size: int

    def file(self, folder: Path) -> Path:
        """Return where its tar file lies in the deck's layer folder."""
        return folder / f"{self.diff_id.removeprefix('sha256:')}.tar"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing in a layer; `source` is a file, bytes, or None for a folder. `link` makes it a symbolic link."""

    name: str
    source: Path | bytes | None = None
    mode: int = 0o644
    owner: int = 0
    link: str = ""


class _Hashing(io.RawIOBase):
    """Passes what is written on to a file, and knows its hash."""

    def __init__(self, target: BinaryIO) -> None:
        super().__init__()
        self._target = target
        self.hash = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        """Say yes."""
        return True

    def write(self, data: Any) -> int:
        """Write all of it."""
        self._target.write(data)
        self.hash.update(data)
        self.size += len(data)
        return len(data)


def tree(folder: Path, at: str) -> Iterator[Entry]:
    """Yield the files of a folder as entries below `at`; whoever may read them, everybody may in the image."""
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(place, name)
            mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            yield Entry(str(PurePosixPath(at, path.relative_to(folder).as_posix())), path, mode)


def write_layer(folder: Path, entries: Iterable[Entry]) -> Layer:
    """Write a layer into the deck's layer folder and return it; parent folders are added, root's and 0755.

    Raises:
        StorageUnwritable: the disk is full or read-only.
    """
    with writing_to(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, fresh = tempfile.mkstemp(prefix=".layer-", dir=folder)
        try:
            with os.fdopen(handle, "wb") as target:
                hashing = _Hashing(target)
                _write_tar(hashing, entries)
            layer = Layer(f"sha256:{hashing.hash.hexdigest()}", hashing.size)
            os.replace(fresh, layer.file(folder))
        finally:
            Path(fresh).unlink(missing_ok=True)
    return layer


def adopt_layer(folder: Path, tar: Path) -> Layer:
    """Take a finished tar file over as a layer."""
    with tar.open("rb") as source:
        digest = hashlib.file_digest(source, "sha256").hexdigest()
    layer = Layer(f"sha256:{digest}", tar.stat().st_size)
    with writing_to(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.replace(tar, layer.file(folder))
    return layer


def _write_tar(target: _Hashing, entries: Iterable[Entry]) -> None:
    with tarfile.open(fileobj=target, mode="w|", format=tarfile.GNU_FORMAT) as out:
        made: set[str] = set()
        for entry in sorted(entries, key=lambda each: PurePosixPath(each.name).parts):
            for parent in reversed(PurePosixPath(entry.name).parents[:-1]):
                if str(parent) not in made:
                    made.add(str(parent))
                    out.addfile(_info(Entry(str(parent), mode=0o755)))
            if entry.source is None and not entry.link:
                made.add(entry.name)
            _add(out, entry)


def _add(out: tarfile.TarFile, entry: Entry) -> None:
    info = _info(entry)
    if entry.link or entry.source is None:
        out.addfile(info)
    elif isinstance(entry.source, bytes):
        info.size = len(entry.source)
        out.addfile(info, io.BytesIO(entry.source))
    else:
        with entry.source.open("rb") as content:
            info.size = os.fstat(content.fileno()).st_size
            out.addfile(info, content)


def _info(entry: Entry) -> tarfile.TarInfo:
    info = tarfile.TarInfo(entry.name)
    info.mode, info.mtime, info.uid, info.gid = entry.mode, EPOCH, entry.owner, entry.owner
    if entry.link:
        info.type, info.linkname = tarfile.SYMTYPE, entry.link
    elif entry.source is None:
        info.type = tarfile.DIRTYPE
    return info


def key_of(inputs: Any) -> str:
    """Return 32 hex digits that name what is made from these inputs."""
    told = json.dumps(inputs, sort_keys=True, separators=(",", ":")).encode()
    return hashlib.sha256(told).hexdigest()[:32]


def keep(path: Path, record: dict[str, Any]) -> None:
    """Write a record whole, by rename."""
    with writing_to(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}.tmp")
        fresh.write_text(json.dumps(record, indent=1, sort_keys=True), encoding="utf-8")
        os.replace(fresh, path)


def kept(path: Path) -> dict[str, Any] | None:
    """Return a record, None where there is none to be read."""
    try:
        record: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return record


def layers_of(record: dict[str, Any], folder: Path) -> tuple[Layer, ...] | None:
    """Return the layers a record names, None where the file of one is gone or cut short."""
    layers = tuple(Layer(each["diff_id"], each["size"]) for each in record["layers"])
    for layer in layers:
        try:
            if layer.file(folder).stat().st_size != layer.size:
                return None
        except OSError:
            return None
    return layers


def told(layers: Iterable[Layer]) -> list[dict[str, Any]]:
    """Return layers as a record keeps them."""
    return [{"diff_id": layer.diff_id, "size": layer.size} for layer in layers]
