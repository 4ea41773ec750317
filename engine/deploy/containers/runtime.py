"""A Docker engine as a host: one container for each replica, behind HAProxy in a container; all through the engine."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from engine.deck import Deck
from engine.deploy.certificate import certificate_of
from engine.deploy.containers.replica import ReplicaContainer
from engine.deploy.faults import CLOCK, damage
from engine.deploy.haproxy.router import HaproxyRouter
from engine.deploy.hosts.connection import DockerHost
from engine.deploy.hosts.preflight import MOST_SKEW_S, clock_skew
from engine.deploy.images import containers
from engine.deploy.images.build import build_image, made_image
from engine.deploy.images.container import ContainerSpec, Limits, Story
from engine.deploy.images.containers import Found
from engine.deploy.images.places import gateway_folder
from engine.deploy.images.ship import ship
from engine.deploy.images.speaking import spoken_to
from engine.deploy.memory import memory_limit_mb
from engine.deploy.runtime import HostRouter
from engine.model_io.log_key import log_key
from engine.settings.addresses import parse_address
from engine.settings.model import HostSettings, ModelSettings
from engine.workspace import Workspace
from store import events, images, seals, versions
from store.errors import ModeldeckError, WorkFailed
from store.rows import Deployment, Version

LOOK_EVERY_S = 0.5
LOOK_DEEP_S = 10.0  # between two looks at the clock and the artifacts


def deck_id(workspace: Workspace) -> str:
    """Return what tells this deck's containers from those of others on one engine: twelve hexadecimal digits."""
    return hashlib.sha256(str(workspace.root).encode()).hexdigest()[:12]


