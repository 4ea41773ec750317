"""Releases under load: what they cost requests, how soon the way back answers, and what a killed server costs.

    [DOCKER_HOST=unix:///run/docker.sock] python benchmarks/release.py [--repeats N] [--only KIND] [--quick] [--json F]

Everything goes through a daemon of its own, as people do it. Beside it stand a uvicorn that is stopped and started with
its next version on the same port, and one of two uvicorn workers killed; the limit of a rollback is the router's bare
change of route. Loads are bounded and on loopback or in a namespace of ours. A repeat is 20,000 requests at 500 a
second, with promotions and rollbacks all the while. Docker rows need an engine and root, and are left out by --quick.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from callers import Asked, Callers
from figures import HERE, ROOT, Row, arguments, environment, median, show
from release_deck import KINDS, Bench, a_deck, free_port, until

RATE = 500.0
REQUESTS = 20_000  # of one repeat
KILLS = 5
NEXT = 5  # versions made, shipped, started and proven
BODY = json.dumps([{"rooms": 2, "season": "low"}]).encode()


def main() -> None:
    """Measure and show."""
    named = arguments("releases", add_words)
    hosts = [named.only] if named.only else ["process"]
    if not named.only and not named.quick and os.environ.get("DOCKER_HOST"):
        hosts += ["docker", "remote"]
    rows: list[Row] = []
    peers = beside(1 if named.quick else 3)
    for kind in hosts:
        with a_deck(kind) as bench:
            rows += measured(bench, named, peers)
    show(rows, named)


def add_words(parser: argparse.ArgumentParser) -> None:
    """Take how often, and where."""
    parser.add_argument(
        "--repeats", type=int, default=30, metavar="N", help="of 20,000 requests each (30; 1 if --quick)"
    )
    parser.add_argument(
        "--only", choices=KINDS, help="on one kind of host; docker and remote need DOCKER_HOST and root"
    )


@dataclass
class Seen:
    """What became of requests while versions moved."""

    failed: list[int] = field(default_factory=list)  # of each repeat
    asked: int = 0
    seconds: float = 0.0
    moves: int = 0
    backs_ms: list[float] = field(default_factory=list)


def measured(bench: Bench, named: argparse.Namespace, peers: dict[str, float]) -> list[Row]:
    """Promote, roll back and kill under load; make next versions."""
    repeats, kills, next_ones = (1, 1, 1) if named.quick else (named.repeats, KILLS, NEXT)
    lost, sent = kill_one(bench, kills)
    seen = Seen()
    for _ in range(repeats):
        there_and_back(bench, 0 if named.quick else REQUESTS, seen)
    where = f" ({bench.kind} host)"
    load = f"{seen.asked:,} requests at {seen.asked / seen.seconds:.0f}/s"
    limit = {"bare route change": route_change()} if bench.kind == "process" else {}
    return [
        Row(
            f"failed requests of a repeat, promote and rollback{where}",
            "requests",
            "lower",
            max(seen.failed),
            {"stop and start": peers["lost"]},
            repeats=repeats,
            note=f"the worst one; {sum(seen.failed)} of {load} in all, {seen.moves} times there and back",
        ),
        Row(
            f"rollback, warm: key to first answer{where}",
            "ms",
            "lower",
            median(seen.backs_ms),
            {"stop and start": peers["gap_ms"]},
            limit,
            len(seen.backs_ms),
            note=f"longest {max(seen.backs_ms):.0f} ms",
        ),
        Row(
            f"failed requests, one of two replicas killed{where}",
            "requests",
            "lower",
            lost,
            {"uvicorn, two workers": peers["killed"]},
            repeats=kills,
            note=f"of {sent:,} requests",
        ),
        *next_versions(bench, next_ones, where),
    ]


def there_and_back(bench: Bench, requests: int, seen: Seen) -> None:
    """Promote and roll back under load, until there was time for so many requests."""
    callers = Callers(bench.url, RATE, BODY)
    begun = time.monotonic()
    keys: list[float] = []
    while not keys or (time.monotonic() - begun) * RATE < requests:
        bench.promote(2)
        keys.append(bench.roll_back())
    asked = callers.stop()
    seen.backs_ms += [first_answer(asked, key, 1) * 1000 for key in keys]
    seen.failed.append(sum(one.status != 200 for one in asked))
    seen.asked += len(asked)
    seen.seconds += asked[-1].sent - asked[0].sent
    seen.moves += len(keys)


def first_answer(asked: list[Asked], since: float, version: int) -> float:
    """Return the seconds until a version answered."""
    return min(one.answered for one in asked if one.version == version and one.answered > since) - since


def next_versions(bench: Bench, times: int, where: str) -> list[Row]:
    """Train versions on other rows, and time each from its image to its proof: no live request is sent meanwhile."""
    took: list[float] = []
    wire: list[float] = []
    first = time.time_ns() // 1000  # rows that no earlier run has made an image of
    for number in range(times):
        version = bench.train(first + number)
        before = bench.far.received_bytes() if bench.far else 0
        bench.ask_to_promote(version)
        until(lambda: proven(bench), "the proof")
        steps = bench.steps(bench.newest())
        came = bench.far.received_bytes() - before if bench.far else steps["ship"].observed.get("bytes_sent", 0)
        callers = Callers(bench.url, 100.0, BODY)  # what its weight steps are judged by
        bench.ended()
        callers.stop()
        took.append((steps["proof"].ended_at - steps["build"].started_at) / 1e6)
        wire.append(came / 1000)
    what = "all that came in by the host's link from asking to proof" if bench.far else "layers sent to the engine"
    made = "image built, shipped, started, proven" if bench.kind != "process" else "started, proven"
    rows = [
        Row(
            f"next version: {made}{where}",
            "s",
            "lower",
            median(took),
            repeats=times,
            note=f"longest {max(took):.1f} s, two servers",
        )
    ]
    if bench.kind != "process":
        rows.append(Row(f"next version: on the wire{where}", "kB", "lower", median(wire), repeats=times, note=what))
    return rows


def proven(bench: Bench) -> bool:
    """Say whether the newest release has its proof; ends the run where it was stopped before."""
    release = bench.newest()
    if release.state in ("failed", "aborted", "held"):
        sys.exit(f"the release was {release.state}: {release.detail}")
    return bool(bench.steps(release)["proof"].state == "done")


def kill_one(bench: Bench, times: int) -> tuple[int, int]:
    """Kill one of the champion's two replicas under load, again and again; returns failed and all requests."""
    callers = Callers(bench.url, RATE, BODY)
    for _ in range(times):
        until(bench.is_whole, "both servers")
        time.sleep(1)
        victim = bench.replicas()[0]
        if victim.pid is not None:
            os.kill(victim.pid, signal.SIGKILL)
        else:
            kill_container(bench.engine, victim)
        time.sleep(2)
    asked = callers.stop()
    until(bench.is_whole, "both servers")
    return sum(one.status != 200 for one in asked), len(asked)


def kill_container(engine: Any, replica: Any) -> None:
    """Kill the server of a container, as an engine kills what is out of memory."""
    wanted = [f"modeldeck.deployment={replica.deployment_id}", f"modeldeck.replica={replica.number}"]
    for container in engine.containers.list(filters={"label": wanted}):
        container.kill()


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


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
