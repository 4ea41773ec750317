"""The router of a host, kept running and told what the registry desires: addresses, guards, shadows and routes."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from engine.deck import Deck
from engine.deploy.deeds import Deeds
from engine.deploy.guards import Guards
from engine.deploy.router import Guard
from engine.deploy.runtime import HostRouter, ReplicaHandle, Runtime
from store import deployments
from store.errors import ModeldeckError, Unavailable
from store.rows import Deployment, Route

DRAIN_S = 30.0
ROUTER_AGAIN_S = 1.0


class Routing:
    """The reconciler's half that speaks to a router. `replicas` are the servers as the other half knows them now."""

    def __init__(self, deck: Deck, runtime: Runtime, replicas: Mapping[str, ReplicaHandle], deeds: Deeds) -> None:
        self._deck = deck
        self._runtime = runtime
        self._host = runtime.name
        self._replicas = replicas
        self._deeds = deeds
        self.router: HostRouter | None = None
        self._again = 0.0
        self._told: dict[str, list[str]] = {}
        self._draining: dict[str, float] = {}
        self._shadows: dict[str, str | None] = {}  # endpoint -> who gets copies of its requests, as last told
        self._guards = Guards(deck)
        self._guarded: dict[str, Guard] = {}
        self._addressed: dict[str, str] = {}  # endpoint -> the address known to stand in the registry

    def tick(self, wanted: dict[str, Deployment]) -> bool:
        """Keep the router running, tell it addresses, apply routes whose servers are ready, acknowledge them.

        Raises:
            ModeldeckError: the router cannot run, or the registry cannot be written.
        """
        router = self._running_router()
        if router is None:
            return False
        changed = self._tell_addresses(router, wanted)
        applied = router.applied()
        routes = deployments.routes(self._deck.database, self._host)
        changed = self._guard(router, routes) or changed  # first: no route is open that should not be
        acknowledged: list[Route] = []
        moved: dict[str, str] = {}
        for route in routes:
            if applied.get(route.endpoint, 0) < route.desired_generation:
                if not self._may_apply(router, route):
                    continue
                router.apply(route.endpoint, route.desired_generation, route.entries)
            if route.applied_generation < route.desired_generation:
                self._shadow(router, route)
                acknowledged.append(route)
            url = f"{self._runtime.url(router)}/{route.endpoint}"
            if self._addressed.get(route.endpoint) != url:
                moved[route.endpoint] = url  # also after a restart of the router, which may have taken another port
        if acknowledged or moved:
            with self._deck.database.write() as tx:
                for route in acknowledged:
                    deployments.acknowledge(tx, route.endpoint, self._host, route.desired_generation)
                for endpoint, url in moved.items():
                    deployments.set_address(tx, endpoint, self._host, url)
            self._addressed.update(moved)
            for route in acknowledged:
                which = f"{route.endpoint} on {self._host}, generation {route.desired_generation}"
                self._deeds.say(f"route applied: {which}")
        return changed or bool(acknowledged or moved)

    def is_drained(self, id: str, now: float) -> bool:
        """Say whether a deployment has no traffic any more: out of the applied route, and idle (or waited for)."""
        if self.router is None:
            return True
        try:
            endpoint = next(one.deployment.endpoint for one in self._replicas.values() if one.deployment.id == id)
            if any(entry["deployment_id"] == id and entry["weight"] for entry in self.router.entries(endpoint)):
                route = deployments.route(self._deck.database, endpoint, self._host)
                still = route is not None and route.applied_generation < route.desired_generation
                if still:
                    return False  # the route away from it is not applied yet
            since = self._draining.setdefault(id, now)
            return self.router.drain(id, 0.0) or now - since > DRAIN_S
        except Unavailable:
            return True

    def forget(self, deployment_id: str) -> None:
        """A deployment is gone: send it nothing, and remember nothing of it."""
        self._draining.pop(deployment_id, None)
        self._told.pop(deployment_id, None)
        if self.router is not None:
            with contextlib.suppress(Unavailable):
                self.router.add(deployment_id, [])

    def close(self) -> None:
        """Let go of the router; it goes on."""
        if self.router is not None:
            self.router.close()

    def _running_router(self) -> HostRouter | None:
        now = self._deck.clock.boottime()
        if self.router is None:
            self.router = self._runtime.router()
        if now < self._again:
            return None
        try:
            if self.router.ensure_running():
                self._guarded.clear()
                self._told.clear()  # its memory may be older than the servers' addresses
        except ModeldeckError:
            self._again = now + ROUTER_AGAIN_S
            self.router.close()
            self.router = None  # the settings may name another port by then
            raise
        return self.router

    def _tell_addresses(self, router: HostRouter, wanted: dict[str, Deployment]) -> bool:
        changed = False
        for id in wanted:
            joined = [one for one in self._replicas.values() if one.deployment.id == id and one.joined]
            addresses = [one.address for one in joined if one.address is not None]
            if self._told.get(id) != addresses:
                router.add(id, addresses)
                self._told[id] = addresses
                changed = True
        return changed

    def _guard(self, router: HostRouter, routes: list[Route]) -> bool:
        """Tell the router what each endpoint takes and from whom, where that has changed."""
        wanted = self._guards.wanted()
        changed = False
        for route in routes:
            guard = wanted.get(route.endpoint)  # None: its file is gone, and what guards it stays as it is
            if guard is not None and self._guarded.get(route.endpoint) != guard:
                router.guard(route.endpoint, guard)
                self._guarded[route.endpoint] = guard
                self._deeds.say(f"guard set: {route.endpoint} on {self._host}")
                changed = True
        return changed

    def _shadow(self, router: HostRouter, route: Route) -> None:
        """Copy an endpoint's requests to the deployment that its route calls its shadow, or to none any more."""
        wanted = next((one["deployment_id"] for one in route.entries if one["role"] == "shadow"), None)
        if self._shadows.get(route.endpoint, "unknown") != wanted:
            router.shadow(route.endpoint, wanted)
            self._shadows[route.endpoint] = wanted

    def _may_apply(self, router: HostRouter, route: Route) -> bool:
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
