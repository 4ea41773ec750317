"""Kept-alive connections to model servers. An answer is whole before anyone sees it, so any failure can be retried."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import httptools

ANSWER_TIMEOUT_S = 60.0
CONNECT_TIMEOUT_S = 1.0
_IDLE_KEPT = 64  # connections kept per server
_HOP = frozenset((b"connection", b"keep-alive", b"transfer-encoding", b"content-length", b"date", b"server"))


class NotAnswered(Exception):
    """The server took no connection, or ended it before its answer was whole."""


class Answer:
    """Status, end-to-end headers and body."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body


class _Connection(asyncio.Protocol):
    """One request at a time over one connection."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.is_open = True
        self._waiting: asyncio.Future[Answer] | None = None
        self._start()

    def _start(self) -> None:
        self._parser: Any = httptools.HttpResponseParser(self)
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []

    def ask(self, request: bytes) -> asyncio.Future[Answer]:
        assert self.transport is not None
        self._start()
        self._waiting = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self._waiting

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(NotAnswered(f"the connection ended before the answer: {exc or 'closed'}"))

    def on_header(self, name: bytes, value: bytes) -> None:
        lowered = name.lower()
        if lowered not in _HOP:
            self._headers.append((lowered, value))

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if not self._parser.should_keep_alive():
            self.is_open = False
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(Answer(status, self._headers, b"".join(self._body)))

    def close(self) -> None:
        self.is_open = False
        if self.transport is not None:
            self.transport.abort()


class Upstream:
    """One model server's address with its idle connections."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.in_flight = 0
        self.is_suspect = False  # failed just now: others first, until it says that it is ready
        host, _, port = address.rpartition(":")
        self._host, self._port = host, int(port)
        self._idle: deque[_Connection] = deque()

    async def ask(self, request: bytes) -> Answer:
        """Send a whole request and return the whole answer.

        Raises:
            NotAnswered: nothing, or not all, came back.
        """
        self.in_flight += 1
        try:
            while self._idle:
                connection = self._idle.pop()
                if not connection.is_open:
                    continue
                try:
                    return await self._over(connection, request)
                except NotAnswered:
                    if self._idle:
                        self.close()  # one stale connection: its fellows are no better
            return await self._over(await self._connect(), request)
        finally:
            self.in_flight -= 1

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                _, connection = await loop.create_connection(_Connection, self._host, self._port)
        except (OSError, TimeoutError) as error:
            raise NotAnswered(f"{self.address} takes no connection: {error}") from error
        return connection

    async def _over(self, connection: _Connection, request: bytes) -> Answer:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                answer = await connection.ask(request)
        except TimeoutError as error:
            connection.close()
            raise NotAnswered(f"{self.address} did not answer in {ANSWER_TIMEOUT_S:.0f} s") from error
        except BaseException:
            connection.close()
            raise
        if connection.is_open and len(self._idle) < _IDLE_KEPT:
            self._idle.append(connection)
        else:
            connection.close()
        return answer

    def close(self) -> None:
        """Drop idle connections."""
        while self._idle:
            self._idle.pop().close()
