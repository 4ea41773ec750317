"""One request over a deck's Unix socket, with the standard library only; and whether the socket is to be trusted."""

from __future__ import annotations

import contextlib
import http
import http.client
import json
import os
import socket
import stat
import struct
from pathlib import Path
from typing import Any

from store.errors import NotAllowed, Refused, Unavailable

ANSWER_WITHIN_S = 120.0
PEER = struct.Struct("3i")  # pid, uid and gid of the other side, as the kernel tells them


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, timeout: float, owner: int | None) -> None:
        super().__init__("modeldeck", timeout=timeout)
        self._path = path
        self._owner = owner

    def connect(self) -> None:
        """Connect to the socket file."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
        if self._owner is not None:
            _, uid, _ = PEER.unpack(self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER.size))
            if uid != self._owner:
                raise Refused(f"uid {uid} listens at {self._path}, not its owner", "tell the deck's owner")


def check_socket(path: Path, owner: int) -> None:
    """Refuse a socket, or its folder, that another user could have put there.

    Raises:
        Refused: owner or mode is not what a daemon of the deck's owner makes.
        Unavailable: there is no socket.
    """
    try:
        folder, found = path.parent.lstat(), path.lstat()
    except FileNotFoundError:
        raise Unavailable("the daemon's socket is not there", "start it: modeldeck daemon start") from None
    if not stat.S_ISDIR(folder.st_mode) or folder.st_uid not in (owner, 0) or folder.st_mode & 0o022:
        raise Refused(f"{path.parent} is not the deck owner's private folder", "remove it and restart the daemon")
    if not stat.S_ISSOCK(found.st_mode) or found.st_uid not in (owner, 0) or found.st_mode & 0o002:
        raise Refused(f"{path} is not the deck owner's socket", "remove it and restart the daemon")


def ask(
    path: Path,
    method: str,
    target: str,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    timeout_s: float = ANSWER_WITHIN_S,
    owner: int | None = None,
) -> tuple[int, bytes]:
    """Send one request and return status and body; `owner` is the uid that has to be listening there.

    Raises:
        NotAllowed: the socket is closed to this user.
        Refused: another user listens there.
        Unavailable: nobody answers.
    """
    connection = _Connection(path, timeout_s, owner)
    try:
        with contextlib.suppress(BrokenPipeError):  # refused while it was being sent: the answer says why
            connection.request(method, target, body or None, {"Content-Type": "application/json", **(headers or {})})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except PermissionError:
        raise NotAllowed(f"{path} is closed to this user", "ask the deck's owner") from None
    except (OSError, http.client.HTTPException) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error) or "no answer"
        raise Unavailable(f"the daemon does not answer ({reason})", "look at it: modeldeck daemon status") from error
    finally:
        connection.close()


def answers(path: Path, timeout_s: float = 1.0) -> bool:
    """Tell whether a daemon answers its health check now."""
    return health_of(path, timeout_s) is not None


def health_of(path: Path, timeout_s: float = 1.0, owner: int | None = None) -> dict[str, Any] | None:
    """Return what the daemon says of itself now, None where none answers."""
    try:
        status, body = ask(path, "GET", "/v1/health", timeout_s=timeout_s, owner=owner)
        said: dict[str, Any] = json.loads(body)
    except (Unavailable, ValueError):
        return None
    return said if status == http.HTTPStatus.OK else None
