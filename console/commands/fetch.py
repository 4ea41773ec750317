"""`modeldeck runs fetch`: a file that a run kept, checked against its hash and written where the caller stands."""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from console.commands.session import Session
from engine.operations.common import Done
from engine.operations.tracking import RunFilePiece, RunFileRequest
from store.errors import CorruptArtifact, Refused

if TYPE_CHECKING:
    from engine.client import Client


def run(session: Session) -> int:
    """Write the file whole or not at all; an existing file is kept unless --force."""
    request, out = session.said.request, session.output
    target = Path(request.to or Path(request.path).name)
    if target.is_dir():
        target = target / Path(request.path).name
    if target.exists() and not request.force:
        raise Refused(f"{target} is there already", "name another with --to, or overwrite it with --force")
    if not target.parent.is_dir():
        raise Refused(f"there is no folder {target.parent}", "make it first")
    with session.client() as client:
        first = client.call("runs.file", RunFileRequest(request.id, request.path))
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:40]}.")
        try:
            with os.fdopen(handle, "wb") as file:
                digest = hashlib.sha256()
                for data in _pieces(client, request.id, first):
                    digest.update(data)
                    file.write(data)
                os.fchmod(file.fileno(), 0o666 & ~_umask())
            if f"sha256:{digest.hexdigest()}" != first.file.hash:
                raise CorruptArtifact(f"{request.path} is not what the run kept", "look: modeldeck audit verify")
            os.replace(name, target)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(name)
            raise
    done = Done(
        f"{target}: {first.file.size_bytes} bytes, {first.file.hash}",
        body={"file": str(target), "hash": first.file.hash, "size_bytes": first.file.size_bytes},
    )
    out.data(done) if out.as_json else out.line(done.message)
    return 0


def _pieces(client: Client, run: str, piece: RunFilePiece) -> Iterator[bytes]:
    while True:
        yield base64.b64decode(piece.data)
        if piece.next_offset is None:
            return
        piece = client.call("runs.file", RunFileRequest(run, piece.file.path, piece.next_offset))


def _umask() -> int:
    """Return the caller's umask, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
