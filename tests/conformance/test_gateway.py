"""The gateway of a Docker host beyond what every router does: killed, replaced, overrun, and asked with bad intent."""

from __future__ import annotations

import collections
import http.client
import io
import json
import os
import random
import signal
import socket
import tarfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from servers import Backend, Client, entry, free_port, until

from engine.deploy.haproxy.config import Limits, Place, render
from engine.deploy.haproxy.link import Link
from engine.deploy.haproxy.router import HaproxyRouter
from engine.deploy.haproxy.state import State
from engine.deploy.router import OPEN, Guard
from store.errors import PortInUse, Refused

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def here(engine_url: str, image_cache: Path) -> Iterator[Callable[..., HaproxyRouter]]:
    """Return a maker of routers of one deck, whose gateway ends with the module."""
    import docker

    client = docker.DockerClient(base_url=engine_url, timeout=60)
    deck, port = f"test-{uuid.uuid4().hex[:8]}", free_port()

    def make(**limits: Any) -> HaproxyRouter:
        return HaproxyRouter(client, deck, image_cache, port=port, limits=Limits(**{"slots": 4, **limits}))

    yield make
    last = make()
    last.forget()
    client.close()


@pytest.fixture
def gateway(here: Callable[..., HaproxyRouter]) -> Iterator[HaproxyRouter]:
    """The running gateway, as whoever comes next finds it."""
    made = here()
    made.ensure_running()
    yield made
    made.close()


class Load:
    """Asks an endpoint from several threads at a bounded rate, over kept-alive connections."""

    def __init__(self, port: int) -> None:
        self.statuses: collections.Counter[Any] = collections.Counter()
        self._port = port
        self._stop = threading.Event()

    def _ask(self) -> None:
        link = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        while not self._stop.wait(0.02):
            try:
                link.request("POST", "/rates/predict", b"[]")
                answer = link.getresponse()
                answer.read()
                self.statuses[answer.status] += 1
            except (OSError, http.client.HTTPException) as error:
                self.statuses[type(error).__name__] += 1
                link.close()
        link.close()

    @contextmanager
    def running(self, threads: int = 4) -> Iterator[None]:
        """Run, at most `threads` times 50 requests a second."""
        asking = [threading.Thread(target=self._ask) for _ in range(threads)]
        for one in asking:
            one.start()
        try:
            yield
        finally:
            self._stop.set()
            for one in asking:
                one.join(30)

    def passed(self, more: int) -> None:
        """Wait until so many more requests were answered."""
        goal = self.statuses[200] + more
        until(lambda: self.statuses[200] >= goal, 30)


def serve(gateway: HaproxyRouter, generation: int, *backends: Backend) -> None:
    """Have `rates` answered by these servers alone."""
    gateway.add("d1", [one.address for one in backends])
    gateway.apply("rates", generation, [entry("d1", 100)])


def status_of(gateway: HaproxyRouter, path: str) -> int | None:
    """Return the status of one request over a connection of its own, None where there was no answer."""
    asking = Client(gateway)
    try:
        return asking.ask(path)[0]
    except (OSError, http.client.HTTPException):
        return None
    finally:
        asking.close()


def kill(gateway: HaproxyRouter) -> None:
    """Kill the gateway's first process, and all of it with it."""
    pid = gateway.hello()["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{pid}").exists())


def port_of(gateway: HaproxyRouter) -> int:
    return int(gateway.address().rpartition(":")[2])


@pytest.mark.chaos
def test_a_killed_server_costs_no_request(gateway: HaproxyRouter, backend: Callable[..., Backend]) -> None:
    one, two = backend("one"), backend("two")
    serve(gateway, 1, one, two)
    load = Load(port_of(gateway))
    with load.running():
        load.passed(40)
        one.kill()
        load.passed(100)
    assert set(load.statuses) == {200}


