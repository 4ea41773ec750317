"""A deck on the real clock whose servers, router and log are real, and callers that ask all the while."""

from __future__ import annotations

import contextlib
import http.client
import importlib
import json
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from engine.data.bundle import make_bundle
from engine.deck import Deck
from engine.deploy.containers.runtime import DockerRuntime, deck_id
from engine.deploy.haproxy.router import HaproxyRouter
from engine.deploy.process_runtime import ProcessRuntime
from engine.deploy.reconcile import Reconciler
from engine.deploy.runtime import Runtime
from engine.release import run_release
from engine.serving import artifact, environment, golden
from engine.serving.contract import Column, Signature, output_columns
from engine.serving.predict import Predictor
from engine.settings.model import HostSettings
from store import deployments, images, jobs
from store.clock import SystemClock
from store.database import Fence, open_database
from store.errors import ModeldeckError
from store.rows import Release

DEADLINE_S = 60.0
SIGNATURE = Signature((Column("x", "double"),), output_columns("regression"))


class Ticking:
    """The reconciler in a thread of its own, as the daemon runs it."""

    def __init__(self, deck: Deck, runtime: Runtime) -> None:
        self._reconciler = Reconciler(deck, runtime)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(0.05):
            with contextlib.suppress(ModeldeckError):  # the daemon logs it and tries again
                self._reconciler.tick()
        self._reconciler.close(stop_servers=True)

    def close(self) -> None:
        self._stop.set()
        self._thread.join(DEADLINE_S)


class Callers:
    """Asks an endpoint without pause; counts answers by (status, version)."""

    def __init__(self, url: str) -> None:
        self.answers: Counter[tuple[int, int | None]] = Counter()
        self._place = urlsplit(url)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        body = json.dumps([{"x": 2.0}])
        while not self._stop.is_set():
            connection = http.client.HTTPConnection(self._place.hostname, self._place.port, timeout=10)
            try:
                connection.request("POST", f"{self._place.path}/predict", body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                told = json.loads(answer.read())
                self.answers[answer.status, told.get("version")] += 1
            except (OSError, http.client.HTTPException):
                self.answers[0, None] += 1
            finally:
                connection.close()
            self._stop.wait(0.003)

    def version_for(self, key: str) -> int:
        """Ask once with a stickiness key; returns the version that answered."""
        connection = http.client.HTTPConnection(self._place.hostname, self._place.port, timeout=10)
        try:
            head = {"Content-Type": "application/json", "X-Modeldeck-Key": key}
            connection.request("POST", f"{self._place.path}/predict", json.dumps([{"x": 2.0}]), head)
            return int(json.loads(connection.getresponse().read())["version"])
        finally:
            connection.close()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(DEADLINE_S)


@pytest.fixture(name="host", params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def host_of_a_kind(request: pytest.FixtureRequest) -> HostSettings:
    """This machine, or the engine that the tests have."""
    if request.param == "process":
        return HostSettings("local")
    url = request.getfixturevalue("engine_url")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return HostSettings("dock", "docker", url, free.getsockname()[1])


@pytest.fixture(name="live")
def live_deck(deck: Deck, host: HostSettings, tmp_path, monkeypatch, request) -> Iterator[Deck]:
    """The deck on the system's clock, with a reconciler that ticks."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for cached in ("images", "gateway"):  # made once, kept from one run to the next
        (deck.workspace.state / cached).symlink_to(request.config.cache.mkdir(cached))
    clock = SystemClock()
    database = open_database(deck.workspace.registry, clock)
    opened = Deck(deck.workspace, database, deck.artifacts, clock)
    engine = request.getfixturevalue("engine") if host.kind == "docker" else None
    runtime = DockerRuntime(opened, host) if engine is not None else ProcessRuntime(opened)
    ticking = Ticking(opened, runtime)
    yield opened
    ticking.close()
    if engine is not None:
        clear(engine, opened)
    database.close()


@pytest.fixture(name="add_real")
def add_real_version(live: Deck, stage_parts) -> Callable[..., int]:
    """Register `y = slope * x` with its golden requests and this interpreter's environment.

    With `code` (a module of the workspace, named `build`) the model is a fitted `Model` of it.
    """
    import pandas as pd
    from sklearn.linear_model import LinearRegression

    lock = live.artifacts.put_bytes(environment.lock_bytes(environment.lock()))

    def add(slope: float, code: str = "", build: str = "") -> int:
        rows, truth = pd.DataFrame({"x": [0.0, 1.0]}), [0.0, slope]
        bundle = ""
        if code:
            (live.workspace.root / f"{build}.py").write_text(code)
            bundle = make_bundle(live.workspace, live.artifacts)
            model = _own_model(live.workspace.root, build, rows, truth)
        else:
            model = LinearRegression().fit(rows, truth)
        recorded = golden.make(
            Predictor.from_parts(model, SIGNATURE, "regression"), pd.DataFrame({"x": [float(n) for n in range(20)]})
        )
        made = stage_parts.add_version(
            live,
            stage_parts.MODEL,
            artifact_hash=live.artifacts.put_bytes(artifact.dump(model)),
            golden_hash=live.artifacts.put_bytes(json.dumps(recorded).encode()),
            environment_hash=lock,
            bundle_hash=bundle,
            signature=SIGNATURE.to_json(),
        )
        return int(made.number)

    return add


def _own_model(root: Path, module: str, rows: Any, truth: list[float]) -> Any:
    sys.path.insert(0, str(root))
    try:
        return importlib.import_module(module).Model().fit(rows, truth)
    finally:
        sys.path.remove(str(root))


def run(deck: Deck, release: Release) -> Release:
    """Run a release's job in this process, with the real instruments."""
    assert release.job_id is not None
    with deck.database.write() as tx:
        job = jobs.claim(tx, release.job_id)
    ended = run_release(deck, release.id, fence=Fence(job.id, job.attempt))
    with deck.database.write() as tx:
        jobs.finish(tx, job.id, job.attempt, "succeeded")
    return ended


def clear(engine, deck: Deck) -> None:
    """Take what the deck left on the engine off it: its gateway's volume, its images."""
    left = engine.containers.list(all=True, filters={"label": f"modeldeck.deck-id={deck_id(deck.workspace)}"})
    HaproxyRouter(engine, deck_id(deck.workspace), deck.workspace.state / "gateway", port=0).forget()
    for row in images.images(deck.database):
        with contextlib.suppress(Exception):
            engine.images.remove(row.digest, force=True)
    assert [one.name for one in left] == []


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < until, "waited too long"
        time.sleep(0.02)


def running(deck: Deck) -> dict[int, str]:
    live = deployments.deployments(deck.database, endpoint="rates")
    return {one.version: one.desired for one in live if one.desired != "stopped"}
