"""What the reconciler needs of a kind of host: replicas it can start, find again and stop, and a router.

Two kinds implement it: processes on this machine, containers on a Docker engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from engine.deploy.router import Router
from engine.settings.model import ModelSettings
from store.rows import Deployment, Replica, Version


class HostRouter(Router, Protocol):
    """A router that the reconciler keeps alive."""

    def ensure_running(self) -> bool:
        """Start it unless one answers; returns whether it was started now, its memory perhaps older than the truth."""
        ...

    def stop(self) -> None:
        """End it, its requests under way answered."""
        ...

    def close(self) -> None:
        """Let go of it; it goes on."""
        ...


class ReplicaHandle(Protocol):
    """One replica as its host has it. Times are seconds since boot, `*_at` microseconds UTC."""

    id: str
    deployment: Deployment
    number: int
    state: str  # starting, ready, unready, draining, exited
    detail: str
    joined: bool  # it has answered its golden requests: the router may know its address
    failures: int
    may_start: float
    port: int | None

    @property
    def address(self) -> str | None:
        """`host:port` as the router reaches it, None before it has one."""
        ...

    @property
    def title(self) -> str:
        """The version it serves and its number, as a log names it."""
        ...

    @property
    def has_process(self) -> bool:
        """Say whether something was started, alive or not."""
        ...

    def is_alive(self) -> bool:
        """Say whether it runs."""
        ...

    def adopt(self, row: Replica | None) -> bool:
        """Recognise what an earlier reconciler started; returns whether it runs."""
        ...

    def start(self, prepared: Any, now_us: int) -> None:
        """Start it from what `Runtime.prepare` returned."""
        ...

    def note_death(self, now: float) -> bool:
        """Note that it has ended and when it may start again; returns whether to prepare it anew."""
        ...

    def noticed(self) -> str:
        """Return what was done to it by another hand since the last look, empty where nothing was."""
        ...

    def observe(self, now: float, threads: ThreadPoolExecutor) -> None:
        """Bring what is seen of it up to date, without waiting for it."""
        ...

    def stop(self, now: float) -> bool:
        """Ask it to end, and make it end in time; returns whether it is gone and its log safe."""
        ...

    def let_go(self) -> None:
        """Say that it was stopped with everything else."""
        ...

    def clear(self) -> None:
        """Remove what is of no use once it is gone."""
        ...

    def to_write(self, now: float, now_us: int) -> Replica | None:
        """Return the row to write, None while nothing has changed for a while."""
        ...


class Runtime(Protocol):
    """One host of a kind."""

    name: str

    def router(self) -> HostRouter:
        """Return the host's router as the settings declare it now."""
        ...

    def any_router(self) -> HostRouter:
        """Return a router that reaches whatever runs, wherever it listens: to stop it."""
        ...

    def url(self, router: HostRouter) -> str:
        """Return the base URL at which clients reach the router."""
        ...

    def replica(self, deployment: Deployment, number: int) -> ReplicaHandle:
        """Return the handle of a replica; nothing is asked of the host yet."""
        ...

    def prepare(self, deployment: Deployment, version: Version, settings: ModelSettings) -> Any:
        """Have everything there that a replica starts from. Runs in a thread.

        Raises:
            ModeldeckError: it cannot be had, in one line.
        """
        ...

    def sweep(self, known: Mapping[str, Deployment]) -> None:
        """End what runs for deployments of this deck that have ended. Once, at the start."""
        ...

    def before_tick(self) -> None:
        """Look at the host once for all its replicas.

        Raises:
            Unavailable: it does not answer; its replicas are said to be out of reach.
        """
        ...

    def look(self, now: float) -> dict[str, tuple[str, str | None]] | None:
        """Look for what is wrong though everything runs, now and then; returns it by key: one line, and the model.

        None where no look is due.
        """
        ...

    def mend(self, deployment: Deployment) -> None:
        """Take away what may be damaged of a deployment whose servers are gone, so that it is made anew.

        Raises:
            Unavailable: the host does not answer.
        """
        ...

    def close(self) -> None:
        """Let go of the host; what runs there goes on."""
        ...