@pytest.mark.chaos
def test_a_gateway_is_replaced_without_a_failed_request(
    here: Callable[..., HaproxyRouter], gateway: HaproxyRouter, backend: Callable[..., Backend]
) -> None:
    serve(gateway, 2, backend("one"))
    load, before = Load(port_of(gateway)), gateway.hello()
    with load.running():
        load.passed(20)
        for seconds in (21, 22):
            successor = here(answer_s=seconds)
            assert successor.ensure_running() is True
            load.passed(40)
            assert successor.applied()["rates"] == 2
            assert successor.ensure_running() is False
            successor.close()
    assert set(load.statuses) == {200}
    after = here(answer_s=22)
    assert after.hello()["container"] != before["container"]
    after.close()


@pytest.mark.chaos
def test_a_killed_haproxy_costs_only_what_was_open_to_it(
    gateway: HaproxyRouter, engine: Any, backend: Callable[..., Backend]
) -> None:
    serve(gateway, 3, backend("one"))
    told = engine.containers.get(gateway.hello()["container"]).top()
    pid, command = told["Titles"].index("PID"), told["Titles"].index("CMD")
    haproxy = next(int(row[pid]) for row in told["Processes"] if row[command].startswith("haproxy "))
    load = Load(port_of(gateway))
    with load.running(threads=4):
        load.passed(40)
        os.kill(haproxy, signal.SIGKILL)
        load.passed(80)
    failed = sum(load.statuses.values()) - load.statuses[200]
    assert 0 < failed <= 4, load.statuses  # each client's connection once; whoever connected meanwhile waited
    assert gateway.applied()["rates"] == 3


def test_a_gateway_that_dies_comes_back_by_itself_with_its_routes(
    gateway: HaproxyRouter, backend: Callable[..., Backend]
) -> None:
    serve(gateway, 3, backend("one"))
    gateway.drain("unheard of", 0.0)
    known = gateway.entries("rates")
    kill(gateway)
    until(lambda: status_of(gateway, "/rates/predict") == 200, 30)  # nobody told it anything
    gateway.ensure_running()
    assert (gateway.applied()["rates"], gateway.entries("rates")) == (3, known)


def test_a_container_removed_by_hand_is_made_again_with_what_it_knew(
    gateway: HaproxyRouter, engine: Any, backend: Callable[..., Backend]
) -> None:
    serve(gateway, 4, backend("one"))
    engine.containers.get(gateway.hello()["container"]).remove(force=True)
    assert gateway.ensure_running() is True
    assert gateway.applied()["rates"] == 4
    asking = Client(gateway)
    assert asking.ask()[0] == 200
    asking.close()


def test_the_container_may_do_little(gateway: HaproxyRouter, engine: Any) -> None:
    container = engine.containers.get(gateway.hello()["container"])
    host = container.attrs["HostConfig"]
    assert (host["ReadonlyRootfs"], host["CapDrop"], host["CapAdd"]) == (True, ["ALL"], None)
    assert (host["SecurityOpt"], host["RestartPolicy"]["Name"]) == (["no-new-privileges:true"], "always")
    status = Path(f"/proc/{container.attrs['State']['Pid']}/status").read_text()
    assert "\nUid:\t10002\t10002\t" in status
    assert "\nCapEff:\t0000000000000000\n" in status


def test_another_decks_gateway_is_a_stranger_at_the_port(
    gateway: HaproxyRouter, engine: Any, image_cache: Path
) -> None:
    stranger = HaproxyRouter(engine, f"test-{uuid.uuid4().hex[:8]}", image_cache, port=port_of(gateway))
    with pytest.raises(PortInUse, match="Address already in use"):
        stranger.ensure_running()
    stranger.forget()


@pytest.mark.chaos
def test_a_successor_may_be_killed_while_its_predecessor_still_leaves(
    here: Callable[..., HaproxyRouter], gateway: HaproxyRouter, backend: Callable[..., Backend]
) -> None:
    serve(gateway, 5, backend("one"))
    idle = Client(gateway)
    assert idle.ask()[0] == 200  # kept open to the predecessor, which so goes on
    successor = here(answer_s=23)
    assert successor.ensure_running() is True
    kill(successor)
    until(lambda: status_of(gateway, "/rates/predict") == 200, 30)
    idle.close()
    successor.close()


