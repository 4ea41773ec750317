"""Whether a host's router listens or could: asked before a release sends anything to it."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

from engine.deploy.process_router import ProcessRouter
from engine.settings.model import DeckSettings, HostSettings
from store import settings
from store.errors import Unavailable

if TYPE_CHECKING:
    from engine.deck import Deck

WITHIN_S = 5.0  # a router that is starting holds its port a moment before it answers
LOOK_EVERY_S = 0.1


def unreachable(deck: Deck, host: str, *, within_s: float = WITHIN_S) -> str:
    """Return why the router of a process host cannot listen on its port; empty where it does or could.

    Without a declared port it is the one that its clients know from last time.
    """
    here = declared(deck, host)
    router = ProcessRouter(deck.workspace, address=here.address, port=here.port)
    until = time.monotonic() + within_s
    try:
        while not _answers(router):
            port = router.port_to_take
            cause = _cannot_bind(here.address, port)
            if not cause:
                return ""
            if time.monotonic() >= until:
                return (
                    f"port {port} on {here.address} cannot be listened on ({cause}); end the other process, or"
                    " give the host another port in deck.toml and apply"
                )
            time.sleep(LOOK_EVERY_S)
    finally:
        router.close()
    return ""


def declared(deck: Deck, host: str) -> HostSettings:
    """Return a host as the applied settings declare it."""
    row = settings.current(deck.database)
    named = DeckSettings.from_body(row.body).hosts if row else ()
    return next((one for one in named if one.name == host), HostSettings(host))


def _answers(router: ProcessRouter) -> bool:
    try:
        router.hello()
    except Unavailable:
        return False
    return True


def _cannot_bind(address: str, port: int) -> str:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((address, port))
        except OSError as error:
            return (error.strerror or str(error)).lower()
    return ""
