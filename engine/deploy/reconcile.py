"""Brings a host to what the registry desires: replicas run, routes are applied and acknowledged.

Replicas and router outlive whoever reconciles, and the next one adopts them; what kind of host it is, is the runtime's
matter. A new route waits until what it sends traffic to has answered its golden requests, as long as what serves now
still does.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from engine.deck import Deck
from engine.deploy.deeds import Deeds
from engine.deploy.faults import GATEWAY, Faults, damage
from engine.deploy.process_runtime import ProcessRuntime
from engine.deploy.routing import Routing
from engine.deploy.runtime import ReplicaHandle, Runtime
from engine.settings.model import DeckSettings
from store import deployments, faults, versions
from store import settings as settings_store
from store.errors import ModeldeckError, Unavailable
from store.rows import Deployment

PREPARE_WAIT_S = 0.05
STOP_ALL_S = 20.0
MISSED_AWAY = 2  # looks at a host that failed one after the other until it is said to be away


class Reconciler:
    """Acts in `tick`; used from one thread."""

    def __init__(self, deck: Deck, runtime: Runtime | None = None) -> None:
        self._deck = deck
        self._runtime = runtime or ProcessRuntime(deck)
        self._host = self._runtime.name
        self._replicas: dict[str, ReplicaHandle] = {}
        self._preparing: dict[str, Future[Any]] = {}
        self._prepared: dict[str, Any] = {}
        self._threads = ThreadPoolExecutor(4, "reconcile")
        self._swept = False
        self._missed = 0
        self._mending: set[str] = set()  # deployments to be made anew
        self.deeds = Deeds(deck.clock.now)
        self._faults = Faults(deck, self._host, self.deeds)
        self._routing = Routing(deck, self._runtime, self._replicas, self.deeds)

    def tick(self) -> bool:
        """Do what can be done now, without waiting; returns whether anything changed.

        Raises:
            ModeldeckError: the router cannot run (its port is in use), or the registry cannot be written; servers
                have been looked after all the same.
        """
        self._reach()
        self._mend_what_was_asked()
        desired = deployments.deployments(self._deck.database, host=self._host)
        if not self._swept:
            self._runtime.sweep({one.id: one for one in desired})
            self._swept = True
            count = sum(1 for one in desired if one.desired != "stopped")
            self.deeds.say(f"looks after {count} {'deployment' if count == 1 else 'deployments'} on {self._host}")
        trouble: ModeldeckError | None = None
        changed = False
        wanted = {one.id: one for one in desired if one.desired != "stopped"}
        for deployment in wanted.values():
            changed = self._keep_up(deployment) or changed
        if desired or self._routing.router is not None:
            try:
                changed = self._routing.tick(wanted) or changed
                self._faults.cleared(GATEWAY, f"the gateway on {self._host} routes again")
            except ModeldeckError as error:
                trouble = error
                if not isinstance(error, Unavailable):  # a host that goes away is told by the next look
                    self._faults.found(GATEWAY, f"{self._host}: {error.message}")
        changed = self._let_go(desired, wanted) or changed
        self._look()
        changed = self._write_replicas() or changed
        if trouble is not None:
            raise trouble
        return changed

    def close(self, *, stop_servers: bool = False) -> None:
        """Let go of everything, or end servers and router first."""
        if stop_servers:
            self._stop_all()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._routing.close()
        self._runtime.close()

    def _reach(self) -> None:
        """Look at the host; one that does not answer is a fault of its own, told at the second look.

        Raises:
            ModeldeckError: it does not answer.
        """
        try:
            self._runtime.before_tick()
        except ModeldeckError as error:
            self._missed += 1
            self._write_replicas()  # that they are out of reach
            if self._missed >= MISSED_AWAY:
                self._faults.found(faults.CONNECTION, error.message)
            raise
        self._missed = 0
        self._faults.cleared(faults.CONNECTION, f"host {self._host} answers again")

    def _look(self) -> None:
        """Bring on record what is wrong though everything runs."""
        seen = self._runtime.look(self._deck.clock.boottime())
        if seen is not None:
            self._faults.looked(seen)

    def _mend_what_was_asked(self) -> None:
        """Note which deployments somebody asked to have made anew."""
        asked = self._faults.asked()
        for replica in self._replicas.values():
            if replica.id in asked or damage(replica.id) in asked:
                self._mending.add(replica.deployment.id)

    def _is_mended(self, deployment: Deployment, now: float) -> bool:
        """End the servers of a deployment and take away what they were made from; says whether that is done."""
        servers = [self._replica(deployment, number) for number in range(1, deployment.replicas + 1)]
        left = [server for server in servers if not server.stop(now)]  # each is asked
        if left:
            return False
        self._runtime.mend(deployment)
        self._prepared.pop(deployment.id, None)
        for server in servers:
            server.joined, server.failures, server.may_start = False, 0, 0.0
        self._mending.discard(deployment.id)
        return True

    def _keep_up(self, deployment: Deployment) -> bool:
        """Keep the replicas of one deployment running."""
        changed = False
        now = self._deck.clock.boottime()
        if deployment.id in self._mending and not self._is_mended(deployment, now):
            return True
        for number in range(1, deployment.replicas + 1):
            replica = self._replica(deployment, number)
            told = replica.noticed()
            if told:
                self._faults.found(replica.id, f"server {replica.title} {told}", deployment.endpoint)
            if replica.is_alive():
                before = (replica.state, replica.detail)
                replica.observe(now, self._threads)
                if replica.state != before[0]:
                    self.deeds.say(f"server {replica.title} is {replica.state}")
                if replica.state == "ready":
                    self._faults.cleared(replica.id, f"server {replica.title} is ready again")
                changed = changed or before != (replica.state, replica.detail)
                continue
            if replica.has_process:
                changed = True
                if replica.note_death(now):
                    self._prepared.pop(deployment.id, None)  # it never served: prepare anew, which mends what is broken
                if replica.state == "exited":
                    said = f"server {replica.title} {replica.detail}; it is started again"
                    self.deeds.say(said, logging.WARNING)
                    self._faults.found(replica.id, f"server {replica.title} {replica.detail}", deployment.endpoint)
            if replica.adopt(None):
                self.deeds.say(f"server {replica.title} taken over")
                changed = True
            elif now >= replica.may_start:
                changed = self._start(replica, now) or changed
        return changed

    def _replica(self, deployment: Deployment, number: int) -> ReplicaHandle:
        id = f"{deployment.id}-{number}"
        known = self._replicas.get(id)
        if known is None:
            known = self._replicas[id] = self._runtime.replica(deployment, number)
            row = next((r for r in deployments.replicas(self._deck.database, deployment.id) if r.id == id), None)
            if known.adopt(row):
                self.deeds.say(f"server {known.title} taken over")
            elif row is not None:
                known.port = row.port  # after a reboot: the address it had, if it is free
        known.deployment = deployment
        return known

    def _start(self, replica: ReplicaHandle, now: float) -> bool:
        """Start a replica once all is there for it; that is seen to in a thread and never holds up the others."""
        id = replica.deployment.id
        if id not in self._prepared:
            preparing = self._preparing.get(id)
            if preparing is None:
                preparing = self._preparing[id] = self._threads.submit(self._prepare, replica.deployment)
            try:
                self._prepared[id] = preparing.result(PREPARE_WAIT_S)
            except TimeoutError:
                replica.detail = "staging"
                return False
            except ModeldeckError as error:
                self._preparing.pop(id, None)
                replica.failures += 1
                replica.state, replica.detail = "exited", error.line()
                told = f"server {replica.title} cannot be started: {error.message}"
                self._faults.found(replica.id, told, replica.deployment.endpoint)
                replica.may_start = now + min(30.0, 2.0**replica.failures)
                return True
            self._preparing.pop(id, None)
        replica.start(self._prepared[id], self._deck.clock.now())
        if replica.state == "exited":
            self._prepared.pop(id)  # what it starts from may be gone: have it looked at again
            told = f"server {replica.title} cannot be started: {replica.detail}"
            self._faults.found(replica.id, told, replica.deployment.endpoint)
            return True
        self.deeds.say(f"server {replica.title} started")
        return True

    def _prepare(self, deployment: Deployment) -> Any:
        reader = self._deck.database
        version = versions.version(reader, deployment.endpoint, deployment.version)
        applied = DeckSettings.from_body(settings_store.get(reader, deployment.settings_revision).body)
        return self._runtime.prepare(deployment, version, applied.models[deployment.endpoint])

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
            if not self._routing.is_drained(id, now):
                continue
            leaving = [one for one in self._replicas.values() if one.deployment.id == id]
            for replica in leaving:
                if replica.stop(now):
                    del self._replicas[replica.id]
                    replica.clear()
            if any(one.id in self._replicas for one in leaving):
                continue
            changed = True
            for replica in leaving:
                self.deeds.say(f"server {replica.title} stopped, nothing needs it")
            self._forget(id)
            self._faults.forget(id)
            if id in known:
                with self._deck.database.write() as tx:
                    deployments.end_deployment(tx, id)
        return changed

    def _forget(self, id: str) -> None:
        for memory in (self._prepared, self._preparing):
            memory.pop(id, None)
        self._routing.forget(id)

    def _write_replicas(self) -> bool:
        now, now_us = self._deck.clock.boottime(), self._deck.clock.now()
        rows = [row for one in self._replicas.values() if (row := one.to_write(now, now_us)) is not None]
        if rows:
            with self._deck.database.write() as tx:
                for row in rows:
                    deployments.put_replica(tx, row)
        return bool(rows)

    def _stop_all(self) -> None:
        for deployment in deployments.deployments(self._deck.database, host=self._host):
            for number in range(1, deployment.replicas + 1):
                self._replica(deployment, number)
        router = self._routing.router or self._runtime.any_router()
        router.stop()
        router.close()
        until = time.monotonic() + STOP_ALL_S
        left = list(self._replicas.values())
        while left and time.monotonic() < until:
            left = [one for one in left if not one.stop(self._deck.clock.boottime())]
            time.sleep(0.02)
        for replica in self._replicas.values():
            replica.let_go()
        self._write_replicas()
