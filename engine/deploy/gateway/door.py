"""Where clients come in. It may move to another port: who is connected stays, and is served to the end.

With a certificate it takes TLS and nothing else, from the next connection on.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

from engine.deploy.gateway.clients import Clients
from engine.deploy.gateway.table import Table
from engine.deploy.gateway.tls import Identity, Secured

BACKLOG = 4096


def bound(address: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        OSError: the port is taken, or the address is not of this machine.
    """
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


class Door:
    """One listening socket at a time."""

    def __init__(
        self,
        table: Table,
        clients: Clients,
        receive: Callable[[], asyncio.Protocol],
        identity: Identity | None = None,
    ) -> None:
        self._table = table
        self._clients = clients
        self._receive = receive
        self._server: asyncio.Server | None = None
        self.identity = identity  # None: it speaks plain HTTP
        self.address = ""  # where it is open, as it was asked for

    async def open(self, listener: socket.socket, address: str) -> None:
        """Take new connections from `listener`, bound to `address`, and none any more from the one before."""
        before = self._server
        self.address = address
        self._server = await asyncio.get_running_loop().create_server(self._received, sock=listener, backlog=BACKLOG)
        if before is not None:
            before.close()

    def _received(self) -> asyncio.Protocol:
        if self.identity is None:
            return self._receive()
        return Secured(self.identity, self._clients, self._receive)

    def secure(self, certificate: str, key: str) -> str:
        """Show this certificate from the next connection on, or none; returns why it cannot be, empty where it is so.

        Where TLS begins or ends, those who are connected the other way are let go once nothing of theirs is under way.
        """
        was_secure = self.identity is not None
        try:
            if not certificate:
                self.identity = None
            elif self.identity is not None:
                self.identity.renew(Path(certificate), Path(key))
            else:
                self.identity = Identity(Path(certificate), Path(key))
        except (OSError, ValueError) as error:
            return getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
        if was_secure != (self.identity is not None):
            self._letting_go = asyncio.get_running_loop().create_task(self._clients.let_go())
        return ""

    async def move(self, address: str, port: int) -> str:
        """Open at another place; returns why that cannot be, empty where it was done. The old one stays where not."""
        try:
            listener = bound(address, port)
        except OSError as error:
            return error.strerror or str(error)
        await self.open(listener, address)
        self._table.port = port
        self._table.save()
        return ""

    def close(self) -> None:
        """Take no new connection."""
        if self._server is not None:
            self._server.close()
