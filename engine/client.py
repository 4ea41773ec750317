"""The one way a face asks a deck: over the socket when a daemon holds the lock, in process for its owner otherwise.

A deck named by its socket is asked there and nowhere else: no path of its workspace is opened.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from engine.deck import Deck
from engine.operations.homes import named
from engine.operations.operation import Danger, Operation
from engine.product import VERSION
from engine.service import wire
from engine.service.identity import owner_here, owner_of, sudo_via
from engine.service.launch import ensure_running, wait_answering
from engine.service.lock import acquire, holder, socket_of
from engine.service.shared import SharedDeck
from engine.service.socket import ask, check_socket
from engine.workspace import Workspace
from store.errors import Unavailable

BUSY_WITHIN_S = 15.0  # how long a request is sent again and again to a daemon that says it is busy


def connect(place: Workspace | SharedDeck, *, start_daemon: bool = False, read_only: bool = False) -> Client:
    """Return a client of the deck; `start_daemon` starts its daemon first when none runs.

    `read_only` has the door refuse every change that the client asks.

    Raises:
        Unavailable: the daemon was to be started and did not.
        Refused: the deck is another user's.
    """
    if isinstance(place, SharedDeck):
        return SharedClient(place, read_only=read_only)
    client = Client(place, read_only=read_only)
    if start_daemon:
        ensure_running(place)
    return client


class Client:
    """Asks one deck. Safe to use from several threads. A daemon may come and go between two calls."""

    def __init__(self, workspace: Workspace, *, read_only: bool = False) -> None:
        self.workspace = workspace
        self.read_only = read_only
        self._deck: Deck | None = None
        self._opening = threading.Lock()

    @property
    def transport(self) -> str:
        """How the next call would travel: `socket` while a daemon holds the deck's lock, else `process`.

        Raises:
            NotAllowed: the deck is another user's.
        """
        owner_here(self.workspace)  # the lock and the socket are the owner's alone: anyone else is told so at once
        found = holder(self.workspace)
        return "socket" if found is not None and found.role == "daemon" else "process"

    def call(self, operation_id: str, request: Any = None, *, by_columns: bool = False) -> Any:
        """Ask, and return the operation's typed answer: a dataclass, or a tuple of them where there are many.

        `request` is the operation's request dataclass, a dict of its fields, or None. A change that makes a job
        starts the daemon when none runs; one that is only tried does not. Many rows may come `by_columns`, as `Rows`.

        Raises:
            ModeldeckError: as the operation says, with the exit code it carries.
        """
        operation = named(operation_id)
        if self.read_only:
            from engine.service.call import refuse_change

            refuse_change(operation)  # before a daemon is started, or a lock taken, only to be refused
        body = wire.body_of(request)
        if self.transport == "socket":
            return self._over_socket(operation, body, by_columns=by_columns)
        if operation.job and not body.get("dry_run"):
            ensure_running(self.workspace)
            return self._over_socket(operation, body, by_columns=by_columns)
        return self._in_process(operation, body, by_columns=by_columns)

    def close(self) -> None:
        """Close what was opened in process."""
        with self._opening:
            if self._deck is not None:
                self._deck.database.close()
                self._deck = None

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _over_socket(self, operation: Operation, body: dict[str, Any], *, by_columns: bool) -> Any:
        path = socket_of(self.workspace)
        if not path.exists():
            wait_answering(self.workspace)
            path = socket_of(self.workspace)
        check_socket(path, owner_of(self.workspace))
        return send(path, operation, body, read_only=self.read_only, by_columns=by_columns)

    def _in_process(self, operation: Operation, body: dict[str, Any], *, by_columns: bool) -> Any:
        from engine.service.call import call
        from engine.service.context import ServiceContext

        caller = replace(owner_here(self.workspace), read_only=self.read_only)
        if operation.danger is Danger.READ:
            deck = self._open(locked=False)
            answer = call(ServiceContext(deck, caller), operation.id, body)
        else:
            with acquire(self.workspace, "change", product=VERSION, started_at=0):
                deck = self._open(locked=True)
                answer = call(ServiceContext(deck, caller), operation.id, body)
        # The same journey as over the socket, so that both transports give the very same values.
        return wire.read_answer(operation, wire.answer_bytes(answer, by_columns=True), by_columns=by_columns)

    def _open(self, *, locked: bool) -> Deck:
        from engine.deck import make_deck, open_deck

        with self._opening:
            if self._deck is None:
                if locked:
                    self._deck = make_deck(self.workspace)
                elif self.workspace.registry.exists():
                    self._deck = open_deck(self.workspace)
                else:
                    self._deck = self._make()
            return self._deck

    def _make(self) -> Deck:
        """Make the registry of a deck that has none yet, so that its first read is an empty list, not an error."""
        from engine.deck import make_deck

        if not (self.workspace.root / "deck.toml").is_file():
            raise Unavailable(f"{self.workspace.root} is not a workspace", "make one: modeldeck init DIR")
        with acquire(self.workspace, "change", product=VERSION, started_at=0):
            return make_deck(self.workspace)


class SharedClient(Client):
    """Asks a deck by its socket only, as one of its operators."""

    def __init__(self, shared: SharedDeck, *, read_only: bool = False) -> None:
        self.shared = shared
        self.read_only = read_only

    @property
    def transport(self) -> str:
        """Always the socket."""
        return "socket"

    def call(self, operation_id: str, request: Any = None, *, by_columns: bool = False) -> Any:
        """Ask, and return the operation's typed answer.

        Raises:
            NotAllowed: the deck is closed to this user, or their role does not reach the operation.
            Unavailable: its daemon does not run, or is another version.
            ModeldeckError: as the operation says.
        """
        operation, owner = named(operation_id), self.shared.check()
        body = wire.body_of(request)
        return send(self.shared.socket, operation, body, owner, read_only=self.read_only, by_columns=by_columns)

    def health(self) -> dict[str, Any]:
        """Return what the daemon says of itself.

        Raises:
            ModeldeckError: as `SharedDeck.health`.
        """
        return self.shared.health()

    def close(self) -> None:
        """Nothing was opened."""


def send(
    path: Path,
    operation: Operation,
    body: dict[str, Any],
    owner: int | None = None,
    *,
    read_only: bool = False,
    by_columns: bool = False,
) -> Any:
    """Ask over a socket; a daemon that is busy is asked again when it says so, for a while.

    Raises:
        Busy: it was busy all the while.
        ModeldeckError: the one the daemon sent.
    """
    payload = wire.request_bytes(operation, body)
    headers = wire.handshake()
    via = sudo_via(dict(os.environ))
    if via:
        headers[wire.VIA_HEADER] = via
    if read_only:
        headers[wire.READ_ONLY_HEADER] = "1"
    deadline = time.monotonic() + BUSY_WITHIN_S
    while True:
        status, answer = ask(path, "POST", f"/v1/op/{operation.id}", payload, headers, owner=owner)
        wait_s = wire.retry_after_s(answer) if status == wire.TOO_MANY else None
        if wait_s is None or time.monotonic() + wait_s > deadline:
            return wire.read_answer(operation, answer, by_columns=by_columns)
        time.sleep(wait_s)
