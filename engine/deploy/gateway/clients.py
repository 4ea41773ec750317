"""The clients of the router as a whole: how many connections they may have, and which have gone silent."""

from __future__ import annotations

import asyncio
import collections
from typing import Protocol

CONNECTIONS = 2000
PER_ADDRESS = 1000  # half of all, so that one address never takes the router from the others
SPARE_FILES = 1000  # for connections to servers and the router's own files
_LOOK_S = 0.5
_LET_GO_S = 0.05


class Connection(Protocol):
    """What is known of a connection here."""

    def look(self, now: float) -> None:
        """Close it where it has said nothing for too long."""
        ...

    def finish(self) -> bool:
        """Close it once nothing is under way; returns whether it is closed."""
        ...


class Clients:
    """Every client connection, counted by address. `held` is how many bytes of bodies are on their way in."""

    def __init__(self, most: int = CONNECTIONS, per_address: int = PER_ADDRESS) -> None:
        self.most = most
        self.per_address = per_address
        self.held = 0
        self._open: set[Connection] = set()
        self._by_address: collections.Counter[str] = collections.Counter()

    def __len__(self) -> int:
        return len(self._open)

    def join(self, connection: Connection, address: str) -> str:
        """Count a connection; returns why it is one too many, empty where it is not."""
        if len(self._open) >= self.most:
            return f"{self.most} connections are open already"
        if self._by_address[address] >= self.per_address:
            return f"{self.per_address} connections from {address} are open already"
        self._open.add(connection)
        self._by_address[address] += 1
        return ""

    def leave(self, connection: Connection, address: str) -> None:
        """Forget a connection; one that was never counted is none."""
        if connection in self._open:
            self._open.discard(connection)
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]

    def finish(self) -> None:
        """Close what has nothing under way."""
        for connection in list(self._open):
            connection.finish()

    async def let_go(self) -> None:
        """Close all that are connected now, each once nothing of it is under way."""
        left = list(self._open)
        while left:
            left = [connection for connection in left if connection in self._open and not connection.finish()]
            await asyncio.sleep(_LET_GO_S)

    async def watch(self) -> None:
        """Look at all of them, twice a second, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_LOOK_S)
            now = loop.time()
            for connection in list(self._open):
                connection.look(now)
