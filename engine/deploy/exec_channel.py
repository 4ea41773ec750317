"""One long `docker exec` as a channel: lines in, answers ended by a NUL out. A host needs no port for it."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Sequence
from typing import Any

_HEADER = struct.Struct(">BxxxL")  # the engine's frames: stream, then length
_STDOUT = 1


class ExecChannel:
    """Speaks to a command inside one container. Not for several threads at once."""

    def __init__(self, container: Any, command: Sequence[str], answer_s: float) -> None:
        """Start the command; what the SDK raises is raised as it is."""
        api = container.client.api
        made = api.exec_create(container.id, list(command), stdin=True)["Id"]
        self._stream = api.exec_start(made, socket=True)
        self._socket: socket.socket = getattr(self._stream, "_sock", self._stream)
        self._socket.settimeout(answer_s)
        self._left = b""
        self.is_open = True

    def ask(self, *lines: str) -> list[str]:
        """Send lines and return what each brought.

        Raises:
            OSError: the command, its engine or the way there is gone; what was sent may have been done.
        """
        if not self.is_open:
            raise ConnectionError("its command channel is closed")
        try:
            self._socket.sendall("".join(f"{line}\n" for line in lines).encode())
            return [self._answer() for _ in lines]
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Let go; the container goes on. From any thread: one that waits for an answer is told that none comes."""
        if self.is_open:
            self.is_open = False
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
            self._stream.close()

    def _answer(self) -> str:
        while b"\0" not in self._left:
            stream, length = _HEADER.unpack(self._exactly(_HEADER.size))
            content = self._exactly(length)
            if stream == _STDOUT:
                self._left += content
        told, _, self._left = self._left.partition(b"\0")
        return told.decode()

    def _exactly(self, count: int) -> bytes:
        parts = []
        while count:
            part = self._socket.recv(count)
            if not part:
                raise ConnectionError("its command channel ended")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)
