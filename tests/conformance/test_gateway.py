"""The gateway of a Docker host beyond what every router does: killed, replaced, overrun, and asked with bad intent."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gateways import Load, kill, port_of, serve, status_of
from servers import Backend, Client, until

from engine.deploy.haproxy.router import HaproxyRouter
from store.errors import PortInUse

pytestmark = pytest.mark.docker


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
