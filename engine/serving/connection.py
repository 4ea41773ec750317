"""The server's side of HTTP/1.1: connections that hand whole requests to the app, one of each at a time, in order.

Nothing here waits: a request is parsed, answered and sent within the turn of the loop that it arrives in, or when its
batch is done.
"""

from __future__ import annotations

import asyncio
import sys
import traceback
from typing import Protocol
from urllib.parse import unquote_to_bytes

import httptools

from engine.serving.http import RETRY, Answer, Client, Request, failure
from engine.serving.incoming import AHEAD, Incoming, raised_files

CONNECTIONS = 4000
SPARE_FILES = 100  # for the log, the model and the libraries
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


def affordable() -> int:
    """Return how many connections the limit of open files leaves, raised as far as it may be."""
    return raised_files(CONNECTIONS, SPARE_FILES)


class Connection(Incoming[tuple[Request, bool]]):
    """One client connection."""

    ARRIVAL_S = 20.0
    BUSY = "overloaded"

    def __init__(self, all_of_them: Connections) -> None:
        super().__init__(all_of_them)
        self._all = all_of_them
        self._is_asking = False  # the app is being called: what it answers at once is not gone on from
        self._keeps_alive = True
        self._is_head = False
        self._parting: Answer | None = None  # said once what came before is answered

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; one connection too many is told so and closed."""
        self._transport = transport
        self._all.open.add(self)
        if len(self._all.open) > self._all.most:
            self._all.refused += 1
            self.refuse(503, "overloaded", f"{self._all.most} connections are open already")

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
        if len(self._waiting) < AHEAD:
            self._transport.resume_reading()

    def upgraded(self) -> None:
        """Answer the request as it was taken, and end."""
        self._keeps_alive = False
        if not self._is_busy:
            self.close()

    def completed(self) -> None:
        """Ask the app, or wait until it has answered what came before."""
        headers = dict(self._headers)  # of one that is given twice the last counts
        request = Request(self._parser.get_method(), _path(self._url), headers, self.body())
        keeps_alive: bool = self._parser.should_keep_alive()
        if self._is_busy:
            self.wait_with((request, keeps_alive))
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
            self.close()
        elif not self._is_asking and (self._waiting or self._parting is not None):
            self._go_on()

    def _go_on(self) -> None:
        while self._waiting and not self._is_busy and not self._transport.is_closing():
            self._ask(*self.next_waiting())
        if self._parting is not None and not self._is_busy:
            self._part(self._parting)

    def refuse(self, status: int, code: str, message: str) -> None:
        """Read nothing more, and answer this last."""
        self._part(failure(status, code, message, RETRY % 1 if status == 503 else b""))

    def _part(self, answer: Answer) -> None:
        self._is_closing = True
        if self._is_busy:
            self._parting = answer
            return
        if not self._transport.is_closing():
            self._transport.write(answer.wire(keep_alive=False))
        self.close()

    def finish(self) -> None:
        """Close it if nothing is under way."""
        if not self._is_busy and not self._is_arriving:
            self.close()

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
