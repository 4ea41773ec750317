"""The router of a Docker host: a `Router` over HAProxy in a container, driven through its engine alone.

What the gateway knows lies in three places that are kept equal: the running process, the text in its volume, and the
configuration that it starts from. A change returns once all three have it. One that dies before comes back with the
generation it had, says so, and is told again.
"""

from __future__ import annotations

import contextlib
import csv
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.deploy.certificate import Certificate
from engine.deploy.haproxy import instance as containers
from engine.deploy.haproxy.config import Limits, Place, render
from engine.deploy.haproxy.image import ensure_image
from engine.deploy.haproxy.instance import ROUTES, Instance
from engine.deploy.haproxy.link import Link, write
from engine.deploy.haproxy.state import NoSlot, State, backend, commands
from engine.deploy.router import DeploymentStats, Guard
from store.errors import Unavailable, WorkFailed

log = logging.getLogger("modeldeck")

STOP_S = 10.0
LOOK_EVERY_S = 1.0  # at the engine; the gateway itself is asked each time
_LOOK_S = 0.01
_IN_MAINTENANCE = 1


class HaproxyRouter:
    """A `Router` over the gateway of one deck on one engine. Not for several threads at once."""

    def __init__(
        self,
        client: Any,
        deck: str,
        cache: Path,
        *,
        port: int,
        address: str = "127.0.0.1",
        limits: Limits | None = None,
        certificate: Certificate | None = None,
    ) -> None:
        """Say where it is; nothing is asked yet. `client` is a docker client, `cache` keeps the image's packages."""
        self._certificate = certificate
        self._client = client
        self._deck = deck
        self._cache = cache
        self._address = address
        self._port = port
        self._limits = limits or Limits()
        self._link: Link | None = None
        self._here: Instance | None = None
        self._begun: str | None = None
        self._known: tuple[str, State] | None = None  # the mark of what was loaded last, and what that was
        self._looked = float("-inf")

    def ensure_running(self) -> bool:
        """Have one gateway of the wanted image, limits and place; returns whether one was started now.

        One that differs is replaced without a failed request. What an interrupted replacement left is cleared.

        Raises:
            PortInUse: another process listens on its port.
            Unavailable: the engine does not answer, or the image's packages cannot be had.
            WorkFailed: it ended, or did not answer in time.
        """
        if self._link is not None and time.monotonic() - self._looked < LOOK_EVERY_S and self._link.answers():
            return False
        with self._engine():
            image = ensure_image(self._client, self._cache)
            found = containers.instances(self._client, self._deck)
            running = next((one for one in found if one.is_running), None)
            for one in found:
                if running is not None and one is not running and not one.is_running:
                    one.container.remove(v=False)
            if running is None:
                last = found[0] if found else None
                if last is not None and last.wanted == self._wanted(image, None):
                    self._take(last, containers.start(last))
                else:
                    self._begin(image, None, found)
                    for one in found:
                        one.container.remove(v=False)
                return True
            for one in found:
                if one.number < running.number and one.is_running:
                    containers.retire(one)
            if running.wanted != self._wanted(image, running):
                self._begin(image, running, found)
                return True
            return self._attach(running)

    def _wanted(self, image: str, running: Instance | None) -> str:
        """Return what an instance should be made for; one that runs goes on where its certificate cannot be read."""
        try:
            shown = self._certificate.digest() if self._certificate else ""
        except WorkFailed as error:
            if running is None:
                raise
            log.warning("the gateway keeps the certificate it has: %s", error.line())
            return running.wanted
        return containers.wanted(image, self._limits, self._address, self._port, shown)

    def _begin(self, image: str, old: Instance | None, found: Sequence[Instance], slots: int = 0) -> None:
        """Start the next instance, in place of `old` where given, and let that one end once it has answered."""
        limits = replace(self._limits, slots=max(self._limits.slots, old.slots if old else 0, slots))
        number = found[0].number + 1 if found else 1
        place = (self._address, self._port)
        made = containers.create(
            self._client, self._deck, image, limits, *place, old, number, certificate=self._certificate
        )
        try:
            link = containers.start(made)
        except BaseException:
            made.container.remove(force=True, v=False)
            raise
        self._take(made, link)
        if old is not None:
            if old.speaks_tls:
                link.ask(write(Place(old.folder).certificate, ""))  # it is in no container's use any more
            containers.retire(old)

    def _take(self, instance: Instance, link: Link) -> None:
        self.close()
        instance.container.reload()
        self._here, self._link = instance, link
        self._looked = time.monotonic()
        self._begun = instance.container.attrs["State"]["StartedAt"]

    def _attach(self, running: Instance) -> bool:
        """Hold a link to the gateway that runs; returns whether its process is another one than before."""
        begun = self._begun
        if self._here is None or self._here.number != running.number or self._link is None or not self._link.answers():
            self._take(running, self._open(running))
        self._looked = time.monotonic()
        if running.container.attrs["HostConfig"]["RestartPolicy"]["Name"] != "always":
            running.container.update(restart_policy={"Name": "always"})
        self._change_looking(
            lambda state, room: state
        )  # servers that had requests under way when they should have gone
        return begun is not None and begun != self._begun

    @staticmethod
    def _open(running: Instance) -> Link:
        until = time.monotonic() + STOP_S
        while True:  # it may be about to be restarted this moment
            try:
                return Link(running.container, f"{running.folder}/admin.sock")
            except Unavailable:
                if time.monotonic() > until:
                    raise
                time.sleep(_LOOK_S)

    def stop(self, timeout_s: float = STOP_S) -> None:
        """End the gateway, its requests under way answered; what it knows stays in its volume."""
        until = time.monotonic() + timeout_s
        with contextlib.suppress(Unavailable):
            self._asked().ask("disable frontend gateway")
            while sum(self._in_flight().values()) and time.monotonic() < until:
                time.sleep(_LOOK_S)
        self.close()
        with self._engine():
            for one in containers.instances(self._client, self._deck):
                one.container.remove(force=True, v=False)

    def forget(self) -> None:
        """End the gateway and drop what it knew, as for a host that is removed."""
        import docker

        self.stop()
        with self._engine(), contextlib.suppress(docker.errors.NotFound):
            self._client.volumes.get(containers.volume_name(self._deck)).remove()

    def hello(self) -> dict[str, Any]:
        """Return the gateway's container id, its process id on its host, and its port."""
        here = self._instance()
        with self._engine():
            here.container.reload()
        return {"container": here.container.id, "pid": here.container.attrs["State"]["Pid"], "port": self._port}

    def address(self) -> str:
        """Return the base URL at which endpoints answer."""
        return f"{'https' if self._certificate else 'http'}://{self._address}:{self._port}"

    def add(self, deployment_id: str, replicas: Sequence[str]) -> None:
        """Set a deployment's addresses."""
        self._change(lambda state, room: state.add(deployment_id, replicas, room))

    def apply(self, endpoint: str, generation: int, entries: Sequence[Mapping[str, Any]]) -> None:
        """Apply a route; it is on the gateway's disk when this returns."""
        self._change(lambda state, room: state.apply(endpoint, generation, entries, room))

    def applied(self) -> dict[str, int]:
        """Return the applied generations."""
        return {name: one.generation for name, one in self._state().endpoints.items()}

    def entries(self, endpoint: str) -> list[dict[str, Any]]:
        """Return the applied entries."""
        known = self._state().endpoints.get(endpoint)
        return [dict(entry) for entry in known.entries] if known else []

    def stats(self) -> dict[str, DeploymentStats]:
        """Return counts by deployment id: counted by the gateway as answers pass, requests under way by HAProxy."""
        counts, state = self._asked().ask("modeldeck counts")[0], self._state()
        busy = self._in_flight()
        told: dict[str, DeploymentStats] = {}
        for line in counts.splitlines():
            name, requests, errors, *latency = line.split()
            slot = state.slots.get(name)
            under_way = busy.get(backend(slot.number), 0) if slot else 0
            told[name] = DeploymentStats(int(requests), int(errors), under_way, tuple(map(int, latency)))
        return told

    def drain(self, deployment_id: str, timeout_s: float) -> bool:
        """Send a deployment nothing new; return whether it is idle in time."""
        until = time.monotonic() + timeout_s
        slot = self._change(lambda state, room: state.drain(deployment_id)).slots.get(deployment_id)
        while slot is not None and self._in_flight().get(backend(slot.number), 0):
            if time.monotonic() >= until:
                return False
            time.sleep(_LOOK_S)
        return True

    def shadow(self, endpoint: str, deployment_id: str | None, percent: int = 100) -> None:
        """Copy a share of requests to a deployment."""
        self._change(lambda state, room: state.shadowed(endpoint, deployment_id, percent, room))

    def guard(self, endpoint: str, guard: Guard) -> None:
        """Say what an endpoint takes and from whom."""
        self._change(lambda state, room: state.guarded(endpoint, guard))

    def clear(self) -> None:
        """Forget every route, server and count, as before a host's first deployment."""
        self._change_looking(lambda state, room: State())

    def _change(self, change: Callable[[State, int], State]) -> State:
        """Make the gateway know something else: the routes at once, then both files.

        A change of routes alone is one command, given on what was loaded last; the gateway refuses it where it holds
        another text than that. Whatever else changes, it is asked first what it has.
        """
        here = self._instance()
        mark, before = self._known or ("", State())
        after = self._tried(change, before, here) if mark else before
        if after == before or not _same_servers(before, after):
            return self._change_looking(change)
        told = self._asked().ask(f"modeldeck load {mark} {after.to_text()}")[0]
        if told == "changed":
            return self._change_looking(change)
        self._loaded(told, after)
        self._asked().ask(*self._files(after))
        return after

    def _change_looking(self, change: Callable[[State, int], State]) -> State:
        """Make the gateway know something else, whatever it has: servers that come, routes, files, servers that go."""
        here, before = self._instance(), self._state()
        after = self._tried(change, before, here)
        here = self._instance()  # another one where it had to grow
        lines, gone = commands(after, self._servers())
        if after != before:
            lines.append(f"modeldeck load - {after.to_text()}")
            told = self._asked().ask(*lines, *self._files(after), *gone)
            self._check(lines, told)
            self._loaded(told[len(lines) - 1], after)
        elif lines or gone:
            self._check(lines, self._asked().ask(*lines, *gone))
        return after

    def _tried(self, change: Callable[[State, int], State], before: State, here: Instance) -> State:
        """Return what a change comes to, with more slots where it needs them."""
        while True:
            try:
                return change(before, here.slots)
            except NoSlot:
                self._grow(here)
                here = self._instance()

    def _loaded(self, told: str, state: State) -> None:
        word, _, mark = told.partition(" ")
        if word != "loaded":
            raise WorkFailed(f"the gateway refused its routes: {told[:200]}", "its container's log says more")
        self._known = mark, state

    def _files(self, state: State) -> list[str]:
        """Return the lines that write what the gateway starts with."""
        here = self._instance()
        limits, place = replace(self._limits, slots=here.slots), Place(here.folder, here.speaks_tls)
        return [write(ROUTES, state.to_text()), write(place.config, render(state, limits, place))]

    @staticmethod
    def _check(lines: Sequence[str], told: Sequence[str]) -> None:
        for line, answer in zip(lines, told, strict=False):
            if line.startswith("add server") and "New server registered" not in answer:
                raise WorkFailed(f"the gateway refused `{line[:80]}`: {answer[:200]}", "its container's log says more")

    def _grow(self, here: Instance) -> None:
        """Have twice the slots: the one change that needs another configuration, and so another instance."""
        with self._engine():
            image = ensure_image(self._client, self._cache)
            found = containers.instances(self._client, self._deck)
            self._begin(image, here, found, slots=here.slots * 2)

    def _state(self) -> State:
        mark, _, text = self._asked().ask("modeldeck routes")[0].partition(" ")
        self._known = mark, State.from_text(text)
        return self._known[1]

    def _servers(self) -> dict[str, dict[str, bool]]:
        """Return HAProxy's servers by backend, each with whether it is in maintenance."""
        found: dict[str, dict[str, bool]] = {}
        for line in self._asked().ask("show servers state")[0].splitlines()[2:]:
            words = line.split()
            if len(words) > 6 and words[3] != "again":
                found.setdefault(words[1], {})[words[3]] = bool(int(words[6]) & _IN_MAINTENANCE)
        return found

    def _in_flight(self) -> dict[str, int]:
        """Return the requests under way by backend."""
        rows = csv.DictReader(self._asked().ask("show stat -1 2 -1")[0].splitlines())
        return {row["# pxname"]: int(row["scur"] or 0) for row in rows}

    def _instance(self) -> Instance:
        if self._here is None:
            self._asked()
        assert self._here is not None
        return self._here

    def _asked(self) -> Link:
        """Return the open link; a router that was never told to start only looks for a gateway that runs."""
        if self._link is None:
            with self._engine():
                found = containers.instances(self._client, self._deck)
                running = next((one for one in found if one.is_running), None)
                if running is None:
                    raise Unavailable("no gateway runs on this host", "the daemon starts it again")
                self._take(running, self._open(running))
        assert self._link is not None
        return self._link

    @contextlib.contextmanager
    def _engine(self) -> Iterator[None]:
        """Say an engine's refusal or silence in our words."""
        import docker
        import requests

        try:
            yield
        except (docker.errors.APIError, requests.RequestException) as error:
            raise Unavailable(
                f"the engine does not do it: {error}", "modeldeck hosts check shows what is wrong"
            ) from error

    def close(self) -> None:
        """Let go of the command channel; the gateway goes on."""
        if self._link is not None:
            self._link.close()
        self._link = self._known = None


def _same_servers(one: State, other: State) -> bool:
    """Say whether two states have the same servers in the same slots."""
    first, second = (
        {slot.number: slot.addresses for slot in state.slots.values() if slot.addresses} for state in (one, other)
    )
    return first == second
