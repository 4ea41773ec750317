"""The daemon's life: take the lock, open the deck, listen, start the parts, and put everything away in order."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
from collections.abc import Iterator

import uvicorn

from engine.daemon.app import Service, make_app
from engine.daemon.door import Door
from engine.daemon.heap import share_one_heap
from engine.daemon.listening import PeerProtocol, bind, remove
from engine.daemon.log import log_to_stderr
from engine.daemon.parts import Parts
from engine.deck import make_deck
from engine.product import VERSION
from engine.service.identity import owner_here
from engine.service.launch import log_of
from engine.service.lock import acquire, holder
from engine.service.refusals import RefusalLog
from engine.workspace import Workspace
from store.clock import SystemClock
from store.errors import ModeldeckError, Refused
from store.rows import rfc3339

log = logging.getLogger("modeldeck")

GRACE_S = 3


PARTS_AFTER_S = 0.05  # whoever started the daemon is answered before its parts load what they need


class _Server(uvicorn.Server):
    """uvicorn that leaves the process's signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def run(workspace: Workspace) -> int:
    """Be the deck's daemon until told to stop; returns the exit code.

    A second daemon of a deck ends at once with 0: the first one runs.
    """
    log_to_stderr(log_of(workspace))
    try:
        owner_here(workspace)
        clock = SystemClock()
        with acquire(workspace, "daemon", product=VERSION, started_at=clock.now(), socket=workspace.socket):
            return _serve(workspace, clock)
    except Refused as error:
        found = holder(workspace)
        if found is not None and found.role == "daemon":
            since = rfc3339(found.started_at)
            log.warning("daemon %s (pid %d) holds this deck since %s", found.product, found.pid, since)
            return 0
        log.error("%s", error.line())
        return error.exit_code
    except ModeldeckError as error:
        log.error("%s", error.line())
        return error.exit_code


def _serve(workspace: Workspace, clock: SystemClock) -> int:
    share_one_heap()
    deck = make_deck(workspace, clock, stays=True)
    parts = Parts(deck)
    listening = bind(workspace)
    stop_servers = False

    def stop(with_servers: bool) -> None:
        nonlocal stop_servers
        stop_servers = stop_servers or with_servers
        server.should_exit = True

    refusals = RefusalLog()
    door = Door(deck, refusals)
    service = Service(
        deck,
        owner=_owner(workspace),
        started_at=clock.now(),
        wake=parts.wake,
        stop=stop,
        refusals=refusals,
        shared=door.said,
        last_deed=lambda: parts.last_deed,
    )
    server = _Server(
        uvicorn.Config(
            make_app(service),
            http=PeerProtocol,
            loop="asyncio",
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=GRACE_S,
            server_header=False,
        )
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop(False))
    log.info("daemon %s of %s listens on %s", VERSION, workspace.root, workspace.socket)
    try:
        asyncio.run(_listen(server, listening, door, parts))
    finally:
        remove(workspace.socket)
        parts.close(stop_servers=stop_servers)
        deck.database.close()
        log.info("daemon stopped%s", ", servers too" if stop_servers else "; servers go on")
    return 0


async def _listen(server: _Server, listening: socket.socket, door: Door, parts: Parts) -> None:
    """Serve the owner's own socket, and beside it the shared one while the settings ask for it; let the parts begin."""

    def protocol() -> PeerProtocol:
        return PeerProtocol(config=server.config, server_state=server.server_state, app_state={})

    following = asyncio.create_task(door.run(protocol))

    def begin() -> None:
        gc.freeze()  # what is loaded by now is never looked through
        gc.enable()
        parts.start()

    asyncio.get_running_loop().call_later(PARTS_AFTER_S, begin)
    try:
        await server.serve(sockets=[listening])
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


def _owner(workspace: Workspace) -> int:
    return workspace.state.stat().st_uid
