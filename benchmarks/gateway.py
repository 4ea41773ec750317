"""The gateway of a Docker host: what it costs a request, how soon it switches, and what is lost when parts of it die.

    DOCKER_HOST=unix:///var/run/docker.sock python benchmarks/gateway.py [--quick] [--json FILE]

Beside it stand HAProxy with a configuration that only passes requests on (the limit) and the process host's router; for
the switch, the one runtime command alone. Loads are bounded and on loopback; every container is removed afterwards.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import socket
import sys
import tarfile
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from figures import Row, arguments, median, show
from traffic import Asked, Load, Server, request

if TYPE_CHECKING:
    from engine.deploy.haproxy.router import HaproxyRouter

RATE = 300.0
SETTLED_S = 0.4
BARE = """\
global
  nbthread 1
defaults
  mode http
  timeout connect 1s
  timeout client 60s
  timeout server 60s
frontend bare
  bind 127.0.0.1:{port}
  default_backend one
backend one
  server one {address}
"""


def main() -> None:
    """Measure and show."""
    import docker

    named = arguments("the gateway of a Docker host")
    times = 1 if named.quick else 5
    engine = docker.DockerClient(base_url=os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"), timeout=60)
    with tempfile.TemporaryDirectory(prefix="md-") as folder:
        deck, port = f"bench-{uuid.uuid4().hex[:8]}", free_port()

        def made(**limits: Any) -> HaproxyRouter:
            return made_router(engine, deck, Path(folder), port, limits)

        router = made()
        try:
            router.ensure_running()
            rows = [
                cost(engine, router, Path(folder), 300 * times),
                *switch(engine, router, 20 * times),
                replica_killed(router, 3 * times),
                replaced(made, router, 2 * times),
                *killed(engine, router, 6 * times, 2 * times),
            ]
        finally:
            router.forget()
    show(rows, named)


def made_router(engine: Any, deck: str, cache: Path, port: int, limits: dict[str, Any]) -> HaproxyRouter:
    """Return the router of a deck's gateway."""
    from engine.deploy.haproxy.config import Limits
    from engine.deploy.haproxy.router import HaproxyRouter

    return HaproxyRouter(engine, deck, cache, port=port, limits=Limits(**limits))


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as here:
        return int(here.getsockname()[1])


def entry(deployment: str, version: int = 1) -> dict[str, Any]:
    """Return a route's entry that takes everything."""
    return {"deployment_id": deployment, "version": version, "image": None, "weight": 100, "role": "champion"}


def cost(engine: Any, router: HaproxyRouter, folder: Path, rounds: int) -> Row:
    """Ask the same server directly, through the gateway and through others in turn, one request at a time."""
    from engine.deploy.process_router import ProcessRouter
    from engine.workspace import Workspace

    ours, server = ProcessRouter(Workspace(folder / "deck")), Server("one")
    try:
        ours.ensure_running()
        for each in (router, ours):
            each.add("d1", [server.address])
            each.apply("rates", 1, [entry("d1")])
        with bare_haproxy(engine, router, server.address) as bare:
            paths = {
                "direct": (server.port, "/predict"),
                "gateway": (port_of(router), "/rates/predict"),
                "bare HAProxy": (bare, "/predict"),
                "process router": (port_of(ours), "/rates/predict"),
            }
            taken = in_turns(paths, rounds)
    finally:
        ours.stop()
        ours.close()
        server.kill()
    middle = {name: median(times) or 0.0 for name, times in taken.items()}
    beyond = {name: (value - middle["direct"]) * 1000 for name, value in middle.items()}
    return Row(
        "cost of a request over asking the server directly",
        "ms",
        "lower",
        beyond["gateway"],
        {"process router": beyond["process router"]},
        {"bare HAProxy": beyond["bare HAProxy"]},
        rounds,
        f"directly {middle['direct'] * 1000:.2f} ms; the bare one makes no id, counts and retries nothing",
    )


