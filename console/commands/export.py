"""`modeldeck versions export`: a version as plain Python where the caller stands, each file checked by its hash."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from console.commands.session import Session
from engine.operations.common import Done
from engine.operations.models import ExportedFile, VersionFilePiece, VersionFileRequest
from store.errors import CorruptArtifact, Refused, WorkFailed

if TYPE_CHECKING:
    from engine.client import Client


def run(session: Session) -> int:
    """Make the folder whole or not at all.

    Raises:
        Refused: it is there already, or would lie in no folder.
    """
    said, out = session.said.request, session.output
    target = Path(said.folder)
    if target.exists():
        raise Refused(f"{target} is there already", "name a folder that is not there yet")
    if not target.parent.is_dir():
        raise Refused(f"there is no folder {target.parent}", "make it first")
    with session.client() as client:
        session.name_versions(client)
        said = session.said.request
        listed = client.call("versions.file", VersionFileRequest(said.model, said.version)).files
        try:
            fresh = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name[:40]}."))
            try:
                for file in listed:
                    place = fresh / file.path
                    place.parent.mkdir(parents=True, exist_ok=True)
                    place.write_bytes(_content(client, said.model, said.version, file))
                fresh.chmod(0o755)
                os.replace(fresh, target)
            finally:
                shutil.rmtree(fresh, ignore_errors=True)
        except OSError as error:
            raise WorkFailed(f"{target} cannot be written: {error.strerror}", "name another folder") from None
    size = sum(file.size_bytes for file in listed)
    done = Done(
        f"{target}: {said.model}@{said.version}, {len(listed)} files, {size} bytes; its README.md tells how to run it",
        body={
            "folder": str(target),
            "model": said.model,
            "version": said.version,
            "size_bytes": size,
            "files": {file.path: file.hash for file in listed},
        },
    )
    out.data(done) if out.as_json else out.line(done.message)
    return 0


def _content(client: Client, model: str, version: int, file: ExportedFile) -> bytes:
    parts: list[bytes] = []
    offset: int | None = 0
    while offset is not None:
        piece: VersionFilePiece = client.call("versions.file", VersionFileRequest(model, version, file.path, offset))
        parts.append(base64.b64decode(piece.data))
        offset = piece.next_offset
    content = b"".join(parts)
    if f"sha256:{hashlib.sha256(content).hexdigest()}" != file.hash:
        raise CorruptArtifact(f"{file.path} is not what the version holds", "look: modeldeck audit verify")
    return content
