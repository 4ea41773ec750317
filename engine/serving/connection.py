"""The server's side of HTTP/1.1: connections that hand whole requests to the app, one of each at a time, in order.

Nothing here waits: a request is parsed, answered and sent within the turn of the loop that it arrives in, or when its
batch is done. Heads and bodies are bounded, and so is the time that they may take to arrive.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import traceback
from collections import deque
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

import httptools

from engine.serving.contract import DROPPED_BODY, MAX_BODY
from engine.serving.http import RETRY, Answer, Client, Request, failure, too_large

IDLE_S = 75.0
ARRIVAL_S = 20.0  # a client has this long to send a request, and a second more for each `SLOWEST`
SLOWEST = 100_000  # bytes a second
HEAD_BYTES = 65536
HEADERS = 100
HELD_BYTES = 256 * 1024 * 1024  # of bodies on their way in, of all clients together
CONNECTIONS = 4000
_SPARE_FILES = 100  # for the log, the model and the libraries
_AHEAD = 16  # whole requests a client may send ahead before reading stops
_LOOK_S = 1.0
_LET_GO_S = 0.02


class App(Protocol):
    """What answers."""

    def handle(self, request: Request, client: Client) -> None:
        """Answer a request by one `client.reply`, now or later."""
        ...


class Connections:
    """All connections of a server."""

    def __init__(self, app: App, most: int = CONNECTIONS) -> None:
        self.app = app
        self.most = most
        self.held = 0
        self.refused = 0
        self.open: set[Connection] = set()
        self.is_ending = False

    def make(self) -> Connection:
        """Return the protocol of a new connection."""
        return Connection(self)

    async def watch(self) -> None:
        """Close connections that say nothing, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_LOOK_S)
            now = loop.time()
            for one in list(self.open):
                one.look(now)

    async def finish(self, within_s: float) -> None:
        """Close each connection once nothing of it is under way, and what is left after so long."""
        self.is_ending = True
        loop = asyncio.get_running_loop()
        until = loop.time() + within_s
        while self.open and loop.time() < until:
            for one in list(self.open):
                one.finish()
            await asyncio.sleep(_LET_GO_S)
        for one in list(self.open):
            one.abort()