class DockerRuntime:
    """A `Runtime` over one engine. Used from one thread; `threads` are for what must not hold it up."""

    def __init__(self, deck: Deck, host: HostSettings) -> None:
        self.name = host.name
        self.workspace = deck.workspace
        self.threads = ThreadPoolExecutor(4, f"host-{host.name}")
        self._deck = deck
        self._settings = host
        self._host = DockerHost(host)
        self._handles: dict[str, ReplicaContainer] = {}
        self._found: list[Found] = []  # as last seen
        self._looked = float("-inf")
        self._look_due = float("-inf")
        self._artifacts: dict[str, str] = {}  # by deployment, never changing

    def before_tick(self) -> None:
        """Look at the engine: which containers of this deck it has, and how they are.

        Raises:
            Unavailable: the host does not answer; its replicas are said to be out of reach.
        """
        now = self.now()
        if now - self._looked < LOOK_EVERY_S:
            return
        try:
            self._found = self._find(self._found)
            found = {f"{one.story.deployment}-{one.story.replica}": one for one in self._found}
        except ModeldeckError as error:
            for handle in self._handles.values():
                handle.away(error.message)
            raise
        self._looked = now
        for id, handle in self._handles.items():
            handle.found = found.get(id)

    def router(self) -> HostRouter:
        """Return the host's gateway at its declared port."""
        cache = gateway_folder(self.workspace)
        host = self._settings
        shown = certificate_of(self.workspace.root, host)
        return HaproxyRouter(
            self.engine(), deck_id(self.workspace), cache, port=host.port, address=host.listen, certificate=shown
        )

    def any_router(self) -> HostRouter:
        """Return the gateway: it is found by its labels, wherever it listens."""
        return self.router()

    def url(self, router: HostRouter) -> str:
        """Return where clients reach the gateway: on the host itself, unless it listens for others too."""
        listen = self._settings.listen
        engine = parse_address(self._settings.address)
        reached = engine.host if engine.is_remote and listen == "0.0.0.0" else listen  # noqa: S104 (the settings' word)
        scheme = "https" if self._settings.tls_cert else "http"
        return f"{scheme}://{'127.0.0.1' if reached == '0.0.0.0' else reached}:{self._settings.port}"  # noqa: S104

    def replica(self, deployment: Deployment, number: int) -> ReplicaContainer:
        """Return the handle of a container."""
        handle = ReplicaContainer(self, deployment, number)
        self._handles[handle.id] = handle
        self._looked = float("-inf")
        self.before_tick()
        return handle

    def prepare(self, deployment: Deployment, version: Version, settings: ModelSettings) -> str:
        """Have the deployment's image on the engine, made anew here where its layers are gone; returns its id there."""
        row = images.image(self._deck.database, deployment.image) if deployment.image else None
        try:
            if row is None:
                raise WorkFailed(f"deployment {deployment.id[:12]} names no image")
            image = made_image(self.workspace, row.digest)
        except WorkFailed:
            made = build_image(
                self._deck, version, settings, actor=f"reconciler:{self.name}", say=_quiet, engine=self.engine()
            )
            if row is not None and made.image.id != row.digest:
                told = f"the layers of image {row.digest[7:19]} are gone and come out differently now"
                raise WorkFailed(f"{version.model}@{version.number}: {told}", "promote the version anew") from None
            image = made.image
        return ship(self.workspace, self.engine(), self.name, image, _quiet).id

    def sweep(self, known: Mapping[str, Deployment]) -> None:
        """End containers of this deck whose deployment has ended, their logs brought home."""
        for one in self._find():
            if one.story.deployment not in known:
                stray = ReplicaContainer(self, _ended(one.story), one.story.replica)
                stray.found = one
                stray.end()
                stray.clear()

    def look(self, now: float) -> dict[str, tuple[str, str | None]] | None:
        """Look at the host's clock, and at the artifact in every container."""
        if now < self._look_due:
            return None
        self._look_due = now + LOOK_DEEP_S
        seen: dict[str, tuple[str, str | None]] = {}
        with spoken_to(f"host {self.name}"):
            skew = clock_skew(self.engine())
        if skew is not None and abs(skew) > MOST_SKEW_S:
            seen[CLOCK] = (f"the clock of {self.name} is {skew:+.0f} s from here: windows go by it", None)
        for handle in self._handles.values():
            told = handle.look(self._artifact(handle.deployment))
            if told:
                seen[damage(handle.id)] = (told, handle.deployment.endpoint)
        return seen

    def mend(self, deployment: Deployment) -> None:
        """Take the deployment's image off the engine, so that it is sent anew; one that others stand on stays."""
        from docker.errors import APIError

        row = images.image(self._deck.database, deployment.image) if deployment.image else None
        if row is not None:
            with spoken_to(f"host {self.name}"), contextlib.suppress(APIError):
                self.engine().images.remove(made_image(self.workspace, row.digest).tag, force=True)

    def _artifact(self, deployment: Deployment) -> str:
        known = self._artifacts.get(deployment.id)
        if known is None:
            version = versions.version(self._deck.database, deployment.endpoint, deployment.version)
            known = self._artifacts[deployment.id] = version.artifact_hash
        return known

    def forget(self, id: str) -> None:
        """Look no more after a replica that is gone."""
        self._handles.pop(id, None)

    def close(self) -> None:
        """Let go of the host; what runs there goes on."""
        for handle in self._handles.values():
            handle.release()
        self.threads.shutdown(wait=False, cancel_futures=True)
        self._host.close()

    def engine(self) -> Any:
        """Return the engine's client, the connection made again where it was lost."""
        return self._host.client()

    def container(self, found: Found) -> Any:
        """Return the engine's own view of a container."""
        with spoken_to(f"host {self.name}"):
            return self.engine().containers.get(found.id)

    def spec(self, deployment: Deployment, number: int, image: str) -> ContainerSpec:
        """Return how a replica's container is to be."""
        newest = events.events(self._deck.database, limit=1)
        story = Story(
            deck=self.workspace.root.name,
            deck_id=deck_id(self.workspace),
            host=self.name,
            endpoint=deployment.endpoint,
            model=deployment.endpoint,
            version=deployment.version,
            deployment=deployment.id,
            replica=number,
            release=deployment.release_id or "",
            image=image,
            audit_head=newest[0].hash if newest else "",
        )
        limit_mb = memory_limit_mb(self._deck, deployment)
        limits = Limits(memory_mb=limit_mb) if limit_mb else Limits()
        return ContainerSpec(story, limits, signers=seals.signers(self._deck.database))

    def log_key(self) -> bytes:
        """Return the deck's log key as servers read it."""
        return log_key(self.workspace.keys).read_bytes()

    def now(self) -> float:
        """Return seconds since boot."""
        return self._deck.clock.boottime()

    def _find(self, known: Sequence[Found] = ()) -> list[Found]:
        return containers.find(self.engine(), self.name, deck_id(self.workspace), known)


def _quiet(_share: float, _text: str) -> None:
    """Tell nobody: the reconciler's log says what it does."""


def _ended(story: Story) -> Deployment:
    """Return a deployment that the registry no longer has, as far as a container's labels tell it."""
    return Deployment(
        story.deployment, story.endpoint, story.host, story.version, None, "warm", "stopped", 0, 1, 0, 0, None, 0, None
    )
