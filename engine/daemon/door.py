"""The daemon's side of a shared deck: listens where the applied settings say, and keeps the refusals' minutes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from engine.daemon.sharing import SharedSocket, open_shared
from engine.deck import Deck
from engine.service.refusals import RefusalLog
from store import settings
from store.errors import ModeldeckError

log = logging.getLogger("modeldeck")

LOOK_EVERY_S = 1.0
TRY_AGAIN_S = 5.0  # a folder that root has yet to make


class Door:
    """Follows `[access] group` of the applied settings: opens, moves or closes the shared socket while it runs."""

    def __init__(self, deck: Deck, refusals: RefusalLog) -> None:
        self._deck = deck
        self._refusals = refusals
        self._wanted: tuple[str, str] | None = None  # (name, group)
        self._token = -1
        self._open: SharedSocket | None = None
        self._server: asyncio.Server | None = None
        self._trouble = ""
        self._tried_at = 0.0

    def said(self) -> str:
        """Return where operators reach the deck, why they cannot, or "" for a private deck."""
        if self._open is not None:
            return str(self._open.path)
        return f"closed: {self._trouble}" if self._trouble else ""

    async def run(self, protocol: Callable[[], asyncio.Protocol]) -> None:
        """Look every second, until cancelled; then close and write every refusal."""
        try:
            while True:
                try:
                    await self._look(protocol)
                except ModeldeckError as error:
                    self._troubled(error.line())
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            self._close()
            with contextlib.suppress(ModeldeckError):
                self._refusals.flush(self._deck, all=True)

    async def _look(self, protocol: Callable[[], asyncio.Protocol]) -> None:
        wanted = await asyncio.to_thread(self._read)
        has = (self._open.name, self._open.group) if self._open else None
        if wanted == has:
            self._trouble = "" if wanted is None else self._trouble
            return
        now = self._deck.clock.boottime()
        if has is None and self._trouble and now - self._tried_at < TRY_AGAIN_S:
            return
        self._tried_at = now
        self._close()
        if wanted is None:
            return
        opened = open_shared(*wanted)
        self._server = await asyncio.get_running_loop().create_unix_server(protocol, sock=opened.listening)
        self._open, self._trouble = opened, ""
        log.info("shared with group %s at %s", opened.group, opened.path)

    def _read(self) -> tuple[str, str] | None:
        self._refusals.flush(self._deck)
        token = self._deck.database.changes()
        if token != self._token:
            body = settings.applied_body(self._deck.database)
            self._wanted = (body["name"], body["group"]) if body.get("group") else None
            self._token = token
        return self._wanted

    def _troubled(self, line: str) -> None:
        if line != self._trouble:
            log.error("the deck is not shared: %s", line)
        self._trouble = line

    def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._open is not None:
            log.info("no longer shared at %s", self._open.path)
            self._open.close()
            self._open = None