def raised_files() -> int:
    """Raise the limit of open files as far as it is needed and allowed; returns how many connections that leaves."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + _SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return CONNECTIONS if soft == resource.RLIM_INFINITY else max(16, min(CONNECTIONS, soft - _SPARE_FILES))


class Connection(asyncio.Protocol):
    """One client connection."""

    def __init__(self, all_of_them: Connections) -> None:
        self._all = all_of_them
        self._loop = asyncio.get_running_loop()
        self._transport: Any = None
        self._parser: Any = httptools.HttpRequestParser(self)
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._is_asking = False  # the app is being called: what it answers at once is not gone on from
        self._is_busy = False
        self._is_closing = False
        self._is_arriving = False
        self._keeps_alive = True
        self._is_head = False
        self._held = 0
        self._parting: Answer | None = None  # said once what came before is answered
        self._since = self._loop.time()
        self._begin()

    def _begin(self) -> None:
        self._in_head = True
        self._head_size = 0
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._body = b""
        self._parts: list[bytes] = []
        self._size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; one connection too many is told so and closed."""
        self._transport = transport
        self._all.open.add(self)
        if len(self._all.open) > self._all.most:
            self._all.refused += 1
            told = f"{self._all.most} connections are open already"
            self._refuse(failure(503, "overloaded", told, RETRY % 1))

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it; what its request waits for goes on, since it may be on the log already."""
        self._all.open.discard(self)
        self._release()
        self._waiting.clear()
        self._is_closing = True

    def pause_writing(self) -> None:
        """Read nothing more from a client that does not read what it is answered."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Read on."""
        if len(self._waiting) < _AHEAD:
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Feed the parser."""
        if self._is_closing:
            return
        try:
            self._parser.feed_data(data)
            if self._in_head and self._is_arriving:
                self._head_size += len(data)  # also of a header that never ends, which the parser does not tell of
                self._bound_head(self._head_size)
        except httptools.HttpParserUpgrade:  # no other protocol is spoken here: the request was taken as it is
            self._keeps_alive = False
            if not self._is_busy:
                self._close()
        except httptools.HttpParserError as broken:
            self._refuse(failure(400, "bad_request", f"this is not HTTP/1.1: {broken}"))

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
        """Collect a header; of one that is given twice the last counts."""
        self._headers[name.lower()] = value
        self._head_size += len(name) + len(value)
        if self._head_size > HEAD_BYTES or len(self._headers) > HEADERS:
            self._bound_head(self._head_size)

    def on_headers_complete(self) -> None:
        """What comes now is a body."""
        self._in_head = False
        if self._headers.get(b"expect", b"").lower() == b"100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _bound_head(self, size: int) -> None:
        if (size > HEAD_BYTES or len(self._headers) > HEADERS) and not self._is_closing:
            told = f"a request's head is {HEAD_BYTES} bytes and {HEADERS} headers at most"
            self._refuse(failure(431, "too_large", told))

    def on_body(self, body: bytes) -> None:
        """Collect the body, up to what is taken; a larger one is read to its end, so that the client sees why."""
        if not self._size:
            self._body = body
        elif self._size + len(body) <= MAX_BODY:
            self._parts.append(body)
        self._size += len(body)
        if self._size > MAX_BODY:
            self._release()
            self._body = b""
            self._parts.clear()
            if self._size > DROPPED_BODY and not self._is_closing:
                self._refuse(failure(413, "too_large", too_large().message))
            return
        self._held += len(body)
        self._all.held += len(body)
        if self._all.held > HELD_BYTES and not self._is_closing:
            told = "too many large requests arrive at once"
            self._refuse(failure(503, "overloaded", told, RETRY % 1))

    def _release(self) -> None:
        self._all.held -= self._held
        self._held = 0

    def on_message_complete(self) -> None:
        """Ask the app, or wait until it has answered what came before."""
        self._release()
        self._is_arriving = False
        if self._is_closing:
            return
        body: bytes | None = b"".join((self._body, *self._parts)) if self._parts else self._body
        if self._size > MAX_BODY:
            body = None
        request = Request(self._parser.get_method(), _path(self._url), self._headers, body)
        keeps_alive: bool = self._parser.should_keep_alive()
        if self._is_busy:
            self._waiting.append((request, keeps_alive))
            if len(self._waiting) >= _AHEAD:
                self._transport.pause_reading()
        else:
            self._ask(request, keeps_alive)

    def _ask(self, request: Request, keeps_alive: bool) -> None:
        self._is_busy = self._is_asking = True
        self._keeps_alive = keeps_alive
        self._is_head = request.method == b"HEAD"
        try:
            self._all.app.handle(request, self)
        except Exception:  # a fault of ours costs one answer
            sys.stderr.write(" | ".join(traceback.format_exc().split("\n")) + "\n")
            if self._is_busy:
                self.reply(failure(500, "internal", "the server failed on this request; its log says how"))
        finally:
            self._is_asking = False

    def is_gone(self) -> bool:
        """Say whether the client has closed its connection."""
        gone: bool = self._transport.is_closing()
        return gone

    def reply(self, answer: Answer) -> None:
        """Send the answer to what was asked last, and go on with what waits."""
        if not self._is_busy:
            return
        self._is_busy = False
        self._since = self._loop.time()
        if self._transport.is_closing():
            return
        keep_alive = self._keeps_alive and not self._all.is_ending
        self._transport.write(answer.wire(keep_alive=keep_alive, is_head=self._is_head))
        if not keep_alive:
            self._close()
        elif not self._is_asking and (self._waiting or self._parting is not None):
            self._go_on()

    def _go_on(self) -> None:
        while self._waiting and not self._is_busy and not self._transport.is_closing():
            request, keeps_alive = self._waiting.popleft()
            if len(self._waiting) == _AHEAD - 1 and not self._is_closing:
                self._transport.resume_reading()
            self._ask(request, keeps_alive)
        if self._parting is not None and not self._is_busy:
            self._refuse(self._parting)

    def _refuse(self, answer: Answer) -> None:
        """Read nothing more, and answer this last."""
        self._is_closing = True
        if self._is_busy:
            self._parting = answer
            return
        if not self._transport.is_closing():
            self._transport.write(answer.wire(keep_alive=False))
        self._close()

    def _close(self) -> None:
        self._is_closing = True
        self._transport.close()

    def look(self, now: float) -> None:
        """Close a connection whose request does not arrive, or on which nothing comes for long."""
        if self._is_closing or self._is_busy:
            return
        quiet = now - self._since
        if self._is_arriving and quiet > ARRIVAL_S + self._size / SLOWEST:
            self._refuse(failure(408, "too_slow", f"the request did not arrive within {ARRIVAL_S:.0f} s"))
        elif quiet > IDLE_S:
            self._close()

    def finish(self) -> None:
        """Close it if nothing is under way."""
        if not self._is_busy and not self._is_arriving:
            self._close()

    def abort(self) -> None:
        """Close it whatever is under way."""
        self._is_closing = True
        self._transport.abort()


def _path(url: bytes) -> str:
    """Return the path of a request's target, decoded and without its query."""
    if not url.startswith(b"/"):
        try:
            url = httptools.parse_url(url).path or b"/"
        except httptools.HttpParserInvalidURLError:
            return "/"
    path = url.partition(b"?")[0]
    return (unquote_to_bytes(path) if b"%" in path else path).decode("utf-8", "replace")
