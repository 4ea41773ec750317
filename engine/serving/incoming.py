"""The reading half of HTTP/1.1, for model servers and for the gateway before them.

Requests are parsed, bounded in size and in the time they may take to arrive, and waited with in order. What is done
with a whole one, and how a refusal is written, is said by who derives from `Incoming`.
"""

from __future__ import annotations

import asyncio
import resource
from abc import ABC, abstractmethod
from collections import deque
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import httptools

from engine.serving.contract import DROPPED_BODY, MAX_BODY

IDLE_S = 75.0
SLOWEST = 100_000  # bytes a second: so much longer a body may take to arrive
HEAD_BYTES = 65536
HEADERS = 100
HELD_BYTES = 256 * 1024 * 1024  # of bodies on their way in, of all clients together
_LEAST = 64  # connections, however few files are allowed
AHEAD = 16  # whole requests a client may send ahead before reading stops
TOO_LARGE = f"the body is larger than {MAX_BODY} bytes, send fewer rows at once"

Whole = TypeVar("Whole")


class Bodies(Protocol):
    """What all connections share: how many bytes of bodies are on their way in."""

    held: int


class Incoming(asyncio.Protocol, ABC, Generic[Whole]):
    """One client connection, from which whole requests come one after the other."""

    ARRIVAL_S: ClassVar[float]  # a client has this long to send a request, and more for a large body
    BUSY: ClassVar[str]  # the code of a refusal for want of memory

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self._loop = asyncio.get_running_loop()
        self._transport: Any = None
        self._parser: Any = httptools.HttpRequestParser(self)
        self._waiting: deque[Whole] = deque()
        self._is_busy = False  # a request is being answered
        self._is_closing = False  # nothing more is read
        self._is_arriving = False
        self._held = 0
        self._since = self._loop.time()
        self._begin()

    @abstractmethod
    def completed(self) -> None:
        """Take the request that is whole now: `_url`, `_headers` (names in lower case), `body()`."""

    @abstractmethod
    def refuse(self, status: int, code: str, message: str) -> None:
        """Read nothing more, and answer this last."""

    @abstractmethod
    def upgraded(self) -> None:
        """Go on where a client asked for another protocol: none is spoken here."""

    def body(self) -> bytes | None:
        """Return the body, None where it was larger than MAX_BODY and dropped."""
        return b"".join(self._parts) if self._size <= MAX_BODY else None

    def wait_with(self, whole: Whole) -> None:
        """Keep a request until those before it are answered; of a client that is far ahead nothing more is read."""
        self._waiting.append(whole)
        if len(self._waiting) >= AHEAD:
            self._transport.pause_reading()

    def next_waiting(self) -> Whole:
        """Return the request that waited longest."""
        whole = self._waiting.popleft()
        if len(self._waiting) == AHEAD - 1 and not self._is_closing:
            self._transport.resume_reading()
        return whole

    def _begin(self) -> None:
        self._in_head = True
        self._head_size = 0  # of pieces that arrived while the head was not over
        self._named = 0  # of headers that the parser has told of
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._parts: list[bytes] = []
        self._size = 0

    def data_received(self, data: bytes) -> None:
        """Feed the parser."""
        if self._is_closing:
            return
        try:
            self._parser.feed_data(data)
            if self._in_head and self._is_arriving:
                self._head_size += len(data)  # also of a header that never ends, which the parser does not tell of
                self._bound_head(self._head_size)
        except httptools.HttpParserUpgrade:
            self.upgraded()
        except httptools.HttpParserError as broken:
            self.refuse(400, "bad_request", f"this is not HTTP/1.1: {broken}")

    def on_message_begin(self) -> None:
        """Start a request."""
        self._is_arriving = True
        self._since = self._loop.time()
        self._begin()

    def on_url(self, url: bytes) -> None:
        """Collect the target."""
        self._url += url
        if len(self._url) > HEAD_BYTES:
            self._bound_head(len(self._url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header."""
        lowered = name.lower()
        if lowered == b"expect" and value.lower() == b"100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._headers.append((lowered, value))
        self._named += len(name) + len(value)
        if self._named > HEAD_BYTES or len(self._headers) > HEADERS:
            self._bound_head(self._named)

    def on_headers_complete(self) -> None:
        """What comes now is a body."""
        self._in_head = False

    def _bound_head(self, size: int) -> None:
        if (size > HEAD_BYTES or len(self._headers) > HEADERS) and not self._is_closing:
            self.refuse(431, "too_large", f"a request's head is {HEAD_BYTES} bytes and {HEADERS} headers at most")

    def on_body(self, body: bytes) -> None:
        """Collect the body, up to what is taken; a larger one is read to its end, so that the client sees why."""
        self._size += len(body)
        if self._size > MAX_BODY:
            self._release()
            self._parts.clear()
            if self._size > DROPPED_BODY and not self._is_closing:
                self.refuse(413, "too_large", TOO_LARGE)
            return
        self._parts.append(body)
        self._held += len(body)
        self._bodies.held += len(body)
        if self._bodies.held > HELD_BYTES and not self._is_closing:
            self.refuse(503, self.BUSY, "too many large requests arrive at once, ask again")

    def _release(self) -> None:
        self._bodies.held -= self._held
        self._held = 0

    def on_message_complete(self) -> None:
        """Hand the request over."""
        self._release()
        self._is_arriving = False
        if not self._is_closing:
            self.completed()

    def look(self, now: float) -> None:
        """Close a connection whose request does not arrive, or on which nothing comes for long."""
        if self._is_closing or self._is_busy:
            return
        quiet = now - self._since
        if self._is_arriving:
            if quiet > self.ARRIVAL_S + self._size / SLOWEST:
                self.refuse(408, "too_slow", f"the request did not arrive within {self.ARRIVAL_S:.0f} s")
        elif quiet > IDLE_S:
            self.close()

    def close(self) -> None:
        """Read nothing more, and end the connection once what was written has left."""
        self._is_closing = True
        self._transport.close()


def raised_files(connections: int, spare: int) -> int:
    """Raise the limit of open files as far as so many connections need and the system allows; `spare` are for other
    files. Returns how many connections that leaves."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + spare
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return connections if soft == resource.RLIM_INFINITY else max(_LEAST, min(connections, soft - spare))
