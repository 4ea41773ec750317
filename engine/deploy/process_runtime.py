"""This machine as a host: one server process for each replica, behind the router of ours."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

from engine.deck import Deck
from engine.deploy.certificate import certificate_of
from engine.deploy.faults import CERTIFICATE, PORT
from engine.deploy.listening import declared
from engine.deploy.memory import memory_limit_mb
from engine.deploy.process_router import ProcessRouter
from engine.deploy.processes import end, read_ready, run_folder
from engine.deploy.replica import ReplicaProcess
from engine.deploy.runtime import HostRouter
from engine.deploy.stage import clear_half_made, stage
from engine.model_io.log_key import log_key
from engine.settings.model import ModelSettings
from store import seals
from store.errors import Unavailable
from store.rows import Deployment, Version

LOOK_EVERY_S = 1.0


class ProcessRuntime:
    """A `Runtime` over processes that are sessions of their own: they outlive whoever reconciles."""

    def __init__(self, deck: Deck, name: str = "local") -> None:
        self.name = name
        self._deck = deck
        self._router: ProcessRouter | None = None
        self._look_again = 0.0

    def router(self) -> HostRouter:
        """Return the router at the declared address and port."""
        here = declared(self._deck, self.name)
        shown = certificate_of(self._deck.workspace.root, here)
        self._router = ProcessRouter(self._deck.workspace, address=here.address, port=here.port, certificate=shown)
        return self._router

    def any_router(self) -> HostRouter:
        """Return a router that speaks to whichever process holds the control socket."""
        return ProcessRouter(self._deck.workspace)

    def url(self, router: HostRouter) -> str:
        """Return the router's own address."""
        return router.address()

    def replica(self, deployment: Deployment, number: int) -> ReplicaProcess:
        """Return the handle of a server process."""
        key, limit_mb = log_key(self._deck.workspace.keys), memory_limit_mb(self._deck, deployment)
        signers = seals.signers(self._deck.database)
        return ReplicaProcess(self._deck.workspace, deployment, number, key, memory_mb=limit_mb, signers=signers)

    def prepare(self, deployment: Deployment, version: Version, settings: ModelSettings) -> Path:
        """Stage the folder that the server starts from."""
        return stage(self._deck, version, settings)

    def sweep(self, known: Mapping[str, Deployment]) -> None:
        """End servers whose deployment has ended; clear half-made folders."""
        for file in run_folder(self._deck.workspace).glob("*-*.json"):
            said = read_ready(file)
            if said is None:
                if file.stem.rpartition("-")[0] not in known:
                    file.unlink(missing_ok=True)
            elif said.deployment not in known:
                end(said.pid, said.pid_started)
        clear_half_made(self._deck.workspace.serving)

    def before_tick(self) -> None:
        """Do nothing: each server is seen by itself."""

    def look(self, now: float) -> dict[str, tuple[str, str | None]] | None:
        """Move the router where the settings put it now, and see where that cannot be."""
        if self._router is None or now < self._look_again:
            return None
        self._look_again = now + LOOK_EVERY_S
        here = declared(self._deck, self.name)
        found: dict[str, tuple[str, str | None]] = {}
        cause = self._router.move(here.address, here.port)
        if cause:
            found[PORT] = (f"{self.name}: {cause}; the router stays where it was", None)
        with contextlib.suppress(Unavailable):  # one that is started now shows it from the start
            cause = self._router.secure(certificate_of(self._deck.workspace.root, here))
            if cause:
                found[CERTIFICATE] = (f"{self.name}: {cause}; the router shows what it showed", None)
        return found

    def mend(self, deployment: Deployment) -> None:
        """Do nothing: a folder that differs is staged again by itself."""

    def close(self) -> None:
        """Let go of nothing: there is no connection."""
