"""What hostile clients and names do to a gateway, and what it starts from."""

from __future__ import annotations

import collections
import json
import random
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from gateways import Known, kill, port_of, serve, status_of
from servers import Backend, Client, entry, until

from engine.deploy.haproxy.router import HaproxyRouter
from engine.deploy.router import OPEN, Guard
from store.errors import Refused

pytestmark = pytest.mark.docker


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
