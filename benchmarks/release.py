"""Releases under load: what they cost requests, how soon the way back answers, and what a killed server costs.

    [DOCKER_HOST=unix:///var/run/docker.sock] python benchmarks/release.py [--quick] [--json FILE]

Everything goes through a daemon of its own, as people do it. Beside it stand a uvicorn that is stopped and started with
its next version on the same port, and one of two uvicorn workers killed; the limit of a rollback is the router's bare
change of route. Loads are bounded and on loopback. Docker rows need an engine, and are left out by --quick.
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from callers import Asked, Callers
from figures import HERE, ROOT, Row, arguments, environment, median, show

RATE = 500.0
KEEP = ROOT / ".peers" / "release"  # base, wheels and the gateway's packages: fetched once
BODY = json.dumps([{"rooms": 2, "season": "low"}]).encode()
DECK = 'name = "bench"\n'
DOCKED = '[hosts.dock]\nkind = "docker"\naddress = "{0}"\nport = {1}\n'
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
    host: str
    client: Any

    @property
    def url(self) -> str:
        """Where the endpoint answers."""
        return str(self.client.call("endpoints.list")[0].addresses[self.host])

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

    def promote(self, version: int) -> Any:
        """Give a version the traffic."""
        self.client.call("releases.promote", {"model": "rates", "version": version, "reason": "bench"})
        return self.ended()

    def steps(self, release: Any) -> list[Any]:
        """Return the steps of a release."""
        return list(self.client.call("releases.detail", {"id": release.id}).steps)


def main() -> None:
    """Measure and show."""
    named = arguments("releases")
    repeats = int(os.environ.get("MODELDECK_BENCH_REPEATS") or (1 if named.quick else 30))
    hosts = ["process"]
    if not named.quick and os.environ.get("DOCKER_HOST"):
        hosts.append("docker")
    rows: list[Row] = []
    peers = beside(1 if named.quick else 3)
    for kind in hosts:
        with a_deck(kind) as bench:
            rows += measured(bench, kind, repeats, peers)
    show(rows, named)


def measured(bench: Bench, kind: str, repeats: int, peers: dict[str, float]) -> list[Row]:
    """Promote, roll back and kill under load."""
    lost, sent = kill_one(bench)
    until(lambda: all(one.state == "ready" for one in replicas_of(bench)), "the killed server again")
    callers = Callers(bench.url, RATE, BODY)
    started: list[float] = []
    wire: list[int] = []
    keys: list[float] = []
    for _ in range(repeats):
        release = bench.promote(2)
        steps = {one.kind: one for one in bench.steps(release)}
        begun = next(steps[name].started_at for name in ("build", "ship", "start") if steps[name].started_at)
        started.append((steps["proof"].ended_at - begun) / 1e6)
        wire.append(int(steps["ship"].observed.get("bytes_sent") or 0))
        preview = bench.client.call("releases.preview_rollback", {"model": "rates"})
        keys.append(time.monotonic())
        bench.client.call("releases.rollback", {"model": "rates", "basis": preview.basis, "reason": "bench"})
        bench.ended()
    asked = callers.stop()
    backs = [first_answer(asked, key, 1) * 1000 for key in keys]
    failed = [one for one in asked if one.status != 200]
    rate = len(asked) / (asked[-1].sent - asked[0].sent)
    where = f" ({kind} host)"
    limit = {"bare route change": route_change()} if kind == "process" else {}
    return [
        Row(
            f"failed requests, promote and rollback{where}",
            "requests",
            "lower",
            len(failed),
            {"stop and start": peers["lost"]},
            repeats=repeats,
            note=f"of {len(asked):,} requests at {rate:.0f}/s, {repeats} times there and back",
        ),
        Row(
            f"rollback, warm: key to first answer{where}",
            "ms",
            "lower",
            median(backs),
            {"stop and start": peers["gap_ms"]},
            limit,
            repeats,
        ),
        Row(
            f"failed requests, one of two replicas killed{where}",
            "requests",
            "lower",
            lost,
            {"uvicorn, two workers": peers["killed"]},
            repeats=1,
            note=f"of {sent:,} requests",
        ),
        Row(
            f"next version built, shipped, started, proven{where}",
            "s",
            "lower",
            median(started),
            repeats=repeats,
            note=f"at most {max(wire) / 1024:.0f} KB on the wire"
            if kind == "docker"
            else "two servers, nothing to ship",
        ),
    ]


def first_answer(asked: list[Asked], since: float, version: int) -> float:
    """Return the seconds until a version answered."""
    return min(one.answered for one in asked if one.version == version and one.answered > since) - since


def kill_one(bench: Bench) -> tuple[int, int]:
    """Kill one of the champion's two replicas under load; returns failed and all requests."""
    victim = next(one for one in replicas_of(bench) if one.state == "ready")
    callers = Callers(bench.url, RATE, BODY)
    time.sleep(1)
    if victim.pid is not None:
        os.kill(victim.pid, signal.SIGKILL)
    else:
        kill_container(victim)
    time.sleep(2)
    asked = callers.stop()
    return sum(one.status != 200 for one in asked), len(asked)


def kill_container(replica: Any) -> None:
    """Kill the server of a container, as an engine kills what is out of memory."""
    import docker

    client = docker.from_env()
    wanted = [f"modeldeck.deployment={replica.deployment_id}", f"modeldeck.replica={replica.number}"]
    for container in client.containers.list(filters={"label": wanted}):
        container.kill()
    client.close()


def replicas_of(bench: Bench) -> list[Any]:
    """Return the champion's replicas."""
    found = bench.client.call("deployments.list")
    serving = [one for one in found if one.deployment.role == "champion" and one.deployment.desired == "serving"]
    return list(serving[0].replicas)