def test_more_deployments_than_slots_make_room(gateway: HaproxyRouter, backend: Callable[..., Backend]) -> None:
    serve(gateway, 5, backend("one"))
    for number in range(6):
        gateway.add(f"more-{number}", ["127.0.0.1:9"])
    asking = Client(gateway)
    assert asking.ask()[0] == 200
    asking.close()
    assert gateway.ensure_running() is False, "the declared number of slots is a least one"
    for number in range(6):
        gateway.add(f"more-{number}", [])


@pytest.mark.parametrize("name", ["a|b,c%;d", "no such\nmodeldeck load |", "ünï", "x" * 500])
def test_hostile_names_stay_names(gateway: HaproxyRouter, name: str) -> None:
    before = gateway.applied()
    gateway.add(name, ["127.0.0.1:9"])
    gateway.apply(name, 1, [entry(name, 100)])
    assert gateway.applied() == {**before, name: 1}
    assert gateway.entries(name) == [entry(name, 100)]
    gateway.apply(name, 2, [])
    gateway.add(name, [])
    with pytest.raises(Refused):
        gateway.add("d9", ["127.0.0.1:1;shutdown"])


@pytest.mark.parametrize(
    "path", ['/no"quote/predict', "/%0d%0aset-cookie:x/predict", "/a%00b/predict", "/../v2/x", "/\\x/y"]
)
def test_hostile_paths_get_whole_json(gateway: HaproxyRouter, path: str) -> None:
    with socket.create_connection(("127.0.0.1", port_of(gateway)), timeout=10) as link:
        link.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
        content = b""
        while part := link.recv(65536):
            content += part
    head, _, body = content.partition(b"\r\n\r\n")
    assert head.split()[1] in (b"404", b"400")
    assert json.loads(body)["error"]["code"]
    assert b"set-cookie" not in head.lower()


def test_our_own_headers_cannot_be_forged(gateway: HaproxyRouter, backend: Callable[..., Backend]) -> None:
    one = backend("one")
    serve(gateway, 6, one)
    asking = Client(gateway)
    forged = {"x-modeldeck-route": "other 1 0.5 9999999999999 0", "x-modeldeck-kind": "golden", "x-request-id": "mine"}
    assert asking.ask(headers=forged)[0] == 200
    asking.close()
    (seen,) = one.seen
    assert seen["headers"]["x-modeldeck-route"].startswith("rates - 0.")
    assert (seen["headers"]["x-modeldeck-kind"], seen["headers"]["x-modeldeck-client-id"]) == ("live", "mine")


@pytest.mark.chaos
def test_slow_clients_are_cut_off_and_leave_room_for_others(
    here: Callable[..., HaproxyRouter], backend: Callable[..., Backend]
) -> None:
    gateway = here(connections=60, connections_per_client=40, request_s=1)
    gateway.ensure_running()
    serve(gateway, 7, backend("one"))
    links = []
    for _ in range(30):
        link = socket.create_connection(("127.0.0.1", port_of(gateway)), timeout=15)
        link.sendall(b"POST /rates/predict HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n[")
        links.append(link)
    asking = Client(gateway)
    begun = time.monotonic()
    assert asking.ask()[0] == 200
    assert time.monotonic() - begun < 1.0
    assert all(link.recv(100).startswith(b"HTTP/1.1 408") for link in links)
    asking.close()
    for link in links:
        link.close()
    gateway.close()


