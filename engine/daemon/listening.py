"""The daemon's own Unix socket: private folder, private file, bound by us, and the kernel's word on who connects."""

from __future__ import annotations

import asyncio
import os
import socket
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from engine.service import wire
from engine.service.identity import user_name
from engine.service.lock import make_private
from engine.service.socket import PEER
from engine.workspace import SOCKET_LIMIT, Workspace
from store.errors import Busy, ModeldeckError, Refused

HEAD_WITHIN_S = 10.0  # of a request: request line and headers
BODY_WITHIN_S = 60.0
ANSWER_TAKEN_WITHIN_S = 60.0
HEAD_BYTES = 32 * 1024
CONNECTIONS = 256  # open at once, of them
CONNECTIONS_EACH = 64  # of one user

_REASON = {400: b"Bad Request", 408: b"Request Timeout", 429: b"Too Many Requests", 431: b"Headers Too Large"}


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
    return listen_at(path)


def listen_at(path: Path) -> socket.socket:
    """Make a socket file that is the owner's alone, whatever the umask, and listen there."""
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
    """HTTP whose `client` is the connected process: (`peer:UID`, pid), told by the kernel.

    Nobody holds the door: a head or a body that does not come in time ends its connection, a head that does not end is
    cut off, and one user has only so many connections.
    """

    open: ClassVar[Counter[int]] = Counter()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._uid = -1
        self._head_bytes = 0
        self._in_body = False
        self._deadline: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Ask the kernel who connected."""
        super().connection_made(transport)
        connection = transport.get_extra_info("socket")
        said = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER.size)
        pid, self._uid, _gid = PEER.unpack(said)
        self.client = (f"peer:{self._uid}", pid)
        self.open[self._uid] += 1
        if self.open[self._uid] > CONNECTIONS_EACH or self.open.total() > CONNECTIONS:
            whose = f"{self.open[self._uid]} of them of {user_name(self._uid)}"
            self._leave(429, Busy(f"too many connections, {whose}", "close some and ask again", retry_after_s=0.5))
            return
        self._arm(HEAD_WITHIN_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._disarm()
        self._taken()
        self.open[self._uid] -= 1
        if self.open[self._uid] <= 0:
            del self.open[self._uid]
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser, unless the head is longer than any of ours."""
        if self.transport.is_closing():
            return
        if not self._in_body:
            self._head_bytes += len(data)
        super().data_received(data)
        if not self._in_body and self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
            self._leave(431, wire.Malformed(f"the headers are larger than {HEAD_BYTES // 1024} KB", "send fewer"))
        elif self._is_idle():
            self._arm(HEAD_WITHIN_S)  # something came that is not yet a request

    def on_message_begin(self) -> None:
        """A request begins: its head has to come."""
        super().on_message_begin()
        self._arm(HEAD_WITHIN_S)

    def on_headers_complete(self) -> None:
        """Its body has to come."""
        self._in_body = True
        self._arm(BODY_WITHIN_S)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """It is whole; how long the answer takes is ours."""
        self._in_body = False
        self._head_bytes = 0
        self._disarm()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP in our own form."""
        self._leave(400, wire.Malformed("this is no HTTP request", "POST /v1/op/ID with a JSON object"))

    def pause_writing(self) -> None:
        """The caller does not take its answer: for a while that is all right."""
        super().pause_writing()
        self._taken()
        self._unread = self.loop.call_later(ANSWER_TAKEN_WITHIN_S, self.transport.abort)

    def resume_writing(self) -> None:
        """It takes it."""
        self._taken()
        super().resume_writing()

    def _taken(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _is_idle(self) -> bool:
        answered = self.cycle is None or self.cycle.response_complete
        return answered and self._deadline is None and self.timeout_keep_alive_task is None

    def _arm(self, within_s: float) -> None:
        self._disarm()
        self._deadline = self.loop.call_later(within_s, self._too_slow)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self._leave(408, wire.Malformed("the request did not come in time", "send it at once"))

    def _leave(self, status: int, error: ModeldeckError) -> None:
        """Say why, where no answer has begun, and hang up."""
        self._disarm()
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            body = wire.error_bytes(error)
            head = (
                b"HTTP/1.1 %d %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(head % (status, _REASON[status], len(body)) + body)
        self.transport.close()


def peer_of(client: tuple[str, int] | None) -> tuple[int, int]:
    """Return uid and pid of what `PeerProtocol` noted.

    Raises:
        ValueError: the request did not come over our socket.
    """
    if client is None or not client[0].startswith("peer:"):
        raise ValueError("the request has no peer")
    return int(client[0].removeprefix("peer:")), client[1]
