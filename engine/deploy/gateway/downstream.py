"""The clients' side of the router: HTTP/1.1 connections, one request of each at a time, in order."""

from __future__ import annotations

import asyncio
import http

from engine.deploy.gateway.clients import Clients
from engine.deploy.gateway.proxy import Proxy, Request, error
from engine.deploy.gateway.upstream import Answer
from engine.serving.incoming import TOO_LARGE, Incoming

_REASONS = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in http.HTTPStatus}


class Downstream(Incoming[tuple[Request | Answer, bool]]):
    """One client connection."""

    ARRIVAL_S = 10.0
    BUSY = "busy"

    def __init__(self, proxy: Proxy, clients: Clients) -> None:
        super().__init__(clients)
        self._proxy = proxy
        self._clients = clients
        self._address = ""
        self._task: asyncio.Task[None] | None = None
        self._is_arriving = True  # who connects is to ask

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; one connection too many is told so and closed."""
        self._transport = transport
        peer = transport.get_extra_info("peername")
        self._address = peer[0] if peer else ""
        told = self._clients.join(self, self._address)
        if told:
            self.refuse(503, "too_many_connections", told)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let a running request go on: the server may have recorded it."""
        self._clients.leave(self, self._address)
        self._release()
        self._is_closing = True

    def data_received(self, data: bytes) -> None:
        """Feed the parser. What comes before a request's first word is on the clock too."""
        if not self._is_arriving:
            self._is_arriving, self._since = True, self._loop.time()
        super().data_received(data)

    def upgraded(self) -> None:
        """Refuse it."""
        self.refuse(400, "bad_request", "upgrades are not taken here")

    def completed(self) -> None:
        """Queue the whole request."""
        body = self.body()
        request: Request | Answer = error(413, "too_large", TOO_LARGE)
        if body is not None:
            request = Request(self._parser.get_method(), self._url, self._headers, body)
        self.wait_with((request, self._parser.should_keep_alive()))
        if self._task is None:
            self._is_busy = True
            self._task = self._loop.create_task(self._work())

    async def _work(self) -> None:
        while self._waiting:
            request, keep_alive = self.next_waiting()
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
        self._is_busy = False
        self._since = self._loop.time()

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

    def refuse(self, status: int, code: str, message: str) -> None:
        """Answer once and read nothing more."""
        self._is_closing = True
        self._write(error(status, code, message), keep_alive=False)
        self._transport.close()

    def finish(self) -> bool:
        """Close once nothing is under way; returns whether it is closed."""
        if self._task is None:
            self.close()
            return True
        return False
