"""The one connection to a Docker host: the engine's client over its socket, here or through the tunnel."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from engine.deploy.hosts.tunnel import Tunnel
from engine.settings.addresses import parse_address
from engine.settings.model import HostSettings
from store.errors import NotAllowed, Unavailable

API = "1.41"  # of Docker 20.10, the oldest engine we deploy to
TIMEOUT_S = 20
NOTICED_S = 0.5
SILENT_S = 5  # an engine answers a ping at once, or the way to it is gone


class DockerHost:
    """A Docker engine as declared. Connects at the first call; a lost connection is made again by the next one."""

    def __init__(self, host: HostSettings) -> None:
        self.name = host.name
        self._address = parse_address(host.address)
        self._tunnel: Tunnel | None = None
        if self._address.is_remote:
            self._tunnel = Tunnel(host.name, self._address, host.host_key, host.identity)
        self._client: Any = None

    @property
    def state(self) -> str:
        """Return `connected`, `not connected`, or `local` for an engine on this machine."""
        if self._tunnel is None:
            return "local"
        return "connected" if self._tunnel.is_up else "not connected"

    def client(self) -> Any:
        """Return a `docker.DockerClient` whose socket answers.

        Raises:
            Unavailable: the engine or the host cannot be reached.
            NotAllowed: the socket or the host refuses us.
            Refused: the host shows another key than the pinned one.
        """
        try:
            return self._reached()
        except Unavailable:
            # the connection may have been lost with this very call: ssh then ends a moment later
            if self._tunnel is None or not self._tunnel.ends_within(NOTICED_S):
                raise
            return self._reached()

    def _reached(self) -> Any:
        import docker
        import requests

        path = self._tunnel.up() if self._tunnel is not None else Path(self._address.socket)
        self._knock(path)
        if self._client is None:
            self._client = docker.DockerClient(base_url=f"unix://{path}", version=API, timeout=TIMEOUT_S)
        api = self._client.api
        try:
            api.get(api._url("/_ping"), timeout=SILENT_S).raise_for_status()
        except requests.exceptions.Timeout:
            if self._tunnel is None:
                raise self._silent(f"silent for {SILENT_S} s") from None
            self._tunnel.drop()  # a new connection tells sooner than an old one whether the host is back
            raise Unavailable(f"host {self.name} does not answer any more", "check the way there") from None
        except (requests.exceptions.RequestException, docker.errors.DockerException) as error:
            raise self._silent(type(error).__name__) from None
        return self._client

    def close(self) -> None:
        """Let go of the engine."""
        if self._client is not None:
            self._client.close()
            self._client = None
        if self._tunnel is not None:
            self._tunnel.close()

    def __enter__(self) -> DockerHost:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _knock(self, path: Path) -> None:
        """See that the socket takes a connection: the kernel says better than the SDK what is wrong with it."""
        with socket.socket(socket.AF_UNIX) as there:
            there.settimeout(TIMEOUT_S)
            try:
                there.connect(str(path))
            except PermissionError:
                raise NotAllowed(
                    f"host {self.name}: no permission on the engine's socket {path}", "join the group docker"
                ) from None
            except OSError as error:
                raise self._silent(error.strerror or str(error)) from None

    def _silent(self, cause: str) -> Unavailable:
        where = f"no Docker engine answers at {self._address.socket} ({cause})"
        if self._tunnel is None:
            return Unavailable(f"host {self.name}: {where}", "start it, or give the host another address")
        who = self._address.user or "the user there"
        return Unavailable(
            f"host {self.name}: SSH works, but {where}", f"start it there, or put {who} into the group docker"
        )


_kept: ContextVar[dict[HostSettings, DockerHost] | None] = ContextVar("kept connections", default=None)


@contextlib.contextmanager
def kept_connections() -> Iterator[None]:
    """Keep what `reached` connects to until the block ends: making an SSH connection takes longer than most of its use.

    Holds for this thread; one that is lost meanwhile is made again by the next call.
    """
    known: dict[HostSettings, DockerHost] = {}
    token = _kept.set(known)
    try:
        yield
    finally:
        _kept.reset(token)
        for connection in known.values():
            connection.close()


@contextlib.contextmanager
def reached(host: HostSettings) -> Iterator[DockerHost]:
    """Give a host's connection for the block; the one that is kept, where connections are kept."""
    known = _kept.get()
    if known is None:
        with DockerHost(host) as connection:
            yield connection
        return
    if host not in known:
        known[host] = DockerHost(host)
    yield known[host]
