"""The daemon's own Unix socket: private folder, private file, bound by us, and the kernel's word on who connects."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from pathlib import Path

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from engine.service.lock import make_private
from engine.workspace import SOCKET_LIMIT, Workspace
from store.errors import Refused

_PEER = struct.Struct("3i")


def bind(workspace: Workspace) -> socket.socket:
    """Make the socket file, 0600 in a folder 0700, and listen; only for who holds the deck's lock.

    Raises:
        Refused: the folder is someone else's, or the path is too long.
    """
    path = workspace.socket
    if len(str(path).encode()) > SOCKET_LIMIT:
        raise Refused(f"the socket path {path} is too long", "set TMPDIR to a shorter folder")
    if path.parent.parent.name.startswith("modeldeck-"):
        make_private(path.parent.parent)  # below the temporary folder, where anyone may have been first
    make_private(path.parent)
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listening.bind(str(path))
    finally:
        os.umask(before)
    path.chmod(0o600)
    listening.listen(128)
    listening.setblocking(False)
    return listening


def remove(path: Path) -> None:
    """Take the socket file away."""
    path.unlink(missing_ok=True)


class PeerProtocol(HttpToolsProtocol):
    """HTTP whose `client` is the connected process: (`peer:UID`, pid), told by the kernel."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Ask the kernel who connected."""
        super().connection_made(transport)
        connection = transport.get_extra_info("socket")
        said = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
        pid, uid, _gid = _PEER.unpack(said)
        self.client = (f"peer:{uid}", pid)


def peer_of(client: tuple[str, int] | None) -> tuple[int, int]:
    """Return uid and pid of what `PeerProtocol` noted.

    Raises:
        ValueError: the request did not come over our socket.
    """
    if client is None or not client[0].startswith("peer:"):
        raise ValueError("the request has no peer")
    return int(client[0].removeprefix("peer:")), client[1]
