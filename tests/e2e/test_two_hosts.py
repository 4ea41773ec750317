"""Releases over two Docker hosts by the real daemon: one here, one behind SSH whose link is cut in the middle."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tiny_deck import MODEL, Said, Tiny, make_tiny

pytestmark = [pytest.mark.docker, pytest.mark.e2e, pytest.mark.timeout(400)]

BUSY_S = 240.0  # that a slow machine may need to come to a step
ROW = {"night": "2024-02-01T00:00:00", "rooms": 2, "season": "low"}


class TwoHosts:
    """A deck whose model is served on `near` and `far`, and what clients of each see."""

    def __init__(self, tiny: Tiny, far: Any, port: int) -> None:
        self.tiny = tiny
        self.far = far
        self.at = {"near": ("127.0.0.1", port), "far": (far.ip, 8080)}
        self.answers: Counter[tuple[str, int, int]] = Counter()  # host, status, version

    def ask(self, host: str) -> dict[str, Any]:
        """Ask one host's gateway once, as a client does."""
        link = http.client.HTTPConnection(*self.at[host], timeout=3)
        try:
            link.request("POST", "/rates/predict", json.dumps([ROW]))
            answer = link.getresponse()
            told: dict[str, Any] = json.loads(answer.read())
        finally:
            link.close()
        self.answers[host, answer.status, told.get("version", 0)] += 1
        return told

    @contextmanager
    def traffic(self) -> Iterator[None]:
        """Ask both hosts all the while."""
        over = threading.Event()

        def run(host: str) -> None:
            while not over.wait(0.05):
                try:
                    self.ask(host)
                except OSError:
                    self.answers[host, 0, 0] += 1

        threads = [threading.Thread(target=run, args=(host,)) for host in self.at]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join()

    def train(self) -> int:
        """Train another version."""
        trained: int = self.tiny("train", "rates", "--json").data["result"]["version"]
        return trained

    def serves(self, host: str, version: int) -> None:
        """Wait until a host answers with nothing but a version; one without a server answers that it has none."""

        def answers() -> bool:
            try:
                return {self.ask(host).get("version") for _ in range(10)} == {version}
            except OSError:  # a link that has just come up has no route for a moment
                return False

        self.tiny.wait(answers)

    def faults(self) -> set[str]:
        """Return what stands against deployments and hosts, by the registry."""
        return {one["detail"] for row in self.tiny("deployments", "--json").data for one in row["faults"]}

    def promote_until_cut(self, version: int) -> Said:
        """Promote, take the link down at the far host's first weight step, and return what the command said."""
        said: list[Said] = []
        command = threading.Thread(target=lambda: said.append(self.promote(version)))
        command.start()
        self.tiny.wait(lambda: said or self._is_at_far(), BUSY_S)
        assert not said, said
        self.far.cut()
        command.join()
        return said[0]

    def promote(self, version: int) -> Said:
        """Promote with the time that a slow machine needs, images made and shipped whole where they are not there."""
        return self.tiny("promote", "rates", str(version), "--yes", timeout=240)

    def received_by_far(self, seconds: float) -> int:
        """Return what comes in at the far host in so many seconds."""
        before = self.far.received_bytes()
        time.sleep(seconds)
        received: int = self.far.received_bytes() - before
        return received

    def _is_at_far(self) -> bool:
        rows = self.tiny("deployments", "--json").data
        routes = [row["route"] for row in rows if row["deployment"]["host"] == "far"]
        shares = [[each["weight"] for each in route["entries"] if each["weight"]] for route in routes if route]
        return [50, 50] in shares  # what is kept warm stands in the route too, with no share


