"""Where clients come in. It may move to another port: who is connected stays, and is served to the end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from engine.deploy.gateway.table import Table

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

    def __init__(self, table: Table, receive: Callable[[], asyncio.Protocol]) -> None:
        self._table = table
        self._receive = receive
        self._server: asyncio.Server | None = None
        self.address = ""  # where it is open, as it was asked for

    async def open(self, listener: socket.socket, address: str) -> None:
        """Take new connections from `listener`, bound to `address`, and none any more from the one before."""
        before = self._server
        self.address = address
        self._server = await asyncio.get_running_loop().create_server(self._receive, sock=listener, backlog=BACKLOG)
        if before is not None:
            before.close()

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
