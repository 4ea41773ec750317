"""Where a Docker engine is: `unix:///var/run/docker.sock` on this machine, `ssh://user@host:port` on another."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

ENGINE_SOCKET = "/var/run/docker.sock"
SSH_PORT = 22
# a name that starts with a dash would be read as an option by ssh
_HOST = re.compile(r"[A-Za-z0-9:][A-Za-z0-9.:_-]*")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_HOW = "write unix:///path/to/docker.sock or ssh://user@host[:port]"


@dataclass(frozen=True, slots=True)
class EngineAddress:
    """A parsed address. `host` is empty for an engine on this machine; `socket` is the engine's own path."""

    socket: str = ENGINE_SOCKET
    host: str = ""
    user: str = ""
    port: int = SSH_PORT

    @property
    def is_remote(self) -> bool:
        """Say whether it is reached over SSH."""
        return bool(self.host)

    @property
    def known_as(self) -> str:
        """Return the name under which a known_hosts file lists it."""
        return self.host if self.port == SSH_PORT else f"[{self.host}]:{self.port}"

    def __str__(self) -> str:
        """Return the address in its one written form."""
        if not self.is_remote:
            return f"unix://{self.socket}"
        who = f"{self.user}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == SSH_PORT else f":{self.port}"
        path = "" if self.socket == ENGINE_SOCKET else self.socket
        return f"ssh://{who}{host}{port}{path}"


def parse_address(text: str) -> EngineAddress:
    """Read an engine's address; a path behind an ssh host names another socket there.

    Raises:
        ValueError: it is neither form; the message says what to write.
    """
    if not text.isprintable() or " " in text:
        raise ValueError(f"{text!r} is no engine's address: {_HOW}")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(f"{text!r} is no engine's address: {_HOW}") from None
    if parts.query or parts.fragment or parts.password:
        raise ValueError(f"{text!r} says more than where: {_HOW}")
    if parts.scheme == "unix" and not parts.netloc and parts.path.startswith("/"):
        return EngineAddress(parts.path)
    host, user = parts.hostname or "", parts.username or ""
    if parts.scheme == "ssh" and _HOST.fullmatch(host) and (not user or _USER.fullmatch(user)):
        return EngineAddress(parts.path.rstrip("/") or ENGINE_SOCKET, host, user, port or SSH_PORT)
    raise ValueError(f"{text!r} is no engine's address: {_HOW}")
