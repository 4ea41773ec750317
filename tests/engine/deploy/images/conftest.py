"""An image of a real version on a real engine: base, wheels and dependencies are made once for all tests."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.deploy.images import debian
from engine.deploy.images.build import Made, build_image
from engine.deploy.images.container import ContainerSpec, Story
from engine.deploy.images.containers import Found, create, remove
from engine.deploy.images.ship import ship
from engine.settings.model import DeckSettings
from engine.workspace import Workspace
from store import settings
from store.errors import WorkFailed

SECRET = "5e" * 32
REQUIRED = os.environ.get("MODELDECK_TEST_ENGINE") == "required"


def quiet(_fraction: float, _text: str) -> None:
    """Take progress and say nothing."""


def without(reason: str) -> Any:
    """Skip, or fail where an engine's tests must run."""
    if REQUIRED:
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def workshop(request: pytest.FixtureRequest) -> Path:
    """The images folder that every deck of these tests shares, with the base in it; kept from one run to the next."""
    root = request.config.cache.mkdir("images")
    if os.geteuid() != 0:
        without("mmdebstrap needs root here")
    try:
        debian.base(Workspace(root), quiet)
    except WorkFailed as error:
        without(error.line())
    return Workspace(root).images


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A package index that answers."""
    place = tmp_path_factory.mktemp("index")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir", "--dest", str(place)]
    asked = subprocess.run([*command, "--retries", "0", "h11"], capture_output=True, text=True, timeout=60)
    if asked.returncode:
        without(f"no package index can be reached: {asked.stderr.strip().splitlines()[-1]}")


@pytest.fixture
def world_with_images(world: Any, workshop: Path) -> Any:
    """A deck with two versions that uses the shared images folder."""
    world.deck.workspace.images.symlink_to(workshop)
    return world


@pytest.fixture
def build(world_with_images: Any, index: None) -> Any:
    """Return a function that makes the image of a version by number."""
    world = world_with_images
    row = settings.get(world.deck.database, world.revision)
    body = DeckSettings.from_body(row.body).models["rates"]

    def made(number: int) -> Made:
        return build_image(world.deck, world.version(number), body, actor="user:anna", say=quiet)

    return made


class Host:
    """The engine as one deck's host; what the deck puts there goes with the test."""

    def __init__(self, engine: Any, world: Any) -> None:
        self.engine = engine
        self.world = world
        self.deck_id = secrets.token_hex(6)
        self.key = json.dumps({"id": "k1", "key": SECRET}).encode()
        self._names: list[str] = []

    def ship(self, made: Made) -> Any:
        """Bring an image there."""
        shipped = ship(self.world.deck.workspace, self.engine, "dock", made.image, quiet)
        if not shipped.already:
            LOADED.add(made.image.tag)
        return shipped

    def spec(self, made: Made, **changes: Any) -> ContainerSpec:
        """Say how a container of an image is to be."""
        told = Story(
            deck="test",
            deck_id=self.deck_id,
            host="dock",
            endpoint="rates",
            model="rates",
            version=made.row.version,
            deployment=f"dep{self.deck_id}",
            replica=1,
            release="rel1",
            image=made.image.id,
            audit_head="ab" * 32,
        )
        return ContainerSpec(told, **changes)

    def create(self, spec: ContainerSpec) -> Found:
        """Create a container."""
        self._names.append(spec.name)
        return create(self.engine, spec, self.key)

    def close(self) -> None:
        """Remove every container of this deck."""
        for name in self._names:
            remove(self.engine, "dock", name, with_log=True)


@pytest.fixture
def host(engine: Any, world_with_images: Any) -> Iterator[Host]:
    """The engine as this deck's host."""
    made = Host(engine, world_with_images)
    yield made
    made.close()


@pytest.fixture(scope="session", autouse=True)
def images_go_with_the_session(request: pytest.FixtureRequest) -> Iterator[None]:
    """Take the images that these tests loaded off the engine again: those that were not there before."""
    yield
    url = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if LOADED and Path(url.removeprefix("unix://")).exists():
        import docker

        client = docker.DockerClient(base_url=url)
        for tag in sorted(LOADED):
            try:
                client.images.remove(tag)
            except docker.errors.APIError:
                continue  # another's container stands on it, or it is gone already
        client.close()


LOADED: set[str] = set()
