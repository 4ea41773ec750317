"""Handler of the export of a version, file by file."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from engine.operations.models import ExportedFile, VersionFilePiece, VersionFileRequest
from engine.service.context import ServiceContext
from store.errors import Refused, UnknownName

PIECE_BYTES = 1 << 20


def piece(context: ServiceContext, request: VersionFileRequest) -> VersionFilePiece:
    """Return what files there are and a piece of one; who has them all compares each with its hash.

    Raises:
        UnknownName: there is no such version or file. Refused: the file is not as long as that.
    """
    from engine.deploy.exporting import exported
    from engine.settings.apply import settings_of
    from store import versions

    deck = context.deck
    version = versions.version(deck.database, request.model, request.version)
    settings = settings_of(deck, version.settings_revision).models[version.model]
    files = exported(deck, version, settings)
    listed = tuple(_told(path, source) for path, source in files.items())
    if not request.path:
        return VersionFilePiece(listed, "", None)
    if request.path not in files:
        raise UnknownName(f"the export has no file {request.path!r}", "without a path, what files there are is told")
    size = next(one.size_bytes for one in listed if one.path == request.path)
    if not 0 <= request.offset <= size:
        raise Refused(f"{request.path} has no byte {request.offset}", f"it has {size}")
    data = _read(files[request.path], request.offset)
    end = request.offset + len(data)
    return VersionFilePiece(listed, base64.b64encode(data).decode("ascii"), end if data and end < size else None)


def _read(source: bytes | Path, offset: int) -> bytes:
    if isinstance(source, bytes):
        return source[offset : offset + PIECE_BYTES]
    with source.open("rb") as file:
        file.seek(offset)
        return file.read(PIECE_BYTES)


def _told(path: str, source: bytes | Path) -> ExportedFile:
    if isinstance(source, bytes):
        return ExportedFile(path, len(source), f"sha256:{hashlib.sha256(source).hexdigest()}")
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return ExportedFile(path, source.stat().st_size, f"sha256:{digest}")
