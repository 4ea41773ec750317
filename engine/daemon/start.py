"""Start, stop and look at a deck's daemon, from any process of its owner."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import dataclass
from typing import Any

from engine.product import VERSION
from engine.service.identity import owner_here
from engine.service.launch import ensure_running, last_lines, log_of
from engine.service.lock import Holder, acquire, holder, socket_of
from engine.service.shared import SharedDeck
from engine.service.socket import ask, health_of
from engine.workspace import Workspace
from store.errors import Unavailable, from_wire

__all__ = ["DaemonStatus", "ensure_running", "last_lines", "log_of", "restart", "start", "status", "stop"]

STOP_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class DaemonStatus:
    """Whether a daemon runs, and which. `state` is running, starting or stopped."""

    state: str
    pid: int | None
    product: str
    started_at: int | None
    socket: str
    log: str
    shared: str = ""  # where the deck's operators reach it, or why they cannot; "" for a private deck
    schema: int | None = None  # of the registry; None, as all below, while no daemon answers
    uptime_s: float | None = None
    jobs_running: int | None = None
    jobs_queued: int | None = None
    next_schedule: str | None = None
    next_schedule_at: int | None = None
    last_action: str = ""  # what the reconciler did last
    last_action_at: int | None = None
    memory_mb: float | None = None


def start(workspace: Workspace) -> bool:
    """Start the daemon unless one runs; returns True when this call started it.

    Raises:
        Unavailable: it did not come up; the message carries its log's last lines.
    """
    return ensure_running(workspace)


def stop(workspace: Workspace, *, all: bool = False, within_s: float = STOP_WITHIN_S) -> bool:
    """Stop the daemon; with `all`, the servers and the router too. Jobs go on. Returns whether a daemon ran.

    Raises:
        Unavailable: it did not stop in time.
    """
    owner_here(workspace)
    found = _daemon(workspace)
    if found is None:
        if all and workspace.registry.exists():
            _stop_servers(workspace)
        return False
    _ask_to_stop(workspace, found, all=all)
    deadline = time.monotonic() + within_s
    while (now := _daemon(workspace)) is not None and now.pid == found.pid:
        if time.monotonic() >= deadline:
            raise Unavailable(
                f"the daemon (pid {found.pid}) does not stop", f"kill it: kill -9 {found.pid}; servers and jobs go on"
            )
        time.sleep(0.02)
    return True


def restart(workspace: Workspace) -> None:
    """Stop the daemon if one runs, whatever its version, and start this one. Servers and jobs go on meanwhile."""
    stop(workspace)
    ensure_running(workspace)


def status(workspace: Workspace) -> DaemonStatus:
    """Look; starts nothing.

    Raises:
        NotAllowed: the deck is another user's, whose socket this one does not know.
    """
    owner_here(workspace)
    found = _daemon(workspace)
    place = socket_of(workspace)
    health = None if found is None else health_of(place)
    state = "stopped" if found is None else "running" if health is not None else "starting"
    return DaemonStatus(
        state=state,
        pid=found.pid if found else None,
        product=found.product if found else VERSION,
        started_at=found.started_at if found else None,
        socket=str(place),
        log=str(log_of(workspace)),
        shared=str((health or {}).get("shared", "")),
        **_work(health or {}),
    )


def shared_status(deck: SharedDeck) -> DaemonStatus:
    """Look at a shared deck's daemon through its socket, which is all an operator sees of it.

    Raises:
        NotAllowed: the deck is closed to this user.
        Unavailable: it does not answer, or is another version.
    """
    said = deck.health()
    return DaemonStatus(
        state="running",
        pid=int(said["pid"]),
        product=str(said["product"]),
        started_at=int(said["started_at"]),
        socket=str(deck.socket),
        log="",
        shared=str(said["shared"]),
        **_work(said),
    )


def _work(health: dict[str, Any]) -> dict[str, Any]:
    """Return what a daemon says of its work; an older one says less."""
    names = (
        "uptime_s",
        "jobs_running",
        "jobs_queued",
        "next_schedule",
        "next_schedule_at",
        "last_action_at",
        "memory_mb",
    )
    said = {name: health.get(name) for name in names}
    return {**said, "schema": health.get("registry_schema"), "last_action": str(health.get("last_action", ""))}


def _daemon(workspace: Workspace) -> Holder | None:
    found = holder(workspace)
    return found if found is not None and found.role == "daemon" else None


def _ask_to_stop(workspace: Workspace, found: Holder, *, all: bool) -> None:
    try:
        told = json.dumps({"all": all}).encode()
        status_code, body = ask(socket_of(workspace), "POST", "/v1/stop", told, timeout_s=5.0)
    except Unavailable:
        if all:
            raise
        # It holds the lock and does not listen: the lock's pid is its own, for it dies with it.
        os.kill(found.pid, signal.SIGTERM)
        return
    if status_code != 200:
        error = json.loads(body)["error"]
        raise from_wire(error["code"], error["message"], error["hint"])


def _stop_servers(workspace: Workspace) -> None:
    """Stop what an earlier daemon left serving."""
    from engine.deck import make_deck
    from engine.deploy.reconcile import Reconciler

    with acquire(workspace, "change", product=VERSION, started_at=0):
        deck = make_deck(workspace)
        try:
            Reconciler(deck).close(stop_servers=True)
        finally:
            deck.database.close()
