"""A deck on the real clock with versions of a small model, and a reconciler that is driven until something holds."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from engine.deck import Deck
from engine.deploy.reconcile import Reconciler
from engine.deploy.stage import stage
from engine.model_io import sealing
from engine.serving import artifact, environment, golden
from engine.serving.contract import Column, Signature, output_columns
from engine.serving.frames import conform
from engine.serving.predict import Predictor
from engine.serving.record import unpacked
from engine.settings.model import DataSettings, DeckSettings, HostSettings, ModelSettings
from engine.training.compiling.program import program_of
from engine.workspace import Workspace
from store import deployments, runs, settings, snapshots, versions
from store.artifacts import Artifacts
from store.clock import SystemClock
from store.database import open_database
from store.errors import ModeldeckError
from store.rows import Deployment, Replica, Snapshot, Version

ACTOR = "user:anna"
SIGNATURE = Signature((Column("nights", "long"), Column("price", "double")), output_columns("regression"))
ROW = {"nights": 3, "price": 80.0}


def make_settings(**changes: Any) -> ModelSettings:
    """Settings of the model `rates`."""
    data = DataSettings(source="rows.csv", target="y", time_column="arrives")
    return ModelSettings(**{"name": "rates", "task": "regression", "data": data, **changes})


@dataclass
class World:
    """A deck and its reconciler; `tick` is what the daemon does."""

    deck: Deck
    revision: int
    reconciler: Reconciler
    troubles: list[ModeldeckError] = field(default_factory=list)

    def register(
        self, slope: float = 1.0, *, is_compiled: bool = False, estimator: Any = None, **changes: Any
    ) -> Version:
        """Register a version as training would; `slope` makes its answers its own."""
        rows = pd.DataFrame({"nights": np.arange(40) % 7, "price": 50.0 + np.arange(40) % 11})
        frame = conform(rows, SIGNATURE)
        model = make_pipeline(StandardScaler(), estimator or Ridge()).fit(frame, frame["nights"] * slope)
        content = artifact.dump(model)
        recorded = golden.make(Predictor.from_parts(model, SIGNATURE, "regression"), frame)
        put = self.deck.artifacts.put_bytes
        told: dict[str, Any] = {}
        if is_compiled:
            program = program_of(model, SIGNATURE)
            told = {"compiled": {"hash": put(program.content), "needs": list(program.needs)}}
        now = self.deck.clock.now()
        fields: dict[str, Any] = {
            "snapshot_id": "sha256:rows",
            "bundle_hash": "",
            "environment_hash": put(environment.lock_bytes(environment.lock())),
            "artifact_hash": put(content),
            "artifact_bytes": len(content),
            "golden_hash": put(json.dumps(recorded).encode()),
            "signature": SIGNATURE.to_json(),
            "decision": {},
            "evaluation": told,
            "estimator": "Ridge",
            **changes,
        }
        with self.deck.database.write() as tx:
            snapshots.add_snapshot(
                tx, Snapshot("sha256:rows", "rates", 40, (), "arrives", 0, 1, "rows.csv", 1, now), ACTOR
            )
            run = runs.start_run(tx, model="rates", actor=ACTOR)
            made = versions.register(
                tx, model="rates", run_id=run.id, settings_revision=self.revision, actor=ACTOR, **fields
            )
            sealing.seal(self.deck, tx, made)
            return made

    def deploy(self, version: Version, replicas: int = 1, role: str = "champion") -> Deployment:
        """Desire a version."""
        with self.deck.database.write() as tx:
            deployments.ensure_endpoint(tx, "rates")
            return deployments.add_deployment(
                tx,
                endpoint="rates",
                host="local",
                version=version.number,
                role=role,
                settings_revision=self.revision,
                replicas=replicas,
            )

    def route(self, *shares: tuple[Deployment, int]) -> int:
        """Desire a route; returns its generation."""
        entries = [
            {"deployment_id": one.id, "version": one.version, "image": None, "weight": weight, "role": one.role}
            for one, weight in shares
        ]
        with self.deck.database.write() as tx:
            return deployments.set_routes(tx, "rates", "local", entries)

    def version(self, number: int) -> Version:
        """Return a version."""
        return versions.version(self.deck.database, "rates", number)

    def serve(self, replicas: int = 1) -> Deployment:
        """Bring version 1 up and route everything to it."""
        deployment = self.deploy(self.version(1), replicas)
        generation = self.route((deployment, 100))
        self.until(lambda: self.states(deployment) == ["ready"] * replicas and self.applied() == generation)
        return deployment

    def champion(self) -> Deployment:
        """Return the deployment that takes the traffic."""
        route = deployments.route(self.deck.database, "rates", "local")
        assert route is not None
        return deployments.deployment(self.deck.database, route.entries[0]["deployment_id"])

    def desire(self, deployment: Deployment, desired: str) -> None:
        """Change what a deployment should do."""
        with self.deck.database.write() as tx:
            deployments.set_desired(tx, deployment.id, desired)

    def replicas(self, deployment: Deployment) -> list[Replica]:
        """What is on record about a deployment's servers."""
        return deployments.replicas(self.deck.database, deployment.id)

    def states(self, deployment: Deployment) -> list[str]:
        """Their states."""
        return [one.state for one in self.replicas(deployment)]

    def applied(self) -> int:
        """The acknowledged generation."""
        route = deployments.route(self.deck.database, "rates", "local")
        return route.applied_generation if route else 0

    def tick(self) -> None:
        """One round of the daemon's."""
        try:
            self.reconciler.tick()
        except ModeldeckError as error:
            self.troubles.append(error)

    def until(self, holds: Callable[[], Any], within_s: float = 30.0) -> None:
        """Tick until a condition holds."""
        deadline = time.monotonic() + within_s
        while True:
            self.tick()
            if holds():
                return
            seen = [(one.state, one.detail) for one in deployments.replicas(self.deck.database)]
            assert time.monotonic() < deadline, f"not in time; servers: {seen}; troubles: {self.troubles[-1:]}"
            time.sleep(0.02)

    def succeed(self) -> None:
        """The reconciler is gone without a word, as with a killed daemon; another takes over."""
        self.reconciler.close()
        self.reconciler = Reconciler(self.deck)

    def url(self) -> str:
        """Where the endpoint answers."""
        return deployments.endpoint(self.deck.database, "rates").addresses["local"]

    def connect(self) -> http.client.HTTPConnection:
        """Open a connection to the router."""
        return http.client.HTTPConnection(self.url().split("/")[2], timeout=20)

    def ask(self, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        """Ask the endpoint once."""
        with closing(self.connect()) as link:
            link.request("POST", "/rates/predict", json.dumps(body or [ROW]), headers or {})
            answer = link.getresponse()
            return answer.status, json.loads(answer.read())

    def logged(self) -> list[dict[str, Any]]:
        """Every row on the prediction log."""
        found = []
        for segment in self.deck.workspace.segments.glob("*/*"):
            if segment.name != "lock":
                whole = [line for line in segment.read_bytes().splitlines(keepends=True) if line[-1] == 10]
                found += [row for line in whole for row in unpacked(json.loads(line))]
        return found

    def background(self) -> Background:
        """Tick in a thread, as the daemon does."""
        return Background(self)


class Background:
    """Ticks until left."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stop.wait(0.1):
            self._world.tick()

    def __enter__(self) -> Background:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def open_world(root: Path) -> World:
    """Open the deck at `root`."""
    workspace = Workspace(root.resolve())
    clock = SystemClock()
    database = open_database(workspace.registry, clock)
    deck = Deck(workspace, database, Artifacts(workspace.artifacts), clock)
    current = settings.current(database)
    return World(deck, current.revision if current else 0, Reconciler(deck))


def close_world(world: World) -> None:
    """End every process of a world."""
    database = world.deck.database
    seen = deployments.replicas(database)
    world.reconciler.close(stop_servers=True)
    for one in seen:
        words = Path(f"/proc/{one.pid}/cmdline")
        if one.pid is not None and words.exists() and str(world.deck.workspace.root).encode() in words.read_bytes():
            os.kill(one.pid, signal.SIGKILL)
    database.close()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, empty_registry: Path) -> Path:
    """A deck with the model `rates` applied and two versions, registered and staged once for all tests to copy."""
    root = tmp_path_factory.mktemp("template") / "deck"
    (root / ".modeldeck").mkdir(parents=True, mode=0o700)
    shutil.copyfile(empty_registry, root / ".modeldeck" / "registry.db")
    body = make_settings()
    world = open_world(root)
    with world.deck.database.write() as tx:
        deck_body = DeckSettings("test", "UTC", (HostSettings("local"),), {"rates": body}).to_body()
        world.revision = settings.apply(tx, deck_body, ACTOR, "")[0].revision
    for slope in (1.0, 2.0):
        stage(world.deck, world.register(slope), body)
    world.reconciler.close()
    world.deck.database.close()
    return root


@pytest.fixture
def world(tmp_path: Path, template: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A copy of the template on the real clock; every process it starts ends with the test."""
    monkeypatch.setenv("HOME", str(tmp_path))
    shutil.copytree(template, tmp_path / "deck")
    made = open_world(tmp_path / "deck")
    yield made
    close_world(made)


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Iterator[World]:
    """A world that serves version 1, for tests that leave it serving."""
    place = tmp_path_factory.mktemp("serving")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(place))
        shutil.copytree(template, place / "deck")
        made = open_world(place / "deck")
        made.serve()
        yield made
        close_world(made)
