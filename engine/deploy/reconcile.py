"""Brings a process host to what the registry desires: servers run, routes are applied and acknowledged.

Servers and router are sessions of their own: they outlive whoever reconciles, and the next one adopts them. A new
route waits until what it sends traffic to has answered its golden requests, as long as what serves now still does.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from engine.deck import Deck
from engine.deploy.keys import log_key
from engine.deploy.listening import declared
from engine.deploy.process_router import ProcessRouter
from engine.deploy.processes import end, read_ready, run_folder
from engine.deploy.replica import ReplicaProcess
from engine.deploy.stage import stage
from engine.settings.model import DeckSettings
from store import deployments, versions
from store import settings as settings_store
from store.errors import ModeldeckError, Unavailable
from store.rows import Deployment, Route

STAGE_WAIT_S = 0.05
DRAIN_S = 30.0
ROUTER_AGAIN_S = 1.0
STOP_ALL_S = 20.0

log = logging.getLogger("modeldeck")


class Reconciler:
    """Acts in `tick`; used from one thread."""

    def __init__(self, deck: Deck, host: str = "local") -> None:
        self._deck = deck
        self._host = host
        self._replicas: dict[str, ReplicaProcess] = {}
        self._staging: dict[str, Future[Path]] = {}
        self._folders: dict[str, Path] = {}
        self._draining: dict[str, float] = {}
        self._router: ProcessRouter | None = None
        self._router_again = 0.0
        self._told: dict[str, list[str]] = {}
        self._addressed: dict[str, str] = {}  # endpoint -> the address known to stand in the registry
        self._threads = ThreadPoolExecutor(4, "reconcile")
        self._swept = False

    def tick(self) -> bool:
        """Do what can be done now, without waiting; returns whether anything changed.

        Raises:
            ModeldeckError: the router cannot run (its port is in use), or the registry cannot be written; servers
                have been looked after all the same.
        """
        desired = deployments.deployments(self._deck.database, host=self._host)
        if not self._swept:
            self._sweep({one.id for one in desired})
        trouble: ModeldeckError | None = None
        changed = False
        wanted = {one.id: one for one in desired if one.desired != "stopped"}
        for deployment in wanted.values():
            changed = self._keep_up(deployment) or changed
        if desired or self._router is not None:
            try:
                changed = self._route(wanted) or changed
            except ModeldeckError as error:
                trouble = error
        changed = self._let_go(desired, wanted) or changed
        changed = self._write_replicas() or changed
        if trouble is not None:
            raise trouble
        return changed

    def close(self, *, stop_servers: bool = False) -> None:
        """Let go of everything, or end servers and router first."""
        if stop_servers:
            self._stop_all()
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._router is not None:
            self._router.close()

    def _keep_up(self, deployment: Deployment) -> bool:
        """Keep the replicas of one deployment running."""
        changed = False
        now = self._deck.clock.boottime()
        for number in range(1, deployment.replicas + 1):
            replica = self._replica(deployment, number)
            if replica.is_alive():
                before = (replica.state, replica.detail)
                replica.observe(now, self._threads)
                changed = changed or before != (replica.state, replica.detail)
                continue
            if replica.has_process:
                changed = True
                if replica.note_death(now):
                    self._folders.pop(deployment.id, None)  # it never served: stage anew, which mends the folder
                if replica.state == "exited":
                    log.warning("server %s %s; it is started again", replica.title, replica.detail)
            if replica.adopt(None):
                changed = True
            elif now >= replica.may_start:
                changed = self._start(replica, now) or changed
        return changed

    def _replica(self, deployment: Deployment, number: int) -> ReplicaProcess:
        id = f"{deployment.id}-{number}"
        known = self._replicas.get(id)
        if known is None:
            key = log_key(self._deck.workspace.keys)
            known = self._replicas[id] = ReplicaProcess(self._deck.workspace, deployment, number, key)
            row = next((r for r in deployments.replicas(self._deck.database, deployment.id) if r.id == id), None)
            if not known.adopt(row) and row is not None:
                known.port = row.port  # after a reboot: the address it had, if it is free
        known.deployment = deployment
        return known

    def _start(self, replica: ReplicaProcess, now: float) -> bool:
        """Start a replica once its folder is staged; staging runs in a thread and never holds up the others."""
        id = replica.deployment.id
        folder = self._folders.get(id)
        if folder is None:
            staging = self._staging.get(id)
            if staging is None:
                staging = self._staging[id] = self._threads.submit(self._stage, replica.deployment)
            try:
                folder = staging.result(STAGE_WAIT_S)
            except TimeoutError:
                replica.detail = "staging"
                return False
            except ModeldeckError as error:
                self._staging.pop(id, None)
                replica.failures += 1
                replica.state, replica.detail = "exited", error.line()
                replica.may_start = now + min(30.0, 2.0**replica.failures)
                return True
            self._staging.pop(id, None)
            self._folders[id] = folder
        replica.start(folder, self._deck.clock.now())
        return True

    def _stage(self, deployment: Deployment) -> Path:
        reader = self._deck.database
        version = versions.version(reader, deployment.endpoint, deployment.version)
        applied = DeckSettings.from_body(settings_store.get(reader, deployment.settings_revision).body)
        return stage(self._deck, version, applied.models[deployment.endpoint])

    def _route(self, wanted: dict[str, Deployment]) -> bool:
        """Keep the router running, tell it addresses, apply routes whose servers are ready, acknowledge them."""
        router = self._running_router()
        if router is None:
            return False
        changed = self._tell_addresses(router, wanted)
        applied = router.applied()
        acknowledged: list[Route] = []
        moved: dict[str, str] = {}
        for route in deployments.routes(self._deck.database, self._host):
            if applied.get(route.endpoint, 0) < route.desired_generation:
                if not self._may_apply(router, route):
                    continue
                router.apply(route.endpoint, route.desired_generation, route.entries)
            if route.applied_generation < route.desired_generation:
                acknowledged.append(route)
            url = f"{router.address()}/{route.endpoint}"
            if self._addressed.get(route.endpoint) != url:
                moved[route.endpoint] = url  # also after a restart of the router, which may have taken another port
        if acknowledged or moved:
            with self._deck.database.write() as tx:
                for route in acknowledged:
                    deployments.acknowledge(tx, route.endpoint, self._host, route.desired_generation)
                for endpoint, url in moved.items():
                    deployments.set_address(tx, endpoint, self._host, url)
            self._addressed.update(moved)
        return changed or bool(acknowledged or moved)

    def _running_router(self) -> ProcessRouter | None:
        now = self._deck.clock.boottime()
        if self._router is None:
            here = declared(self._deck, self._host)
            self._router = ProcessRouter(self._deck.workspace, address=here.address, port=here.port)
        if now < self._router_again:
            return None
        try:
            if self._router.ensure_running():
                self._told.clear()  # its memory may be older than the servers' addresses
        except ModeldeckError:
            self._router_again = now + ROUTER_AGAIN_S
            self._router.close()
            self._router = None  # the settings may name another port by then
            raise
        return self._router

    def _tell_addresses(self, router: ProcessRouter, wanted: dict[str, Deployment]) -> bool:
        changed = False
        for id in wanted:
            joined = [one for one in self._replicas.values() if one.deployment.id == id and one.joined]
            addresses = [one.address for one in joined if one.address is not None]
            if self._told.get(id) != addresses:
                router.add(id, addresses)
                self._told[id] = addresses
                changed = True
        return changed

    def _may_apply(self, router: ProcessRouter, route: Route) -> bool:
        """Say whether a new route may take effect: its servers are ready, or those that serve now are lost anyway."""
        arriving = [entry["deployment_id"] for entry in route.entries if entry["weight"] > 0]
        if all(self._serves(id) for id in arriving):
            return True
        current = [entry["deployment_id"] for entry in router.entries(route.endpoint) if entry["weight"] > 0]
        return not any(self._serves(id) for id in current)

    def _serves(self, deployment_id: str) -> bool:
        return any(
            one.joined and one.state == "ready" for one in self._replicas.values() if one.deployment.id == deployment_id
        )

    def _let_go(self, desired: list[Deployment], wanted: dict[str, Deployment]) -> bool:
        """Drain and end what is no longer desired."""
        changed = False
        now = self._deck.clock.boottime()
        for deployment in desired:
            for number in range(1, deployment.replicas + 1):
                if deployment.id not in wanted:
                    self._replica(deployment, number)  # after a restart of ours: adopt, to end it properly
        known = {deployment.id for deployment in desired}
        for id in {one.deployment.id for one in self._replicas.values()} - wanted.keys():
            if not self._is_drained(id, now):
                continue
            leaving = [one for one in self._replicas.values() if one.deployment.id == id]
            for replica in leaving:
                if replica.stop(now):
                    del self._replicas[replica.id]
                    _clear(replica.segments)
            if any(one.id in self._replicas for one in leaving):
                continue
            changed = True
            self._forget(id)
            if id in known:
                with self._deck.database.write() as tx:
                    deployments.end_deployment(tx, id)
        return changed

    def _is_drained(self, id: str, now: float) -> bool:
        """Say whether a deployment has no traffic any more: out of the applied route, and idle (or waited for)."""
        if self._router is None:
            return True
        try:
            endpoint = next(one.deployment.endpoint for one in self._replicas.values() if one.deployment.id == id)
            if any(entry["deployment_id"] == id and entry["weight"] for entry in self._router.entries(endpoint)):
                route = deployments.route(self._deck.database, endpoint, self._host)
                still = route is not None and route.applied_generation < route.desired_generation
                if still:
                    return False  # the route away from it is not applied yet
            since = self._draining.setdefault(id, now)
            return self._router.drain(id, 0.0) or now - since > DRAIN_S
        except Unavailable:
            return True

    def _forget(self, id: str) -> None:
        for memory in (self._folders, self._staging, self._draining, self._told):
            memory.pop(id, None)
        if self._router is not None:
            with contextlib.suppress(Unavailable):
                self._router.add(id, [])

    def _write_replicas(self) -> bool:
        now, now_us = self._deck.clock.boottime(), self._deck.clock.now()
        rows = [row for one in self._replicas.values() if (row := one.to_write(now, now_us)) is not None]
        if rows:
            with self._deck.database.write() as tx:
                for row in rows:
                    deployments.put_replica(tx, row)
        return bool(rows)

    def _sweep(self, known: set[str]) -> None:
        """End servers of this deck whose deployment has ended; clear half-made folders. Once, at the start."""
        self._swept = True
        for file in run_folder(self._deck.workspace).glob("*-*.json"):
            said = read_ready(file)
            if said is None:
                if file.stem.rpartition("-")[0] not in known:
                    file.unlink(missing_ok=True)
            elif said.deployment not in known:
                end(said.pid, said.pid_started)
        for half in self._deck.workspace.serving.glob(".staging-*"):
            shutil.rmtree(half, ignore_errors=True)

    def _stop_all(self) -> None:
        for deployment in deployments.deployments(self._deck.database, host=self._host):
            for number in range(1, deployment.replicas + 1):
                self._replica(deployment, number)
        router = self._router or ProcessRouter(self._deck.workspace)
        router.stop()
        router.close()
        until = time.monotonic() + STOP_ALL_S
        left = list(self._replicas.values())
        while left and time.monotonic() < until:
            left = [one for one in left if not one.stop(self._deck.clock.boottime())]
            time.sleep(0.02)
        for replica in self._replicas.values():
            replica.state, replica.detail = "exited", "stopped with the daemon"
            replica.pid = replica.pid_started = None
        self._write_replicas()


def _clear(folder: Path) -> None:
    """Remove a segment folder that holds nothing any more; the collector takes what is left in the others."""
    with contextlib.suppress(OSError):
        if not [path for path in folder.iterdir() if path.name != "lock"]:
            shutil.rmtree(folder)
