"""One request over a deck's Unix socket, with the standard library only; and whether the socket is to be trusted.

What HTTP/1.1 (RFC 9112) asks of one request and its answer is written out here: `http.client` loads the parser of
mail and TLS, which took a short command a fifth of its time.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
import struct
from pathlib import Path
from typing import Any, BinaryIO

from store.errors import NotAllowed, Refused, Unavailable

ANSWER_WITHIN_S = 120.0
PEER = struct.Struct("3i")  # pid, uid and gid of the other side, as the kernel tells them


OK = 200
LONGEST_LINE = 64 * 1024  # of an answer's head
MOST_HEADERS = 100


class _BrokenAnswer(Exception):
    """What came is no whole answer of HTTP."""


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
    said = {"Host": "modeldeck", "Content-Type": "application/json", "Content-Length": str(len(body))}
    lines = [f"{name}: {value}" for name, value in {**said, **(headers or {}), "Connection": "close"}.items()]
    request = "\r\n".join([f"{method} {target} HTTP/1.1", *lines, "", ""]).encode("latin-1") + body
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.settimeout(timeout_s)
            link.connect(str(path))
            _refuse_other_listener(link, path, owner)
            with contextlib.suppress(BrokenPipeError):  # refused while it was being sent: the answer says why
                link.sendall(request)
            with link.makefile("rb") as answer:
                return _answer(answer)
    except PermissionError:
        raise NotAllowed(f"{path} is closed to this user", "ask the deck's owner") from None
    except (OSError, _BrokenAnswer) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error) or "no answer"
        raise Unavailable(f"the daemon does not answer ({reason})", "look at it: modeldeck daemon status") from error


def _refuse_other_listener(link: socket.socket, path: Path, owner: int | None) -> None:
    if owner is None:
        return
    _, uid, _ = PEER.unpack(link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER.size))
    if uid != owner:
        raise Refused(f"uid {uid} listens at {path}, not its owner", "tell the deck's owner")


def _answer(answer: BinaryIO) -> tuple[int, bytes]:
    """Read status and body of one answer, whose end is its Content-Length, or where it says none, the connection's."""
    protocol, _, rest = _line(answer).partition(" ")
    if not protocol.startswith("HTTP/1.") or not rest[:3].isdecimal():
        raise _BrokenAnswer("it speaks no HTTP" if protocol else "it closed the connection")
    headers = {}
    for _ in range(MOST_HEADERS):
        name, _, value = _line(answer).partition(":")
        if not name:
            break
        headers[name.lower()] = value.strip()
    else:
        raise _BrokenAnswer("its answer has no end of headers")
    length = headers.get("content-length", "")
    if "transfer-encoding" in headers or not (length.isdecimal() or not length):
        raise _BrokenAnswer("its answer has a form of its own")
    body = answer.read(int(length) if length else -1)
    if length and len(body) < int(length):
        raise _BrokenAnswer("its answer ended halfway")
    return int(rest[:3]), body


def _line(answer: BinaryIO) -> str:
    found = answer.readline(LONGEST_LINE)
    if len(found) == LONGEST_LINE:
        raise _BrokenAnswer("a line of its answer has no end")
    return found.decode("latin-1").rstrip("\r\n")


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
    return said if status == OK else None