def in_turns(paths: dict[str, tuple[int, str]], rounds: int) -> dict[str, list[float | None]]:
    """Return seconds per request of each way, asked in turn over one kept connection each."""
    links = {}
    for name, (port, _) in paths.items():
        links[name] = socket.create_connection(("127.0.0.1", port), timeout=20)
        links[name].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    taken: dict[str, list[float | None]] = {name: [] for name in paths}
    for number in range(-20, rounds):
        for name, (_, path) in paths.items():
            begun = time.perf_counter()
            links[name].sendall(request(path))
            told = links[name].recv(65536)
            spent = time.perf_counter() - begun
            if b" 200 " not in told[:20]:
                sys.exit(f"{name} answered {told[:200]!r}")
            if number >= 0:
                taken[name].append(spent)
    for link in links.values():
        link.close()
    return taken


@contextmanager
def bare_haproxy(engine: Any, router: HaproxyRouter, address: str) -> Iterator[int]:
    """Run HAProxy from the gateway's own image with nothing to do but pass on; gives its port."""
    port = free_port()
    image = engine.containers.get(router.hello()["container"]).image
    made = engine.containers.create(
        image,
        ["/usr/sbin/haproxy", "-db", "-f", "/gateway/bare.cfg"],
        labels={"modeldeck.kind": "benchmark"},
        network_mode="host",
    )
    try:
        text = BARE.format(port=port, address=address).encode()
        whole = io.BytesIO()
        with tarfile.open(fileobj=whole, mode="w") as out:
            info = tarfile.TarInfo("bare.cfg")
            info.size, info.mode = len(text), 0o644
            out.addfile(info, io.BytesIO(text))
        made.put_archive("/gateway", whole.getvalue())
        made.start()
        until = time.monotonic() + 15
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            if time.monotonic() > until:
                sys.exit("the bare HAProxy did not start")
            time.sleep(0.02)
        yield port
    finally:
        made.remove(force=True)


def port_of(router: Any) -> int:
    """Return the port at which a router listens."""
    return int(router.address().rpartition(":")[2])


def switch(engine: Any, router: HaproxyRouter, times: int) -> list[Row]:
    """Switch between two versions under load, by `apply` and by the bare command in turn."""
    from engine.deploy.haproxy.link import Link

    servers = {name: Server(name) for name in ("old", "new")}
    for name, server in servers.items():
        router.add(name, [server.address])
    router.apply("rates", 10, [entry("old")])
    texts = {}
    container = engine.containers.get(router.hello()["container"])
    link = Link(container, f"/gateway/{container.labels['modeldeck.instance']}/admin.sock")
    for generation, name in ((11, "new"), (12, "old")):
        router.apply("rates", generation, [entry(name)])
        texts[name] = link.ask("modeldeck routes")[0].split()[1]
    load = Load(port_of(router), "/rates/predict", RATE * 2)
    moments: dict[str, list[tuple[float, str]]] = {"apply": [], "command": []}
    done: list[float | None] = []
    try:
        for number in range(times * 2):  # in turns of five: a gateway told by another is looked at anew
            by_command = number // 5 % 2 == 1
            for name in ("new", "old"):
                time.sleep(SETTLED_S / 4)
                begun = time.monotonic()
                if by_command:
                    link.ask(f"modeldeck load - {texts[name]}")
                else:
                    router.apply("rates", 20 + number, [entry(name)])
                    done.append(time.monotonic() - begun)
                moments["command" if by_command else "apply"].append((begun, name))
    finally:
        asked = load.end()
        link.close()
        for server in servers.values():
            server.kill()
    seen = {way: [first_of(name, begun, asked) * 1000 for begun, name in found] for way, found in moments.items()}
    failed = sum(1 for one in asked if one[2] != 200)
    note = (
        f"longest {max(seen['apply']):.1f} ms; {failed} of {len(asked):,} requests failed in {len(done) * 2} switches"
    )
    alone = {"the command alone": median(seen["command"]) or 0.0}
    every = len(seen["apply"])
    kept = (median(done) or 0.0) * 1000
    return [
        Row(
            "switch: from the call to the other version's answer",
            "ms",
            "lower",
            median(seen["apply"]),
            {},
            alone,
            every,
            note,
        ),
        Row("switch: until it is on disk as well", "ms", "lower", kept, {}, {}, every),
    ]


def first_of(name: str, begun: float, asked: list[Asked]) -> float:
    """Return the seconds until a version gave its first answer."""
    return min(answered for _, answered, _, who in asked if who == name and answered > begun) - begun


