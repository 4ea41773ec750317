"""What the benchmark of releases runs on: a deck whose model serves on a host of a kind, driven by its real daemon.

Kinds: `process` (servers and router of this machine), `docker` (an engine here), `remote` (a second engine behind a
real sshd in a network namespace of its own, with its link measured).
"""

from __future__ import annotations

import contextlib
import csv
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from figures import ROOT, environment

KINDS = ("process", "docker", "remote")
KEEP = ROOT / ".peers" / "release"  # base, wheels and the gateway's packages: fetched once
HOSTS = {"process": "local", "docker": "dock", "remote": "far"}
MODEL = """
[model]
name = "rates"
task = "regression"
[data]
source = "rates.csv"
target = "price"
[train]
estimator = "sklearn.linear_model.Ridge"
time_budget = "60s"
[gates]
mae = {{ max = 100.0 }}
latency_p99_ms = {{ max = 1000 }}
[deploy]
hosts = ["{host}"]
replicas = 2
min_samples = 200
max_wait = "60s"
rollout = [{{ weight = 10 }}, {{ weight = 100 }}]
"""


@dataclass
class Bench:
    """A deck with two versions, the first serving on one host, and its daemon."""

    root: Path
    kind: str
    client: Any
    engine: Any = None  # a docker client of the host
    far: Any = None  # the second engine, for its link

    @property
    def url(self) -> str:
        """Where the endpoint answers."""
        return str(self.client.call("endpoints.list")[0].addresses[HOSTS[self.kind]])

    def newest(self) -> Any:
        """Return the newest release."""
        return self.client.call("releases.list", {"model": "rates", "limit": 1})[0]

    def ended(self) -> Any:
        """Wait until the newest release and its job have ended, and return it."""
        until(lambda: self.newest().state not in ("pending", "running"), "the release has not ended")
        release = self.newest()
        if release.state != "completed":
            sys.exit(f"the release was {release.state}: {release.detail}")
        until(lambda: not [one for one in self.client.call("jobs.list", {"limit": 5}) if one.ended_at is None], "a job")
        return release

    def ask_to_promote(self, version: int) -> None:
        """Ask for a version to be given the traffic."""
        self.client.call("releases.promote", {"model": "rates", "version": version, "reason": "bench"})

    def promote(self, version: int) -> Any:
        """Give a version the traffic."""
        self.ask_to_promote(version)
        return self.ended()

    def roll_back(self) -> float:
        """Go back as a person does, with the proof seen; returns the moment of the confirming key."""
        preview = self.client.call("releases.preview_rollback", {"model": "rates"})
        key = time.monotonic()
        self.client.call("releases.rollback", {"model": "rates", "basis": preview.basis, "reason": "bench"})
        self.ended()
        return key

    def steps(self, release: Any) -> dict[str, Any]:
        """Return the steps of a release by their kind."""
        return {one.kind: one for one in self.client.call("releases.detail", {"id": release.id}).steps}

    def train(self, seed: int = 7) -> int:
        """Train the next version, on other rows where the seed is another; returns its number."""
        write_rows(self.root / "rates.csv", seed)
        modeldeck(self.root, "train", "rates")
        return int(self.client.call("versions.list", {"model": "rates"})[0].number)

    def replicas(self) -> list[Any]:
        """Return the champion's replicas."""
        found = self.client.call("deployments.list")
        serving = [one for one in found if one.deployment.role == "champion" and one.deployment.desired == "serving"]
        return list(serving[0].replicas)

    def is_whole(self) -> bool:
        """Say whether both of the champion's servers are ready."""
        return [one.state for one in self.replicas()] == ["ready", "ready"]


@contextlib.contextmanager
def a_deck(kind: str) -> Iterator[Bench]:
    """Make a deck with two versions on a host of a kind; everything it started is ended."""
    from engine.client import Client
    from engine.workspace import Workspace

    with tempfile.TemporaryDirectory(prefix="md-") as folder, contextlib.ExitStack() as ending:
        os.environ["HOME"] = folder  # where sockets of private decks are
        root = Path(folder).resolve() / "deck"
        (root / "models").mkdir(parents=True)
        (root / "deck.toml").write_text('name = "bench"\n')
        workspace = Workspace(root)
        bench = Bench(root, kind, Client(workspace))
        modeldeck(root, "apply")
        ending.callback(bench.client.close)
        if kind != "process":
            ending.enter_context(a_host(bench, workspace, Path(folder)))
        ending.callback(modeldeck, root, "daemon", "stop", "--all")
        (root / "models" / "rates.toml").write_text(MODEL.format(host=HOSTS[kind]))
        modeldeck(root, "apply")
        for _ in range(2):
            bench.train()
        bench.promote(1)
        yield bench


@contextlib.contextmanager
def a_host(bench: Bench, workspace: Any, folder: Path) -> Iterator[None]:
    """Add the host that the deck's model is to be served on; the second engine runs until the block ends."""
    import docker

    for cached in ("images", "gateway"):
        (KEEP / cached).mkdir(parents=True, exist_ok=True)
        (workspace.state / cached).symlink_to(KEEP / cached)
    if bench.kind == "docker":
        bench.engine = docker.from_env()
        modeldeck(bench.root, "hosts", "add", "dock", os.environ["DOCKER_HOST"], "--port", str(free_port()))
        try:
            yield
        finally:
            clear(workspace, bench.engine)
        return
    sys.path.insert(0, str(ROOT / "tests"))
    from second_engine import SecondEngine

    (folder / "far").mkdir()
    bench.far = SecondEngine(folder / "far")
    try:
        bench.far.start()
        bench.engine = bench.far.client()
        known = ("--host-key", bench.far.host_key, "--identity", str(bench.far.identity))
        modeldeck(bench.root, "hosts", "add", "far", bench.far.address, "--listen", "0.0.0.0", *known)
        yield
        bench.engine.close()
    finally:
        bench.far.stop()


def clear(workspace: Any, engine: Any) -> None:
    """Take what the deck left on this machine's engine off it."""
    from engine.deck import open_deck
    from engine.deploy.containers.runtime import deck_id
    from engine.deploy.haproxy.router import HaproxyRouter
    from store import images

    HaproxyRouter(engine, deck_id(workspace), workspace.state / "gateway", port=0).forget()
    deck = open_deck(workspace)
    made = {one.digest for one in images.images(deck.database)}
    deck.database.close()
    for image in engine.images.list(filters={"label": "modeldeck.kind=model"}):
        if image.id in made:
            engine.images.remove(image.id, force=True)
    engine.close()


def modeldeck(root: Path, *words: str) -> str:
    """Run one command on the deck and return what it said."""
    command = [Path(sys.executable).parent / "modeldeck", "-w", root, *words]
    ran = subprocess.run(command, check=False, capture_output=True, text=True, env=environment())
    if ran.returncode:
        sys.exit(f"modeldeck {' '.join(words)}: {ran.stderr}")
    return ran.stdout


def write_rows(path: Path, seed: int) -> None:
    """Write rooms with a price that rooms and season explain."""
    dice = random.Random(seed)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("rooms", "season", "price"))
        for _ in range(400):
            rooms, season = dice.randint(1, 4), dice.choice(("low", "high"))
            writer.writerow((rooms, season, round(40 * rooms + 30 * (season == "high") + dice.gauss(0, 5), 2)))


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as here:
        return int(here.getsockname()[1])


def until(holds: Callable[[], Any], what: str, within_s: float = 300.0) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            sys.exit(f"waited in vain: {what}")
        time.sleep(0.05)
