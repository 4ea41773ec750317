"""The clients' side of the router: HTTP/1.1 connections, one request of each at a time, in order."""

from __future__ import annotations

import asyncio
import http
from collections import deque
from typing import Any

import httptools

from engine.deploy.gateway.clients import Clients
from engine.deploy.gateway.proxy import Proxy, Request, error
from engine.deploy.gateway.upstream import Answer
from engine.serving.contract import DROPPED_BODY, MAX_BODY

IDLE_S = 75.0
REQUEST_S = 10.0  # a client has this long to send a request, and a second more for each `SLOWEST`
SLOWEST = 100_000  # bytes a second
HEAD_BYTES = 65536
HEADERS = 100
HELD_BYTES = 256 * 1024 * 1024  # of bodies on their way in, of all clients together
_PIPELINED = 16  # whole requests a client may send ahead before we stop reading
_REASONS = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in http.HTTPStatus}


class Downstream(asyncio.Protocol):
    """One client connection."""

    def __init__(self, proxy: Proxy, clients: Clients) -> None:
        self._proxy = proxy
        self._clients = clients
        self._address = ""
        self._loop = asyncio.get_running_loop()
        self._transport: Any = None
        self._parser: Any = httptools.HttpRequestParser(self)
        self._queue: deque[tuple[Request | Answer, bool]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._is_closing = False
        self._quiet_since = self._loop.time()
        self._has_asked = False
        self._in_request = False
        self._held = 0
        self._begin()

    def _begin(self) -> None:
        self._in_head = True
        self._head_size = 0
        self._path = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._size = 0
        self._named = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; one connection too many is told so and closed."""
        self._transport = transport
        peer = transport.get_extra_info("peername")
        self._address = peer[0] if peer else ""
        told = self._clients.join(self, self._address)
        if told:
            self._refuse(error(503, "too_many_connections", told))

    def connection_lost(self, exc: Exception | None) -> None:
        """Let a running request go on: the server may have recorded it."""
        self._clients.leave(self, self._address)
        self._release()
        self._is_closing = True

    def _release(self) -> None:
        self._clients.held -= self._held
        self._held = 0

    def data_received(self, data: bytes) -> None:
        """Feed the parser."""
        if self._is_closing:
            return
        if not self._in_request:
            self._in_request, self._quiet_since = True, self._loop.time()
        try:
            self._parser.feed_data(data)
            if self._in_head and self._in_request:
                self._head_size += len(data)  # also of a header that never ends, which the parser does not tell of
                self._bound_head(self._head_size)
        except httptools.HttpParserUpgrade:
            self._refuse(error(400, "bad_request", "upgrades are not taken here"))
        except httptools.HttpParserError as broken:
            self._refuse(error(400, "bad_request", f"this is not HTTP/1.1: {broken}"))

    def on_message_begin(self) -> None:
        """Start a request."""
        self._in_request, self._quiet_since = True, self._loop.time()
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
        self._named += len(name) + len(value)
        self._bound_head(self._named)

    def on_headers_complete(self) -> None:
        """What comes now is a body."""
        self._in_head = False

    def _bound_head(self, size: int) -> None:
        if (size > HEAD_BYTES or len(self._headers) > HEADERS) and not self._is_closing:
            self._refuse(
                error(431, "too_large", f"a request's head is {HEAD_BYTES} bytes and {HEADERS} headers at most")
            )

    def on_body(self, body: bytes) -> None:
        """Collect the body, up to what any server takes."""
        self._size += len(body)
        if self._size > MAX_BODY:
            self._release()
            self._body.clear()  # read to its end and dropped, so that the client gets to see why
            if self._size > DROPPED_BODY and not self._is_closing:
                self._refuse(_too_large())
            return
        self._held += len(body)
        self._clients.held += len(body)
        if self._clients.held > HELD_BYTES and not self._is_closing:
            self._refuse(error(503, "busy", "too many large requests arrive at once, ask again"))
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Queue the whole request."""
        self._in_request = False
        self._release()
        if self._is_closing:
            return
        self._has_asked = True
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
        self._quiet_since = self._loop.time()

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

    def look(self, now: float) -> None:
        """Close a connection whose request does not arrive, or on which nothing comes for long."""
        if self._is_closing or self._task is not None:
            return
        quiet = now - self._quiet_since
        if self._in_request or not self._has_asked:
            if quiet > REQUEST_S + self._size / SLOWEST:
                self._refuse(error(408, "too_slow", f"the request did not arrive within {REQUEST_S:.0f} s"))
        elif quiet > IDLE_S:
            self._is_closing = True
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
