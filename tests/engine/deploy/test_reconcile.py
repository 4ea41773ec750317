"""The registry says what should be, and real processes follow: started, routed, killed, adopted, drained."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from engine.deploy import process_router, process_runtime
from engine.deploy.probe import golden_latency
from engine.deploy.reconcile import Reconciler
from engine.serving.process_id import is_alive
from engine.settings.model import HostSettings
from store import deployments, events, faults
from store.errors import PortInUse, WorkFailed

RATE = 200  # requests per second
LOAD_S = 3.0


class Load:
    """Requests at a fixed rate over loopback through the router, from several clients."""

    def __init__(self, world: Any, rate: int = RATE, seconds: float = LOAD_S, clients: int = 16) -> None:
        self._world = world
        self._count = int(rate * seconds)
        self._rate = rate
        self._next = iter(range(self._count))
        self._lock = threading.Lock()
        self._begun = time.monotonic()
        self.acknowledged: list[str] = []
        self.versions: list[int] = []
        self.failures: list[tuple[int, Any]] = []
        self.sent = 0
        self._threads = [threading.Thread(target=self._run) for _ in range(clients)]

    def _run(self) -> None:
        while True:
            with self._lock:
                number = next(self._next, None)
            if number is None:
                return
            time.sleep(max(0.0, self._begun + number / self._rate - time.monotonic()))
            self.sent += 1
            try:
                status, answer = self._world.ask()
            except OSError as error:
                self.failures.append((0, error))
                continue
            if status == 200:
                self.acknowledged += [record["prediction_id"] for record in answer["predictions"]]
                self.versions.append(answer["version"])
            else:
                self.failures.append((status, answer))

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for thread in self._threads:
            thread.join(30)


@pytest.mark.chaos
def test_a_server_killed_under_load_costs_no_request_and_no_acknowledged_row(world: Any) -> None:
    deployment = world.serve(replicas=2)
    victim = world.replicas(deployment)[0]
    with world.background(), Load(world) as load:
        while load.sent < RATE:
            time.sleep(0.005)
        os.kill(victim.pid, signal.SIGKILL)
    assert load.failures == []
    assert len(load.acknowledged) == RATE * LOAD_S
    logged = {line["prediction_id"] for line in world.logged()}
    assert [id for id in load.acknowledged if id not in logged] == []
    world.until(lambda: world.states(deployment) == ["ready", "ready"])
    assert world.replicas(deployment)[0].pid != victim.pid
    assert world.replicas(deployment)[0].port == victim.port


@pytest.mark.chaos
def test_the_only_server_killed_under_load_is_back_before_any_request_fails(serving: Any) -> None:
    victim = serving.replicas(serving.champion())[0]
    with serving.background(), Load(serving) as load:
        while load.sent < RATE / 2:
            time.sleep(0.005)
        os.kill(victim.pid, signal.SIGKILL)
    assert load.failures == []
    assert len(load.acknowledged) == RATE * LOAD_S
    assert set(load.acknowledged) <= {line["prediction_id"] for line in serving.logged()}


def test_servers_outlive_their_reconciler_and_the_next_one_adopts_them(serving: Any) -> None:
    champion = serving.champion()
    serving.until(lambda: serving.states(champion) == ["ready"])
    (before,) = serving.replicas(champion)
    serving.succeed()
    assert serving.ask()[0] == 200
    for _ in range(3):
        serving.tick()
    (after,) = serving.replicas(champion)
    assert (after.pid, after.port, after.state) == (before.pid, before.port, "ready")
    os.kill(before.pid, signal.SIGKILL)
    serving.until(lambda: serving.states(champion) == ["ready"] and serving.replicas(champion)[0].pid != before.pid)
    assert serving.ask()[0] == 200


def test_what_a_server_uses_is_on_record_with_it(serving: Any) -> None:
    champion = serving.champion()

    def predictions() -> int:
        return int(serving.replicas(champion)[0].proof.get("used", {}).get("predictions", 0))

    before = predictions()
    for _ in range(3):
        assert serving.ask()[0] == 200
    serving.until(lambda: predictions() >= before + 3)
    used = serving.replicas(champion)[0].proof["used"]
    assert used["requests"] >= 3
    assert used["cpu_s"] > 0


def test_reconciler_says_what_it_did(world: Any) -> None:
    champion = world.serve()
    (server,) = world.replicas(champion)
    said = [deed.text for deed in world.reconciler.deeds._newest]
    wanted = (
        "server rates@1 (1) started",
        "server rates@1 (1) is ready",
        "route applied: rates on local, generation 1",
    )
    assert set(wanted) <= set(said)
    world.succeed()
    world.tick()
    said = [deed.text for deed in world.reconciler.deeds._newest]
    assert said[:2] == ["looks after 1 deployment on local", "server rates@1 (1) taken over"]
    os.kill(server.pid, signal.SIGKILL)
    world.until(lambda: world.replicas(champion)[0].pid not in (None, server.pid))
    said = [deed.text for deed in world.reconciler.deeds._newest]
    assert "server rates@1 (1) ended; it is started again" in said  # no child of its new reconciler
    assert world.reconciler.deeds.last.at > 0


def test_a_killed_router_comes_back_with_its_routes(serving: Any) -> None:
    address = serving.url()
    router = serving.reconciler._routing.router.hello()
    os.kill(router["pid"], signal.SIGKILL)
    serving.until(lambda: serving.reconciler._routing.router.hello()["pid"] != router["pid"])
    assert serving.url() == address
    assert serving.ask()[0] == 200


def test_a_router_that_comes_back_on_another_port_is_told_of_at_its_new_address(
    serving: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    was = serving.url()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setattr(process_runtime, "declared", lambda _deck, _host: HostSettings("local", port=port))
    serving.reconciler._routing.router.stop()
    serving.succeed()
    serving.until(lambda: serving.url() != was)
    assert f":{port}/" in serving.url()
    assert serving.ask()[0] == 200


def test_a_router_that_an_older_version_left_is_replaced_at_its_port(
    serving: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    was, pid = serving.url(), serving.reconciler._routing.router.hello()["pid"]
    serving.succeed()
    for _ in range(3):
        serving.tick()
    assert serving.reconciler._routing.router.hello()["pid"] == pid  # one that takes the same orders stays
    monkeypatch.setattr(process_router, "ORDERS", process_router.ORDERS + 1)
    serving.succeed()
    serving.until(lambda: serving.reconciler._routing.router.hello()["pid"] != pid)
    newer = serving.reconciler._routing.router.hello()["pid"]
    for _ in range(3):
        serving.tick()
    assert serving.reconciler._routing.router.hello()["pid"] == newer
    assert serving.url() == was
    assert serving.ask()[0] == 200


def test_another_declared_port_moves_the_router_and_cuts_nobody_off(
    serving: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    was, pid = serving.url(), serving.reconciler._routing.router.hello()["pid"]
    client = serving.connect()
    client.connect()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(process_runtime, "declared", lambda _deck, _host: HostSettings("local", port=port))
        serving.until(lambda: faults.standing(serving.deck.database, "local"))
        [fault] = faults.standing(serving.deck.database, "local")
        assert f"port {port} on 127.0.0.1 cannot be listened on (address already in use)" in fault.detail
        assert serving.url() == was
        assert serving.ask()[0] == 200
    serving.until(lambda: serving.url() != was)
    assert serving.url() == f"http://127.0.0.1:{port}/rates"
    assert serving.ask()[0] == 200
    assert serving.reconciler._routing.router.hello()["pid"] == pid
    client.request("POST", "/rates/predict", "[]")
    assert client.getresponse().status == 400  # over the old port, by a router that reads and answers
    client.close()
    serving.until(lambda: not faults.standing(serving.deck.database, "local"))
    told = [event.reason for event in events.events(serving.deck.database) if event.subject_kind == "fault"]
    assert told[:2] == [f"no more: {fault.detail}", fault.detail]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((client.host, client.port), timeout=5)


def test_a_server_that_cannot_write_its_log_is_unready_until_it_can(
    world: Any, caplog: pytest.LogCaptureFixture
) -> None:
    champion = world.serve()
    (server,) = world.replicas(champion)
    folder = world.deck.workspace.segments / server.id
    aside = folder.with_name("aside")
    os.kill(server.pid, signal.SIGKILL)  # so that its next segment must be opened
    world.until(lambda: world.replicas(champion)[0].pid not in (None, server.pid))
    assert "rates@1 (1) killed by SIGKILL" in caplog.text
    world.until(lambda: world.states(champion) == ["ready"])
    folder.rename(aside)
    assert world.ask()[0] == 503
    world.until(lambda: world.states(champion) == ["unready"])
    assert "cannot be written: No such file" in world.replicas(champion)[0].detail
    aside.rename(folder)
    assert world.ask()[0] == 200
    world.until(lambda: world.states(champion) == ["ready"])


def test_a_version_whose_golden_answers_differ_gets_no_traffic(serving: Any) -> None:
    wrong = b'{"contract":1,"requests":[{"nights":1,"price":2.0}],"answers":[{"value":99.0}]}'
    golden = serving.deck.artifacts.put_bytes(wrong)
    new = serving.deploy(serving.register(golden_hash=golden), role="challenger")
    before = serving.applied()
    serving.route((serving.champion(), 0), (new, 100))
    serving.until(lambda: serving.states(new) == ["unready"])
    assert serving.replicas(new)[0].detail.startswith("1 of 1 golden answers differ: request 0 column 'value'")
    assert "golden" not in serving.replicas(new)[0].proof
    assert serving.applied() == before
    assert serving.ask()[1]["version"] == 1
    serving.desire(new, "stopped")
    serving.until(lambda: not serving.replicas(new))


def test_a_corrupt_artifact_is_refused_in_one_line_and_the_champion_serves_on(serving: Any) -> None:
    version = serving.register(slope=3.0)
    serving.deck.artifacts.path(version.artifact_hash).write_bytes(b"damaged")
    new = serving.deploy(version, role="challenger")
    serving.until(lambda: serving.states(new) == ["exited"])
    assert "is corrupt: its bytes do not match its hash" in serving.replicas(new)[0].detail
    assert serving.ask()[1]["version"] == 1
    serving.desire(new, "stopped")
    serving.until(lambda: not serving.replicas(new))


def test_latency_is_measured_by_golden_requests_that_are_not_live(serving: Any) -> None:
    recorded = json.loads(serving.deck.artifacts.read(serving.version(1).golden_hash))
    url = f"http://127.0.0.1:{serving.replicas(serving.champion())[0].port}"
    before = len(serving.logged())
    times = golden_latency(url, recorded, 40)
    assert len(times) == 40
    assert all(ms > 0 for ms in times)
    assert {line["kind"] for line in serving.logged()} == {"live", "golden"}
    assert len(serving.logged()) == before + 40
    with pytest.raises(WorkFailed, match="does not answer"):
        golden_latency("http://127.0.0.1:1", recorded, 1)


def test_a_release_moves_the_traffic_by_generation_and_drains_the_old_version(world: Any) -> None:
    old = world.serve()
    assert world.url().endswith("/rates")
    new = world.deploy(world.version(2), role="challenger")
    second = world.route((old, 50), (new, 50))
    world.tick()
    assert world.applied() == 1  # not before the new version has answered its golden requests
    world.until(lambda: world.applied() == second)
    assert {answer["version"] for _, answer in (world.ask() for _ in range(8))} == {1, 2}
    third = world.route((new, 100))
    world.desire(old, "warm")
    world.until(lambda: world.applied() == third)
    assert {answer["version"] for _, answer in (world.ask() for _ in range(4))} == {2}
    assert world.states(old) == ["ready"]  # warm: the way back is a route change
    (kept,) = world.replicas(old)
    world.desire(old, "stopped")
    world.until(lambda: not world.replicas(old))
    assert not Path(f"/proc/{kept.pid}").exists()
    assert [one.id for one in deployments.deployments(world.deck.database, endpoint="rates")] == [new.id]
    spans = deployments.route_history(world.deck.database, "rates")
    assert [(span.version, span.weight) for span in spans if span.to_at is None] == [(2, 100)]


def test_a_server_that_keeps_dying_is_started_ever_more_slowly(world: Any) -> None:
    new = world.deploy(world.version(1))
    world.until(lambda: world.reconciler._replicas)
    (replica,) = world.reconciler._replicas.values()
    waits = []
    for _ in range(3):
        world.until(lambda: replica.has_process)
        replica._process.kill()
        replica._process.wait(10)
        before = world.deck.clock.boottime()
        world.until(lambda: world.states(new) == ["exited"] or replica.has_process)
        waits.append(round(max(0.0, replica.may_start - before), 1))
    assert waits == [0.0, 0.5, 1.0]
    assert world.replicas(new)[0].detail.startswith("killed by SIGKILL")
    world.until(lambda: world.states(new) == ["starting"])
    assert world.replicas(new)[0].proof["ends"] == 3  # a look that missed each end still counts them
    world.until(lambda: world.states(new) == ["ready"])
    assert "ends" not in world.replicas(new)[0].proof


def test_a_port_in_use_is_said_and_the_servers_run_on(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(process_runtime, "declared", lambda _deck, _host: HostSettings("local", port=port))
        deployment = world.deploy(world.version(1))
        world.route((deployment, 100))
        world.until(lambda: world.states(deployment) == ["ready"] and faults.standing(world.deck.database, "local"))
        [fault] = faults.standing(world.deck.database, "local")
        assert world.applied() == 0
    assert isinstance(world.troubles[0], PortInUse)
    assert f"port {port} on 127.0.0.1 cannot be bound" in world.troubles[0].message
    assert fault.detail == f"local: {world.troubles[0].message}"
    world.until(lambda: world.applied() == 1)
    assert faults.standing(world.deck.database, "local") == []


def test_closing_with_the_servers_ends_every_process(world: Any) -> None:
    deployment = world.serve()
    (server,) = world.replicas(deployment)
    assert [one.servers for one in deployments.endpoints(world.deck.database)] == [1]
    router = world.reconciler._routing.router.hello()
    world.succeed()
    world.reconciler.close(stop_servers=True)
    assert not is_alive(router["pid"], router["pid_started"])
    assert not is_alive(server.pid, server.pid_started)
    assert world.states(deployment) == ["exited"]
    assert [one.servers for one in deployments.endpoints(world.deck.database)] == [0]
    assert list(world.deck.workspace.segments.glob("*/*.open")) == []
    world.reconciler = Reconciler(world.deck)
