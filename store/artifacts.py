"""Content-addressed files: named by the sha256 of their bytes, written whole or not at all."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from store.claims import EVERYTHING, Claim, claimed, gate
from store.errors import CorruptArtifact
from store.storage import writing_to

_PREFIX = "sha256:"
_CHUNK_BYTES = 1 << 20


class Artifacts:
    """The blobs below one folder, which is made on first write."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._claiming = False
        self._claim: Claim | None = None

    @contextmanager
    def claiming(self) -> Iterator[None]:
        """Claim all that this object puts inside the block; for a process that puts long before it commits."""
        self._claiming = True
        try:
            yield
        finally:
            self._claiming = False
            if self._claim is not None:
                self._claim.release()
                self._claim = None

    @contextmanager
    def claiming_everything(self) -> Iterator[None]:
        """Keep all there is from being removed while the block lasts.

        Raises:
            StorageUnwritable: the disk is full or read-only.
        """
        with writing_to(self.root), gate(self.root):
            claim = Claim(self._claims)
            claim.add(EVERYTHING)
        with claim:
            yield

    @contextmanager
    def removing(self) -> Iterator[frozenset[str]]:
        """Be the only one behind the gate, and get what is claimed: inside, nothing is put and nothing claimed."""
        with writing_to(self.root), gate(self.root, alone=True):
            yield claimed(self._claims)

    @property
    def incoming(self) -> Path:
        """Where content is written before it has its name."""
        return self.root / "incoming"

    @property
    def _claims(self) -> Path:
        return self.root / "claims"

    def put_bytes(self, content: bytes) -> str:
        """Store bytes and return `sha256:…`; content that is there already is left alone.

        Raises:
            StorageUnwritable: the disk is full or read-only; nothing was stored.
        """
        name = hash_bytes(content)
        place = self.place(name)
        with writing_to(self.root), gate(self.root):
            self._claim_if_told(name)
            if self._whole(place, len(content)):
                os.utime(place)  # young again: whoever puts it is about to need it
            else:
                self._write(lambda target: (target.write(content), place)[1])
        return name

    def put_file(self, path: Path) -> str:
        """Copy a file in and return `sha256:…`.

        Raises:
            StorageUnwritable: the disk is full or read-only; nothing was stored.
        """
        name = ""

        def copy(target: BinaryIO) -> Path:
            nonlocal name
            digest = hashlib.sha256()
            with path.open("rb") as source:
                while chunk := source.read(_CHUNK_BYTES):
                    digest.update(chunk)
                    target.write(chunk)
            name = _PREFIX + digest.hexdigest()
            self._claim_if_told(name)
            return self.place(name)

        with writing_to(self.root), gate(self.root):
            self._write(copy)
        return name

    def hashes(self) -> Iterator[str]:
        """Yield the name of all content that lies here, its bytes not checked."""
        for folder in sorted(self.root.glob("[0-9a-f][0-9a-f]")):
            yield from (_PREFIX + folder.name + path.name for path in sorted(folder.iterdir()) if len(path.name) == 62)

    def path(self, hash: str) -> Path:
        """Return where the content lies, its bytes not yet checked.

        Raises:
            CorruptArtifact: it is not there.
        """
        place = self.place(hash)
        if not place.is_file():
            raise CorruptArtifact(f"artifact {hash} is missing", f"expected at {place}; restore it from a backup")
        return place

    def read(self, hash: str) -> bytes:
        """Return the content, checked against its hash.

        Raises:
            CorruptArtifact: it is missing or its bytes have changed.
        """
        content = self.path(hash).read_bytes()
        if hash_bytes(content) != hash:
            raise self._corrupt(hash)
        return content

    def verify(self, hash: str) -> None:
        """Check content against its hash without holding it in memory.

        Raises:
            CorruptArtifact: it is missing or its bytes have changed.
        """
        with self.path(hash).open("rb") as source:
            found = _PREFIX + hashlib.file_digest(source, "sha256").hexdigest()
        if found != hash:
            raise self._corrupt(hash)

    def place(self, name: str) -> Path:
        """Return where content of this name lies, or would.

        Raises:
            CorruptArtifact: it is no such name.
        """
        digest = name.removeprefix(_PREFIX)
        if len(digest) != 64 or not name.startswith(_PREFIX) or not set(digest) <= set("0123456789abcdef"):
            raise CorruptArtifact(f"{name!r} names no artifact", "a name is sha256: and 64 hex digits")
        return self.root / digest[:2] / digest[2:]

    def _claim_if_told(self, name: str) -> None:
        if self._claiming:
            self._claim = self._claim or Claim(self._claims)
            self._claim.add(name)

    def _whole(self, place: Path, size: int) -> bool:
        """Say whether content is there in full; a damaged one is written again."""
        try:
            if place.stat().st_size != size:
                return False
            return hash_bytes(place.read_bytes()) == _PREFIX + place.parent.name + place.name
        except FileNotFoundError:
            return False

    def _write(self, fill: Callable[[BinaryIO], Path]) -> None:
        self.incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.incoming)
        try:
            with os.fdopen(handle, "wb") as target:
                place = fill(target)
                target.flush()
                os.fsync(target.fileno())
            place.parent.mkdir(mode=0o700, exist_ok=True)
            os.replace(name, place)
            _sync_folder(place.parent)
            _sync_folder(self.root)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def _corrupt(self, hash: str) -> CorruptArtifact:
        return CorruptArtifact(
            f"artifact {hash} is corrupt: its bytes do not match its hash", f"restore {self.place(hash)} from a backup"
        )


def hash_bytes(content: bytes) -> str:
    """Return the name of content: `sha256:…`."""
    return _PREFIX + hashlib.sha256(content).hexdigest()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
