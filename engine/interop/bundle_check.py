"""Looks at a bundle where no deck need be: signature, every byte, the seal of the version, and whether parts fit."""

from __future__ import annotations

import errno
import io
import json
import stat
import zipfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from engine.interop.bundle_file import (
    CODE,
    COMPILED,
    DATA,
    GOLDEN,
    IMAGE,
    MODEL_FILE,
    PIPELINE,
    SERVER_CODE,
    TEXTS,
    Manifest,
    Member,
    bad,
    is_hex,
    is_plain,
    manifest_of,
    members_of,
    place_in,
    shown,
)
from engine.model_io.sealing import made_of
from engine.operations.operation import from_body
from engine.serving.seal import broken, files_hash, signed_bytes
from store.artifacts import hash_bytes
from store.errors import BadBundle, Refused
from store.rows import Run, Snapshot, Version
from store.rows.frozen import dataclass

KEY_DIGITS = 64
FEWEST_DIGITS = 32  # of a key that is given by its beginning: as many bits as nobody can aim at
MOST_TEXT = 64 << 20  # bytes of one member that is read whole
MOST_CODE = 64 << 20  # bytes of the code of a version, unpacked
MOST_UNPACKED = 16 << 30  # of a fitted pipeline
MOST_RATIO = 200  # times its size that a zip may unpack to: deflate reaches 1032, models and code not 40
ROOMY = 16 << 20  # bytes up to which no ratio is asked: a small file of zeros is no bomb


@dataclass(frozen=True, slots=True)
class Content:
    """What a bundle holds, its seal looked at: the version as it is there, what it was signed as, and its texts."""

    manifest: Manifest
    version: Version
    run: Run
    snapshot: Snapshot
    seal: dict[str, Any]
    sealed_hash: str
    texts: Mapping[str, bytes]


def trusted_signer(name: str, manifest: Manifest, trusted: Collection[str], key: str) -> str:
    """Return the public key that a bundle is signed with, where it is the one given or among those trusted.

    `key` is that key, or at least its first 32 digits, as the person who imports was told by another way than the file.

    Raises:
        Refused: it is neither; the line says what it is and how to trust it.
    """
    signer = manifest.signer
    if key:
        if not FEWEST_DIGITS <= len(key) <= KEY_DIGITS or not is_hex(key, len(key)):
            raise Refused(f"{key[:20]!r} is no public key", "64 hexadecimal digits, as modeldeck audit key prints them")
        if signer.startswith(key):
            return signer
        raise Refused(f"{name} is signed by {signer}, and not by the key that was given", "ask where it comes from")
    if signer not in trusted:
        raise Refused(
            f"{name} is signed by {signer}, which this deck does not trust",
            f"ask its maker what modeldeck audit key prints there; if it is that: --key {signer}",
        )
    return signer