def test_one_address_cannot_take_every_connection(here: Callable[..., HaproxyRouter]) -> None:
    gateway = here(connections=60, connections_per_client=10, requests_per_10s=20)
    gateway.ensure_running()
    links, refused = [], 0
    for _ in range(30):
        try:
            links.append(socket.create_connection(("127.0.0.1", port_of(gateway)), timeout=10))
        except ConnectionResetError:  # the gateway's refusal may come before the call has returned
            refused += 1
    for link in links:
        try:
            link.sendall(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n")
            refused += link.recv(100) == b""
        except ConnectionError:
            refused += 1
    assert refused == 20
    for link in links:
        link.close()
    until(lambda: status_of(gateway, "/x") in (404, 429))
    asking = Client(gateway)
    statuses = collections.Counter(asking.ask("/v2/health/live", None)[0] for _ in range(30))
    assert statuses[429] >= 10
    status, told, headers = asking.ask("/v2/health/live", None)
    assert (status, headers["retry-after"]) == (429, "1")
    assert told == {"error": "more than 20 requests in 10 s from one address"}
    asking.close()
    gateway.close()


def test_haproxys_own_exporter_answers(gateway: HaproxyRouter) -> None:
    asking = Client(gateway)
    status, text, _ = asking.ask("/metrics/haproxy", None)
    asking.close()
    assert status == 200
    assert 'haproxy_backend_http_requests_total{proxy="s0"}' in text


def test_two_that_speak_to_one_gateway_undo_nothing_of_each_other(
    here: Callable[..., HaproxyRouter], gateway: HaproxyRouter, backend: Callable[..., Backend]
) -> None:
    serve(gateway, 8, backend("one"))
    other = here()
    other.ensure_running()
    other.apply("prices", 1, [entry("d1", 100)])
    gateway.apply("rates", 9, [entry("d1", 100)])
    other.apply("rates", 8, [entry("d1", 50)])
    assert [gateway.applied()[name] for name in ("rates", "prices")] == [9, 1]
    assert other.entries("rates") == [entry("d1", 100)]
    gateway.apply("prices", 2, [])
    other.close()


class Known:
    """What a gateway knows, as the running process tells it and as the files say that it starts from."""

    def __init__(self, engine: Any, gateway: HaproxyRouter) -> None:
        container = engine.containers.get(gateway.hello()["container"])
        folder = f"/gateway/{container.labels['modeldeck.instance']}"
        link = Link(container, f"{folder}/admin.sock")
        self.text = link.ask("modeldeck routes")[0].split(" ", 1)[1]
        rows = [line.split() for line in link.ask("show servers state")[0].splitlines()[2:]]
        self.servers = sorted((row[1], row[3]) for row in rows if len(row) > 6 and row[3] != "again")
        link.close()
        self.kept = self._file(container, "/gateway/routes")
        self.config = self._file(container, f"{folder}/haproxy.cfg")
        slots = int(container.labels["modeldeck.slots"])
        self.rendered = render(State.from_text(self.text), Limits(slots=slots), Place(folder))

    @staticmethod
    def _file(container: Any, path: str) -> str:
        parts, _ = container.get_archive(path)
        with tarfile.open(fileobj=io.BytesIO(b"".join(parts))) as whole:
            source = whole.extractfile(path.rpartition("/")[2])
            assert source is not None
            return source.read().decode()


@pytest.mark.chaos
@pytest.mark.parametrize("seed", [1, 2])
def test_what_it_starts_from_is_what_it_runs_with(
    gateway: HaproxyRouter, engine: Any, backend: Callable[..., Backend], seed: int
) -> None:
    gateway.clear()
    dice = random.Random(seed)
    addresses = [backend(f"b{number}").address for number in range(4)]
    names, ids = ["rates", "prices", "ünï|,x"], ["d1", "d2", "d3"]
    for generation in range(1, 61):
        match dice.randrange(5):
            case 0:
                gateway.add(dice.choice(ids), dice.sample(addresses, dice.randrange(4)))
            case 1:
                shares = [
                    entry(id, weight) for id, weight in zip(ids, (100, 0, 50), strict=True) if dice.random() < 0.7
                ]
                gateway.apply(dice.choice(names), generation, shares)
            case 2:
                gateway.drain(dice.choice(ids), 0.0)
            case 3:
                guard = Guard(frozenset({"a" * 64}), dice.randrange(9), dice.randrange(9), dice.randrange(9))
                gateway.guard(dice.choice(names), dice.choice([OPEN, guard]))
            case _:
                for name in list(gateway.applied())[:1]:
                    gateway.shadow(name, dice.choice([None, *ids]), dice.randrange(101))
    before = Known(engine, gateway)
    assert before.text == before.kept
    assert before.config == before.rendered
    kill(gateway)
    until(lambda: status_of(gateway, "/health/live") is not None, 30)
    gateway.ensure_running()
    after = Known(engine, gateway)
    assert (after.text, after.servers) == (before.text, before.servers)
    assert (after.kept, after.config) == (before.kept, before.config)
    gateway.clear()
