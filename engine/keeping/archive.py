"""The form of a backup: a plain tar whose last member, `manifest.json`, holds the sha256 of every other.

Members lie below `state/` (the registry, artifacts, predictions, outcomes, spool, keys) and `workspace/` (settings and
code), in a fixed order, with fixed times and owner. A file that was cut off has no manifest.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from store.errors import WorkFailed

FORMAT = 1
MANIFEST = "manifest.json"
STATE, WORKSPACE = "state", "workspace"
CHUNK_BYTES = 1 << 20
MOST_MANIFEST_BYTES = 256 << 20

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a backup."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds. `left_out` names what was damaged or missing when it was made."""

    format: int
    product: str
    schema: int
    deck: str
    created_at: int
    keys: bool
    events: int
    head: str
    left_out: tuple[str, ...] = ()
    members: dict[str, Member] = field(default_factory=dict)


class Damaged(WorkFailed):
    """A backup is not what was written."""

    code = "damaged_backup"


def damaged(path: Path, what: str) -> Damaged:
    """Make the error for a backup that is not what was written."""
    return Damaged(f"the backup {path} is damaged: {what}", "nothing was restored; take another backup")


class Writer:
    """Adds files to a tar and remembers the hash of each."""

    def __init__(self, target: BinaryIO, progress: Progress = lambda _: None) -> None:
        self._tar = tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115 (closed by finish)
        self._progress = progress
        self.members: dict[str, Member] = {}

    def add(self, name: str, path: Path) -> Member:
        """Add a file as it is now; one that grows meanwhile is added up to the size it had.

        Raises:
            FileNotFoundError: it is gone.
            WorkFailed: it became shorter while it was read.
        """
        with path.open("rb") as source:
            size = os.fstat(source.fileno()).st_size
            reader = _Hashed(source, size, self._progress)
            try:
                self._tar.addfile(_entry(name, size), reader)  # type: ignore[arg-type]
            except OSError as error:
                if error.errno is None:  # tarfile's own word for too few bytes
                    raise WorkFailed(f"{path} became shorter while it was copied", "make the backup again") from error
                raise
        self.members[name] = Member(reader.digest.hexdigest(), size)
        return self.members[name]

    def finish(self, manifest: Manifest) -> None:
        """Add the manifest and end the tar."""
        content = json.dumps(asdict(manifest), sort_keys=True, indent=1).encode()
        self._tar.addfile(_entry(MANIFEST, len(content)), io.BytesIO(content))
        self._tar.close()


class _Hashed:
    """A source of at most `size` bytes that hashes what is read from it."""

    def __init__(self, source: BinaryIO, size: int, progress: Progress) -> None:
        self._source, self._left, self._progress = source, size, progress
        self.digest = hashlib.sha256()

    def read(self, count: int) -> bytes:
        """Return the next bytes."""
        piece = self._source.read(min(count, self._left))
        self._left -= len(piece)
        self.digest.update(piece)
        self._progress(len(piece))
        return piece


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, 0o600, 0
    return entry


def read(path: Path) -> Iterator[tuple[str, BinaryIO, int]]:
    """Yield name, content and size of each member, the manifest last; nothing is written anywhere.

    Raises:
        Damaged: it is no tar, cut off, or holds a link, a folder, or a name that leads elsewhere.
    """
    seen: set[str] = set()
    with as_damage(path), tarfile.open(path, mode="r:") as tar:
        for entry in tar:
            if not entry.isreg():
                raise damaged(path, f"{entry.name!r} is not a plain file")
            if not _is_safe(entry.name):
                raise damaged(path, f"{entry.name!r} leads out of the backup")
            if entry.name in seen:
                raise damaged(path, f"{entry.name} is there twice")
            seen.add(entry.name)
            content = tar.extractfile(entry)
            assert content is not None
            yield entry.name, content, entry.size  # type: ignore[misc]


@contextmanager
def as_damage(path: Path) -> Iterator[None]:
    """Turn what tarfile says of a broken file, at its opening or in the middle of a member, into Damaged."""
    try:
        yield
    except (tarfile.TarError, EOFError) as error:
        raise damaged(path, f"it cannot be read as a tar ({error})") from error


def _is_safe(name: str) -> bool:
    if name == MANIFEST:
        return True
    parts = PurePosixPath(name).parts
    return (
        len(parts) > 1
        and parts[0] in (STATE, WORKSPACE)
        and "/".join(parts) == name
        and ".." not in parts
        and name.isprintable()
    )


def read_manifest(path: Path, content: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        Damaged: it does not say what a manifest says.
    """
    try:
        said = json.loads(content)
        members = {name: Member(**one) for name, one in said.pop("members").items()}
        return Manifest(**{**said, "left_out": tuple(said["left_out"]), "members": members})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise damaged(path, f"its {MANIFEST} cannot be read") from error