def looked(path: Path) -> tuple[Manifest, Content]:
    """Check every byte of a bundle's file and all that it says of itself; whose signature it is comes on top.

    Raises:
        BadBundle: something of it does not hold; the first thing that does not is told.
        Refused: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            manifest = manifest_of(file, path.name)
            texts: dict[str, bytes] = {}
            for member, pieces in members_of(file, path.name, manifest):
                if member.name in TEXTS or member.name == CODE:
                    _refuse_large(path.name, member)
                    texts[member.name] = b"".join(pieces)
                else:
                    _through(pieces)
            _check_zips(path.name, manifest, file)
    except OSError as error:
        told = error.strerror or "it is no file"
        raise Refused(f"{path} cannot be read: {told}", "name a file made by modeldeck bundle export") from None
    return manifest, content_of(path.name, manifest, texts)


def content_of(name: str, manifest: Manifest, texts: Mapping[str, bytes]) -> Content:
    """Check what a bundle says of its version against the seal, and each part against what is sealed.

    `texts` are the contents of `TEXTS` and of the code, by member, already checked against their hashes.

    Raises:
        BadBundle: something does not fit; it is named.
    """
    for member in manifest.members:
        if not _is_known(member.name):
            raise bad(name, f"{shown(member.name)} is no part of a bundle")
    version, run, snapshot = _rows(name, texts)
    of = f"{version.model}@{version.number}"
    if manifest.about.get("of") != of:
        raise bad(name, f"its version is {of}, not {str(manifest.about.get('of'))[:80]}")
    seal = _object(name, texts, "seal.json")
    vouched = manifest.about.get("signers")
    why = broken(seal, of, [manifest.signer, *(vouched if isinstance(vouched, list) else [])])
    if why:
        raise bad(name, why)
    sealed = dict(seal["statement"])
    for what, value in made_of(version).items():
        if sealed.get(what) != value:
            raise bad(name, f"the {what} of {of} is not what was sealed")
    parts = {PIPELINE: "artifact", GOLDEN: "golden", "environment.json": "environment"}
    if version.bundle_hash:
        parts[CODE] = "bundle"
    if "compiled form" in sealed:
        parts[COMPILED] = "compiled form"
    for member_name, what in parts.items():
        there = manifest.member(member_name)
        if there is None:
            raise bad(name, f"{member_name} is missing")
        if there.sha256 != sealed[what]:
            raise bad(name, f"the {what} of {of} is not what was sealed")
    if version.bundle_hash:
        _check_code(name, of, manifest, texts[CODE], str(sealed["code"]))
    if (snapshot.id, snapshot.model, run.id) != (version.snapshot_id, version.model, version.run_id):
        raise bad(name, f"its run or snapshot is not that of {of}")
    _check_data(name, manifest, snapshot)
    return Content(
        manifest, version, run, snapshot, seal, hash_bytes(signed_bytes(sealed)).removeprefix("sha256:"), texts
    )


def check_zip(name: str, member: str, file: BinaryIO, most: int) -> None:
    """Refuse a zip that unpacks to more than `most` bytes, or that holds a link or a name that leads out.

    Raises:
        BadBundle: it does, or is no zip.
    """
    try:
        with zipfile.ZipFile(file) as source:
            entries = source.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError):
        raise bad(name, f"{member} cannot be read as a zip") from None
    size = file.seek(0, io.SEEK_END)
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > most or (unpacked > ROOMY and unpacked > MOST_RATIO * size):
        raise bad(name, f"{member} would unpack {size:,} bytes to {unpacked:,}")
    seen: set[str] = set()
    for entry in entries:
        if not is_plain(entry.filename) or entry.is_dir():
            raise bad(name, f"{shown(entry.filename)} in {member} leads out of it")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise bad(name, f"{entry.filename} in {member} is a link")
        if entry.filename in seen:
            raise bad(name, f"{entry.filename} is in {member} twice")
        seen.add(entry.filename)


class Section(io.RawIOBase):
    """A part of a file as a file of its own, read only."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        super().__init__()
        self._file, self._start, self._size, self._at = file, start, size, 0

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def readable(self) -> bool:
        """Say yes."""
        return True

    def tell(self) -> int:
        """Return where the next byte is read."""
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a byte; a place before the first is none."""
        target = {0: 0, 1: self._at, 2: self._size}[whence] + offset
        if target < 0:
            raise OSError(errno.EINVAL, "before the first byte")  # as files say it: zipfile looks there in an empty zip
        self._at = target
        return target

    def readinto(self, buffer: Any) -> int:
        """Read as much as fits and is there."""
        self._file.seek(self._start + self._at)
        found = self._file.read(max(0, min(len(buffer), self._size - self._at)))
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)


def _check_zips(name: str, manifest: Manifest, file: BinaryIO) -> None:
    for member in manifest.members:
        most = {PIPELINE: MOST_UNPACKED, COMPILED: MOST_UNPACKED, CODE: MOST_CODE}.get(member.name)
        if most is not None:
            section = Section(file, place_in(manifest, member.name), member.size)
            check_zip(name, member.name, section, most)  # type: ignore[arg-type]


def _check_code(name: str, of: str, manifest: Manifest, content: bytes, sealed: str) -> None:
    """Compare the code, and the code of the server folder, with what is sealed."""
    check_zip(name, CODE, io.BytesIO(content), MOST_CODE)
    with zipfile.ZipFile(io.BytesIO(content)) as source:
        try:
            files = {entry: source.read(entry) for entry in source.namelist()}
        except (zipfile.BadZipFile, NotImplementedError, EOFError):
            raise bad(name, f"{CODE} cannot be read as a zip") from None
    if files_hash(files.items()) != sealed:
        raise bad(name, f"the code of {of} is not what was sealed")
    served = {one.name.removeprefix(SERVER_CODE): one.sha256 for one in manifest.members if _is_code(one)}
    if served != {path: hash_bytes(each).removeprefix("sha256:") for path, each in files.items()}:
        raise bad(name, f"the code below {SERVER_CODE} is not the code of {of}")


def _is_code(member: Member) -> bool:
    return member.name.startswith(SERVER_CODE)


def _check_data(name: str, manifest: Manifest, snapshot: Snapshot) -> None:
    data = [one for one in manifest.members if one.name.startswith(DATA)]
    for one in data:
        if one.name != f"{DATA}{one.sha256}":
            raise bad(name, f"{one.name} is not named by its hash")
    if data and snapshot.id.removeprefix("sha256:") not in {one.sha256 for one in data}:
        raise bad(name, "its rows are not those of the snapshot")


def _rows(name: str, texts: Mapping[str, bytes]) -> tuple[Version, Run, Snapshot]:
    found: list[Any] = []
    for kind, member in ((Version, "version.json"), (Run, "run.json"), (Snapshot, "snapshot.json")):
        try:
            row = from_body(kind, _object(name, texts, member))
        except (TypeError, ValueError, KeyError) as error:
            raise bad(
                name, f"its {member} is no {kind.__name__.lower()}: {' '.join(str(error).split())[:100]}"
            ) from None
        found.append(row)
    return found[0], found[1], found[2]


def _object(name: str, texts: Mapping[str, bytes], member: str) -> dict[str, Any]:
    try:
        told = json.loads(texts[member])
    except KeyError:
        raise bad(name, f"{member} is missing") from None
    except (ValueError, RecursionError):
        raise bad(name, f"its {member} cannot be read") from None
    if not isinstance(told, dict):
        raise bad(name, f"its {member} cannot be read")
    return told


def _is_known(name: str) -> bool:
    return name in TEXTS or name == CODE or name.startswith(("server/", DATA, IMAGE, MODEL_FILE))


def _refuse_large(name: str, member: Member) -> None:
    if member.size > MOST_TEXT:
        raise bad(name, f"{member.name} is larger than it can be")


def _through(pieces: Iterator[bytes]) -> None:
    for _ in pieces:
        pass


__all__ = ["BadBundle", "Content", "check_zip", "content_of", "looked", "trusted_signer"]