@pytest.fixture(scope="module")
def fleet(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest, engine_url: str, second_engine: Any
) -> Iterator[TwoHosts]:
    """A deck on both engines, its images' base and dependencies kept from one run of the tests to the next."""
    tiny = make_tiny(tmp_path_factory.mktemp("home"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    tiny.write_model(MODEL.replace("[deploy]", '[deploy]\nhosts = ["local"]').replace('"1s"', '"60s"'))
    assert tiny("hosts", "add", "near", engine_url, "--port", str(port)).code == 0
    far = ["hosts", "add", "far", second_engine.address, "--listen", "0.0.0.0", "--host-key", second_engine.host_key]
    added = tiny(*far, "--identity", str(second_engine.identity))
    assert added.code == 0, added
    tiny.write_model(MODEL.replace("[deploy]", '[deploy]\nhosts = ["near", "far"]').replace('"1s"', '"60s"'))
    (tiny.root / ".modeldeck" / "images").symlink_to(request.config.cache.mkdir("images"))
    made = TwoHosts(tiny, second_engine, port)
    promoted = made.promote(made.train())
    assert promoted.code == 0, promoted
    yield made
    if second_engine.is_cut:
        second_engine.mend()
    assert tiny("daemon", "stop", "--all").code == 0


@pytest.fixture
def champion(fleet: TwoHosts) -> int:
    """The version that serves on both hosts, the link up and nothing open."""
    if fleet.far.is_cut:
        fleet.far.mend()
    if fleet.tiny("releases", "--json").data[0]["state"] in ("running", "held"):
        fleet.tiny("releases", "abort", "rates", "--yes")
    fleet.tiny.wait(lambda: not fleet.faults())
    found = fleet.tiny.champion()
    assert found is not None
    for host in fleet.at:
        fleet.serves(host, found)
    return found


def test_a_release_goes_over_two_hosts_and_ships_only_what_is_missing(fleet: TwoHosts, champion: int) -> None:
    newer = fleet.train()
    fleet.answers.clear()
    with fleet.traffic():
        usual = fleet.received_by_far(5.0) / 5.0  # predictions and looks, a second
        begun = time.monotonic()
        before = fleet.far.received_bytes()
        promoted = fleet.promote(newer)
        over_the_wire = fleet.far.received_bytes() - before - usual * (time.monotonic() - begun)
    assert promoted.code == 0, promoted
    assert over_the_wire < 1_000_000, (over_the_wire, usual)
    release = fleet.tiny("releases", "--json").data[0]["id"]
    told = str(fleet.tiny("show", "release", release, "--json").data)  # a progress line may be over before it is read
    assert "bytes_sent" in told, told
    assert {status for _, status, _ in fleet.answers} == {200}, fleet.answers
    for host in fleet.at:
        assert fleet.answers[host, 200, champion] > 0
        fleet.serves(host, newer)
    assert fleet.tiny.champion() == newer


def test_a_host_cut_off_in_mid_release_holds_it_until_it_is_back_and_converged(fleet: TwoHosts, champion: int) -> None:
    newer = fleet.train()
    with fleet.traffic():
        held = fleet.promote_until_cut(newer)
        assert held.code == 7, held
        assert "far has not answered since" in held.err
        assert "modeldeck deployments converge rates" in held.err
        assert fleet.tiny.champion() == champion
        refused = fleet.tiny("deployments", "converge", "rates", "--yes").refusal(2)
        assert "host far" in refused
        assert any("host far" in fault for fault in fleet.faults())
        (shown,) = fleet.tiny("endpoints", "--json").data
        assert any("host far" in fault["detail"] for fault in shown["faults"])
        assert "! host far" in fleet.tiny("endpoints").out
        fleet.answers.clear()
        fleet.tiny.wait(lambda: fleet.answers["near", 200, newer] > 5)
        assert {status for host, status, _ in fleet.answers if host == "near"} == {200}
        fleet.far.mend()
        fleet.tiny.wait(lambda: not fleet.faults())
        planned = fleet.tiny("deployments", "converge", "rates", "--dry-run", "--json").data
        assert [step["kind"] for step in planned["plan"]["steps"]][-1] == "resume"
        converged = fleet.tiny("deployments", "converge", "rates", "--yes")
        assert converged.code == 0, converged
    assert fleet.tiny.champion() == newer
    fleet.serves("far", newer)
    assert fleet.tiny("deployments", "converge", "rates", "--yes").out == "already converged: rates\n"
    actions = [event["action"] for event in fleet.tiny("events", "--json", "--limit", "60").data]
    assert {"fault.found", "release.held", "fault.cleared", "release.completed"} <= set(actions)


def test_a_completed_release_is_rolled_back_while_a_host_is_cut_off(fleet: TwoHosts, champion: int) -> None:
    newer = fleet.train()
    with fleet.traffic():
        promoted = fleet.promote(newer)
        assert promoted.code == 0, promoted
    fleet.far.cut()
    fleet.tiny.wait(fleet.faults)
    back = fleet.tiny("rollback", "rates", "--yes")
    assert back.code == 0, back
    assert fleet.tiny.champion() == champion
    fleet.serves("near", champion)
    fleet.far.mend()
    fleet.serves("far", champion)


def test_an_abort_while_a_host_is_cut_off_returns_that_host_when_it_is_back(fleet: TwoHosts, champion: int) -> None:
    newer = fleet.train()
    with fleet.traffic():
        held = fleet.promote_until_cut(newer)
        assert held.code == 7, held
        aborted = fleet.tiny("releases", "abort", "rates", "--yes")
        assert aborted.code == 0, aborted
        assert "returns when it is back: far" in aborted.err
        assert fleet.tiny.champion() == champion
        fleet.serves("near", champion)
        fleet.far.mend()
        fleet.serves("far", champion)
    fleet.tiny.wait(lambda: fleet.tiny("deployments", "converge", "rates", "--yes").out.startswith("already converged"))
    assert not fleet.faults()
    assert {status for host, status, _ in fleet.answers if host == "near"} == {200}


def test_a_disk_that_is_full_stops_a_release_in_one_line_and_nothing_of_it_stays(
    fleet: TwoHosts, champion: int
) -> None:
    newer = fleet.train()
    fleet.answers.clear()
    with fleet.traffic():
        try:
            fleet.far.fill_disk(leaving=0)
            refused = fleet.promote(newer)
        finally:
            fleet.far.free_disk()
        line = refused.refusal(1)
        assert "no space left on device" in line, refused
        assert "far" in line, refused
        assert fleet.tiny.champion() == champion
        fleet.serves("near", champion)
        fleet.serves("far", champion)
        assert {status for host, status, _ in fleet.answers if host == "near"} == {200}
        assert newer not in {version for host, _, version in fleet.answers if host == "far"}
        again = fleet.promote(newer)
        assert again.code == 0, again
    fleet.serves("far", newer)


def _of(version: int) -> str:
    return f"label=modeldeck.version={version}"


def _container(fleet: TwoHosts, version: int) -> tuple[str, str]:
    """Return id and image of the container that serves a version on the far host."""
    listed = _docker(fleet, "ps", "--quiet", "--filter", "label=modeldeck.kind=model", "--filter")
    (found,) = listed(_of(version)).split()
    return found, _docker(fleet, "inspect", "--format", "{{.Image}}")(found).strip()


def _docker(fleet: TwoHosts, *words: str) -> Any:
    def run(*more: str) -> str:
        command = ["docker", "--host", fleet.far.url, *words, *more]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    return run


def _events(fleet: TwoHosts, after: int) -> list[str]:
    found = fleet.tiny("events", "--json", "--limit", "200").data
    return [f"{one['action']}: {one['reason']}" for one in found if one["seq"] > after]


def _found(fleet: TwoHosts, after: int, told: tuple[str, ...]) -> bool:
    return any(line.startswith("fault.found") and any(one in line for one in told) for line in _events(fleet, after))


def _newest(fleet: TwoHosts) -> int:
    newest: int = fleet.tiny("events", "--json", "--limit", "1").data[0]["seq"]
    return newest


GONE = ("its container was removed", "ended with code 137")  # docker kills what it removes: a look may see either


@pytest.mark.parametrize(
    ("deed", "told"),
    [
        ("kill", GONE[1:]),
        ("rm --force", GONE),
    ],
)
def test_what_another_hand_does_to_a_container_is_an_event_and_undone(
    fleet: TwoHosts, champion: int, deed: str, told: tuple[str, ...]
) -> None:
    seq = _newest(fleet)
    container, _ = _container(fleet, champion)
    _docker(fleet, *deed.split())(container)
    fleet.tiny.wait(lambda: _found(fleet, seq, told))
    _serves_again(fleet, seq, champion)


def test_a_container_that_another_hand_restarts_is_told_as_what_became_of_it(fleet: TwoHosts, champion: int) -> None:
    seq = _newest(fleet)
    container, _ = _container(fleet, champion)
    _docker(fleet, "restart", "--time", "1")(container)
    fleet.tiny.wait(lambda: _found(fleet, seq, ("",)))
    _serves_again(fleet, seq, champion)
    # one that a look found down, between its end and its start, was replaced, and is told as ended
    goes_on = _container(fleet, champion)[0] == container
    assert _found(fleet, seq, ("was started again",)) == goes_on, _events(fleet, seq)
    assert _found(fleet, seq, ("ended with code",)) != goes_on, _events(fleet, seq)


def _serves_again(fleet: TwoHosts, seq: int, champion: int) -> None:
    """Wait until the far host says so, and answers."""
    fleet.tiny.wait(lambda: any("fault.cleared" in line and "ready again" in line for line in _events(fleet, seq)))
    fleet.serves("far", champion)


def test_a_prediction_made_on_the_far_host_is_traced_to_its_container_its_data_and_a_person(
    fleet: TwoHosts, champion: int
) -> None:
    asked = fleet.ask("far")["predictions"][0]["prediction_id"]
    said = fleet.tiny.wait(lambda: (found := fleet.tiny("trace", asked, "--json")).code == 0 and found)
    traced = said.data
    container, image = _container(fleet, champion)
    assert (traced["host"], traced["version"], traced["kind"], traced["image"]) == ("far", champion, "live", image)
    (named,) = traced["containers"]
    assert named.endswith(container[:12])
    version = next(one for one in fleet.tiny("versions", "rates", "--json").data if one["number"] == champion)
    assert (traced["run"], traced["snapshot"]) == (version["run_id"], version["snapshot_id"])
    assert traced["released_by"].startswith("user:")
    assert traced["outcome"] is None
    unknown = fleet.tiny("trace", "nothing-0")
    assert unknown.refusal(3).startswith("no prediction 'nothing-0' is on the log")


def test_an_image_deleted_with_its_container_is_sent_again(fleet: TwoHosts, champion: int) -> None:
    seq = _newest(fleet)
    container, image = _container(fleet, champion)
    _docker(fleet, "rm", "--force")(container)
    subprocess.run(["docker", "--host", fleet.far.url, "rmi", "--force", image], check=False, capture_output=True)
    fleet.tiny.wait(lambda: _found(fleet, seq, GONE))
    fleet.serves("far", champion)


def test_an_artifact_changed_on_the_host_is_found_and_converged(fleet: TwoHosts, champion: int) -> None:
    container, image = _container(fleet, champion)
    layer = Path(_docker(fleet, "inspect", "--format", "{{.GraphDriver.Data.UpperDir}}")(image).strip())
    (artifact,) = layer.rglob("model.skops")
    with artifact.open("ab") as file:
        file.write(b"another")
    fleet.tiny.wait(lambda: any("was changed on the host" in fault for fault in fleet.faults()))
    converged = fleet.tiny("deployments", "converge", "rates", "--yes")
    assert converged.code == 0, converged
    fleet.tiny.wait(lambda: not fleet.faults())
    assert _container(fleet, champion)[0] != container
    fleet.serves("far", champion)


def test_an_engine_that_is_restarted_is_told_and_its_containers_serve_again(fleet: TwoHosts, champion: int) -> None:
    seq = _newest(fleet)
    fleet.far.restart_engine()
    fleet.tiny.wait(lambda: any("fault.found" in line for line in _events(fleet, seq)))
    fleet.tiny.wait(lambda: not fleet.faults())
    fleet.serves("far", champion)
