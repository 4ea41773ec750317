"""What every test may ask for: a clock that stands still, an empty open deck, and settings small enough to read."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.deck import Deck
from engine.settings.model import DataSettings, DeckSettings, HostSettings, ModelSettings
from engine.workspace import Workspace
from store import settings
from store.artifacts import Artifacts
from store.clock import FrozenClock
from store.database import open_database
from store.opening import create_or_upgrade
from store.rows import SettingsRevision, microseconds

sys.path.insert(0, str(Path(__file__).parent))

from failing_disk import FailingDisk, mounted_disk
from second_engine import CannotRun, SecondEngine

START = microseconds("2026-03-01T12:00:00Z")

# What a script runs in the background, or under nohup, is started with these ignored, and all that the tests start
# would inherit it: no ctrl+c, no lost terminal. A handler of our own ends with exec.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda _number, _frame: None)


@pytest.fixture
def clock() -> FrozenClock:
    """A clock that moves only by `advance(seconds)`."""
    return FrozenClock(START)


@pytest.fixture(scope="session")
def empty_registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry without a row, migrated once, for tests to copy."""
    path = tmp_path_factory.mktemp("registry") / "registry.db"
    create_or_upgrade(path, FrozenClock(START)).close()
    return path


@pytest.fixture
def deck(tmp_path: Path, clock: FrozenClock, empty_registry: Path) -> Iterator[Deck]:
    """An empty open deck, without a settings revision."""
    workspace = Workspace((tmp_path / "deck").resolve())
    workspace.state.mkdir(parents=True, mode=0o700)
    (workspace.root / "deck.toml").write_text('name = "test"\ntime_zone = "UTC"\n')
    shutil.copyfile(empty_registry, workspace.registry)
    database = open_database(workspace.registry, clock)
    yield Deck(workspace, database, Artifacts(workspace.artifacts), clock)
    database.close()


@pytest.fixture(scope="session")
def settings_body() -> Callable[..., dict[str, Any]]:
    """Return a maker of settings bodies: `settings_body("rates", posts={"task": "classification"})`.

    Each word is a regression model of that name; a keyword is a model with fields of ModelSettings changed.
    """
    return make_settings_body


@pytest.fixture
def apply_settings_body(deck: Deck) -> Callable[..., SettingsRevision]:
    """Return a function that makes a settings body of its arguments and applies it to `deck`."""

    def apply(*names: str, **models: dict[str, Any]) -> SettingsRevision:
        with deck.database.write() as tx:
            return settings.apply(tx, make_settings_body(*names, **models), "user:anna", "a test")[0]

    return apply


@pytest.fixture
def failing_disk(tmp_path: Path) -> Iterator[FailingDisk]:
    """A disk of 64 MB that turns read-only when told to."""
    with mounted_disk(tmp_path / "failing") as disk:
        yield disk


@pytest.fixture(scope="session")
def engine_url() -> str:
    """The address of a Docker engine that answers. Without one its tests are skipped, or fail where one is required."""
    url = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    with socket.socket(socket.AF_UNIX) as there:
        try:
            there.connect(url.removeprefix("unix://"))
        except OSError as error:
            without(f"no Docker engine answers at {url} ({error.strerror}): .ci/engine start DIR starts one")
    return url


@pytest.fixture
def engine(engine_url: str) -> Iterator[Any]:
    """A client of the engine; the test ends what it starts."""
    import docker

    client = docker.DockerClient(base_url=engine_url, timeout=60)
    yield client
    client.close()


@pytest.fixture(scope="session")
def second_engine(engine_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecondEngine]:
    """Another Docker host, behind a real sshd in a network of its own; every test leaves its link up and no containers.

    Where it cannot run its tests are skipped, or fail where an engine is required.
    """
    host = SecondEngine(tmp_path_factory.mktemp("far"))
    try:
        host.start()
    except CannotRun as error:
        host.stop()
        without(str(error))
    yield host
    host.stop()


def without(reason: str) -> None:
    """Skip, or fail where an engine's tests must run."""
    if os.environ.get("MODELDECK_TEST_ENGINE") == "required":
        pytest.fail(reason)
    pytest.skip(reason)


def make_settings_body(*names: str, **models: dict[str, Any]) -> dict[str, Any]:
    """Make the body of a settings revision with these models on the host `local`."""
    data = DataSettings(source="rows.csv", target="y", time_column="at")
    made = {
        name: ModelSettings(**{"name": name, "task": "regression", "data": data, "owner": "pricing", **changed})
        for name, changed in {**{name: {} for name in names}, **models}.items()
    }
    return DeckSettings(name="test", time_zone="UTC", hosts=(HostSettings("local"),), models=made).to_body()