def replica_killed(router: HaproxyRouter, times: int) -> Row:
    """Kill one of two replicas under load, again and again."""
    servers = [Server("one"), Server("two")]
    addresses = [one.address for one in servers]
    router.add("d1", addresses)
    router.apply("rates", 1000, [entry("d1")])
    load = Load(port_of(router), "/rates/predict", RATE)
    for _ in range(times):
        time.sleep(SETTLED_S)
        servers.pop(0).kill()
        time.sleep(SETTLED_S)
        servers.append(Server("another"))
        router.add("d1", [one.address for one in servers])
    asked = load.end()
    for one in servers:
        one.kill()
    return failures("one of two replicas killed", asked, times)


def replaced(made: Callable[..., HaproxyRouter], router: HaproxyRouter, times: int) -> Row:
    """Replace the gateway under load: another limit makes it another instance."""
    with one_server(router, 2000):
        load = Load(port_of(router), "/rates/predict", RATE)
        for number in range(times):
            time.sleep(SETTLED_S)
            successor = made(answer_s=20 + number % 2)
            successor.ensure_running()
            successor.close()
            time.sleep(SETTLED_S)
        asked = load.end()
    router.close()
    return failures("gateway replaced by a successor", asked, times)


def killed(engine: Any, router: HaproxyRouter, times: int, whole: int) -> list[Row]:
    """Kill HAProxy, and then the container's first process, which the engine has to start again."""
    rows = []
    for what, count, victim in (
        ("HAProxy killed", times, lambda: haproxy_of(engine, router)),
        ("the gateway's container killed", whole, lambda: router.hello()["pid"]),
    ):
        rows += kills(router, what, count, victim)
    return rows


def kills(router: HaproxyRouter, what: str, times: int, victim: Callable[[], int]) -> list[Row]:
    """Kill a process of the gateway under load so often, and count what failed and for how long."""
    moments = []
    with one_server(router, 3000):
        load = Load(port_of(router), "/rates/predict", RATE)
        for _ in range(times):
            time.sleep(SETTLED_S)
            pid = victim()
            moments.append(time.monotonic())
            os.kill(pid, signal.SIGKILL)
            time.sleep(SETTLED_S * 2)
            router.ensure_running()
        asked = load.end()
    outages = [back_after(moment, asked) * 1000 for moment in moments]
    failed = sum(1 for one in asked if one[2] != 200)
    note = f"longest {max(outages):.0f} ms"
    return [
        Row(f"{what}: requests failed a time", "requests", "lower", failed / times, repeats=times, note=counted(asked)),
        Row(f"{what}: until the next answer", "ms", "lower", median(outages), repeats=times, note=note),
    ]


def haproxy_of(engine: Any, router: HaproxyRouter) -> int:
    """Return HAProxy's process id in the gateway."""
    told = engine.containers.get(router.hello()["container"]).top()
    pid, command = told["Titles"].index("PID"), told["Titles"].index("CMD")
    return next(int(row[pid]) for row in told["Processes"] if row[command].startswith("haproxy "))


@contextmanager
def one_server(router: HaproxyRouter, generation: int) -> Iterator[None]:
    """Have the endpoint answered by one server."""
    server = Server("one")
    try:
        router.add("d1", [server.address])
        known = router.applied().get("rates", 0)
        router.apply("rates", max(generation, known + 1), [entry("d1")])
        yield
    finally:
        server.kill()


def back_after(moment: float, asked: list[Asked]) -> float:
    """Return the seconds until a request sent after a moment was answered."""
    return min(answered for sent, answered, status, _ in asked if status == 200 and sent > moment) - moment


def failures(what: str, asked: list[Asked], times: int) -> Row:
    """Return the row of how many requests failed."""
    failed = sum(1 for one in asked if one[2] != 200)
    return Row(f"{what}: requests failed", "requests", "lower", failed, repeats=times, note=counted(asked))


def counted(asked: list[Asked]) -> str:
    """Say how many requests of which load there were, and how failed ones failed."""
    told: dict[str, int] = {}
    for _, _, status, name in asked:
        if status != 200:
            told[str(status or name)] = told.get(str(status or name), 0) + 1
    shown = ", ".join(f"{count} {name}" for name, count in sorted(told.items())) or "none failed"
    longest = max(answered - sent for sent, answered, _, _ in asked)
    return (
        f"{len(asked):,} requests at {RATE:.0f} a second over 8 connections: {shown}; longest {longest * 1000:.0f} ms"
    )


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    main()
