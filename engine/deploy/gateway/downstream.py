"""The clients' side of the router: HTTP/1.1 connections, one request of each at a time, in order."""

from __future__ import annotations

import asyncio
import http
from collections import deque
from typing import Any

import httptools

from engine.deploy.gateway.proxy import Proxy, Request, error
from engine.deploy.gateway.upstream import Answer
from engine.serving.contract import DROPPED_BODY, MAX_BODY

IDLE_S = 120.0
_PIPELINED = 16  # whole requests a client may send ahead before we stop reading
_REASONS = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in http.HTTPStatus}


class Downstream(asyncio.Protocol):
    """One client connection."""

    def __init__(self, proxy: Proxy, connections: set[Downstream]) -> None:
        self._proxy = proxy
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self._transport: Any = None
        self._parser: Any = httptools.HttpRequestParser(self)
        self._queue: deque[tuple[Request | Answer, bool]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._is_closing = False
        self._begin()

    def _begin(self) -> None:
        self._path = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let a running request go on: the server may have recorded it."""
        self._connections.discard(self)
        self._is_closing = True

    def data_received(self, data: bytes) -> None:
        """Feed the parser."""
        if self._is_closing:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse(error(400, "bad_request", "upgrades are not taken here"))
        except httptools.HttpParserError as broken:
            self._refuse(error(400, "bad_request", f"this is not HTTP/1.1: {broken}"))

    def on_message_begin(self) -> None:
        """Start a request."""
        self._begin()

    def on_url(self, url: bytes) -> None:
        """Collect the path."""
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header."""
        lowered = name.lower()
        if lowered == b"expect" and value.lower() == b"100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._headers.append((lowered, value))

    def on_body(self, body: bytes) -> None:
        """Collect the body, up to what any server takes."""
        self._size += len(body)
        if self._size > MAX_BODY:
            self._body.clear()  # read to its end and dropped, so that the client gets to see why
            if self._size > DROPPED_BODY and not self._is_closing:
                self._refuse(_too_large())
            return
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Queue the whole request."""
        if self._is_closing:
            return
        request: Request | Answer = _too_large()
        if self._size <= MAX_BODY:
            request = Request(self._parser.get_method(), self._path, self._headers, b"".join(self._body))
        self._queue.append((request, self._parser.should_keep_alive()))
        if len(self._queue) >= _PIPELINED:
            self._transport.pause_reading()
        if self._task is None:
            self._task = self._loop.create_task(self._work())

    async def _work(self) -> None:
        while self._queue:
            request, keep_alive = self._queue.popleft()
            if len(self._queue) == _PIPELINED - 1 and not self._is_closing:
                self._transport.resume_reading()
            answer = await self._proxy.answer(request) if isinstance(request, Request) else request
            if self._is_closing and self._transport.is_closing():
                break
            self._write(
                answer,
                keep_alive and not self._is_closing,
                is_head=isinstance(request, Request) and request.method == b"HEAD",
            )
            if not keep_alive or self._is_closing:
                self._transport.close()
                break
        self._task = None

    def _write(self, answer: Answer, keep_alive: bool, *, is_head: bool = False) -> None:
        parts = [_REASONS.get(answer.status) or f"HTTP/1.1 {answer.status} \r\n".encode()]
        parts += [b"%b: %b\r\n" % pair for pair in answer.headers]
        parts.append(b"content-length: %d\r\n" % len(answer.body))
        if not keep_alive:
            parts.append(b"connection: close\r\n")
        parts.append(b"\r\n")
        if not is_head:
            parts.append(answer.body)
        self._transport.write(b"".join(parts))

    def _refuse(self, answer: Answer) -> None:
        """Answer once and read nothing more."""
        self._is_closing = True
        self._write(answer, keep_alive=False)
        self._transport.close()

    def finish(self) -> bool:
        """Close once nothing is under way; returns whether it is closed."""
        if self._task is None:
            self._is_closing = True
            self._transport.close()
            return True
        return False


def _too_large() -> Answer:
    return error(413, "too_large", f"the body is larger than {MAX_BODY} bytes, send fewer rows at once")