@contextlib.contextmanager
def a_deck(kind: str) -> Iterator[Bench]:
    """Make a deck with two versions on a host of a kind; everything it started is ended."""
    from engine.client import Client
    from engine.workspace import Workspace

    with tempfile.TemporaryDirectory(prefix="md-") as folder:
        os.environ["HOME"] = folder  # where sockets of private decks are
        root = Path(folder).resolve() / "deck"
        (root / "models").mkdir(parents=True)
        host = "dock" if kind == "docker" else "local"
        (root / "deck.toml").write_text(
            DECK + (DOCKED.format(os.environ["DOCKER_HOST"], free_port()) if kind == "docker" else "")
        )
        write_rows(root / "rates.csv")
        workspace = Workspace(root)
        bench = Bench(root, host, Client(workspace))
        (root / "models" / "rates.toml").write_text(MODEL.format(host=host))
        modeldeck(root, "apply")
        if kind == "docker":
            for cached in ("images", "gateway"):
                (KEEP / cached).mkdir(parents=True, exist_ok=True)
                (workspace.state / cached).symlink_to(KEEP / cached)
        try:
            for _ in range(2):
                modeldeck(root, "train", "rates")
            bench.promote(1)
            yield bench
        finally:
            bench.client.close()
            modeldeck(root, "daemon", "stop", "--all")
            if kind == "docker":
                clear(workspace)


def clear(workspace: Any) -> None:
    """Take what the deck left on the engine off it."""
    import docker

    from engine.deploy.containers.runtime import deck_id
    from engine.deploy.haproxy.router import HaproxyRouter

    client = docker.from_env()
    HaproxyRouter(client, deck_id(workspace), workspace.state / "gateway", port=0).forget()
    for image in client.images.list(filters={"label": f"modeldeck.deck-id={deck_id(workspace)}"}):
        client.images.remove(image.id, force=True)
    client.close()


def route_change() -> float:
    """Return milliseconds from telling a router its route to the first answer of the other server, nothing else."""
    from engine.deploy.process_router import ProcessRouter
    from engine.workspace import Workspace

    with tempfile.TemporaryDirectory(prefix="md-") as folder, contextlib.ExitStack() as ending:
        router = ProcessRouter(Workspace(Path(folder)))
        ending.callback(router.close)
        ending.callback(router.stop)
        router.ensure_running()
        for version in (1, 2):
            router.add(f"d{version}", [f"127.0.0.1:{ending.enter_context(restarted(free_port(), version))}"])
        taken = []
        told = []
        router.apply("rates", 1, [entry(1)])
        callers = Callers(f"{router.address()}/rates", RATE, BODY)
        time.sleep(0.7)
        for turn in range(5):
            told.append((time.monotonic(), turn % 2 + 1))
            router.apply("rates", turn + 2, [entry(turn % 2 + 1)])
            time.sleep(0.3)
        asked = callers.stop()
        taken = [first_answer(asked, at, version) * 1000 for at, version in told[1:]]
    return median(taken) or 0.0


def entry(version: int) -> dict[str, Any]:
    """Return the whole traffic to a version."""
    return {"deployment_id": f"d{version}", "version": version, "image": None, "weight": 100, "role": "champion"}


def beside(repeats: int) -> dict[str, float]:
    """Measure what people do without: stop a server and start its next version; one of two workers killed."""
    lost: list[float] = []
    gaps: list[float] = []
    port = free_port()
    for _ in range(repeats):
        with restarted(port, 2):
            callers = Callers(f"http://127.0.0.1:{port}", RATE, BODY)
            time.sleep(1)
            key = time.monotonic()
        with restarted(port, 1):
            time.sleep(1)
            asked = callers.stop()
        lost.append(sum(one.status != 200 for one in asked))
        gaps.append(first_answer(asked, key, 1) * 1000)
    with restarted(port, 1, workers=2) as _:
        callers = Callers(f"http://127.0.0.1:{port}", RATE, BODY)
        time.sleep(1)
        os.kill(json.loads(ask(port))["pid"], signal.SIGKILL)
        time.sleep(1)
        asked = callers.stop()
    return {
        "lost": median(lost) or 0.0,
        "gap_ms": median(gaps) or 0.0,
        "killed": sum(one.status != 200 for one in asked),
    }


@contextlib.contextmanager
def restarted(port: int, version: int, workers: int = 1) -> Iterator[int]:
    """Run a uvicorn of one version until the block ends; gives its port once it answers."""
    command = [sys.executable, str(HERE / "peers" / "restarted.py"), str(port), str(version), str(workers)]
    process = subprocess.Popen(command, env=environment(), stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        until(lambda: _answers(port), "uvicorn does not answer")
        yield port
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _answers(port: int) -> bool:
    try:
        return bool(ask(port))
    except (OSError, ValueError):
        return False


def ask(port: int) -> bytes:
    """Ask one prediction and return the answer's body."""
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", "/predict", BODY, {"content-type": "application/json"})
        return connection.getresponse().read()
    finally:
        connection.close()


def modeldeck(root: Path, *words: str) -> str:
    """Run one command on the deck and return what it said."""
    command = [Path(sys.executable).parent / "modeldeck", "-w", root, *words]
    ran = subprocess.run(command, check=False, capture_output=True, text=True, env=environment())
    if ran.returncode:
        sys.exit(f"modeldeck {' '.join(words)}: {ran.stderr}")
    return ran.stdout


def write_rows(path: Path) -> None:
    """Write rooms with a price that rooms and season explain."""
    dice = random.Random(7)
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


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
