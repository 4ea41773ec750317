"""What every router must do, over real connections: the process host's own, and the gateway of a Docker host.

Each router is driven through the `Router` Protocol alone; the servers behind it are plain HTTP servers that say who
they are.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from servers import AnyRouter, Backend, Client, entry, until

from engine.deploy.gateway.table import point_of
from engine.serving.request_ids import is_request_id
from store.errors import PortInUse, Unavailable


def test_a_request_reaches_the_deployment_with_its_path_and_body(
    router: AnyRouter, client: Client, backend: Callable[..., Backend]
) -> None:
    one = backend("one")
    router.add("d1", [one.address])
    router.apply("rates", 1, [entry("d1", 100)])
    assert router.applied() == {"rates": 1}
    assert router.entries("rates") == [entry("d1", 100)]
    headers = {"X-Modeldeck-Client-Id": "c-1", "X-Modeldeck-Request-Id": "forged", "X-Modeldeck-Kind": "golden"}
    status, answer, told = client.ask("/rates/predict?x=1", b'[{"a":1}]', headers)
    assert (status, answer["name"]) == (200, "one")
    (seen,) = one.seen
    assert (seen["path"], seen["body"]) == ("/predict?x=1", '[{"a":1}]')
    assert is_request_id(seen["headers"]["x-modeldeck-request-id"])
    assert told["x-modeldeck-request-id"] == seen["headers"]["x-modeldeck-request-id"]
    assert seen["headers"]["x-modeldeck-client-id"] == "c-1"
    assert seen["headers"]["x-modeldeck-kind"] == "live"
    client.ask("/v2/models/rates/infer")
    assert one.seen[1]["path"] == "/v2/models/rates/infer"


def test_connections_to_servers_are_kept(router: AnyRouter, client: Client, backend: Callable[..., Backend]) -> None:
    one = backend("one")
    router.add("d1", [one.address])
    router.apply("rates", 1, [entry("d1", 100)])
    client.names(30)
    assert len({seen["from"] for seen in one.seen}) == 1


def test_weights_divide_the_traffic(router: AnyRouter, client: Client, backend: Callable[..., Backend]) -> None:
    for name in ("old", "new"):
        router.add(name, [backend(name).address])
    router.apply("rates", 1, [entry("old", 90), entry("new", 10, 2, "challenger")])
    assert 14 <= client.names(200)["new"] <= 26
    router.apply("rates", 2, [entry("old", 50), entry("new", 50, 2, "challenger")])
    assert 45 <= client.names(100)["new"] <= 55
    router.apply("rates", 3, [entry("new", 100, 2)])
    assert client.names(20) == {"new": 20}


def test_a_key_stays_with_its_version_while_the_new_share_grows(
    router: AnyRouter, client: Client, backend: Callable[..., Backend]
) -> None:
    for name in ("old", "new"):
        router.add(name, [backend(name).address])
    keys = [{"X-Modeldeck-Key": f"guest-{number}"} for number in range(60)]

    def places(weight: int, generation: int) -> list[str]:
        router.apply("rates", generation, [entry("old", 100 - weight), entry("new", weight, 2, "challenger")])
        first = [client.ask(headers=key)[1]["name"] for key in keys]
        assert [client.ask(headers=key)[1]["name"] for key in keys] == first
        return first

    small, large = places(20, 1), places(60, 2)
    assert 0 < small.count("new") < large.count("new")
    assert all(after == "new" for before, after in zip(small, large, strict=True) if before == "new")


def test_a_key_falls_on_the_same_version_whichever_router_a_host_has(
    router: AnyRouter, client: Client, backend: Callable[..., Backend]
) -> None:
    for name in ("old", "new"):
        router.add(name, [backend(name).address])
    router.apply("rates", 1, [entry("old", 60), entry("new", 40, 2, "challenger")])
    keys = [f"guest-{number}" for number in range(40)]
    told = [client.ask(headers={"X-Modeldeck-Key": key})[1]["name"] for key in keys]
    assert told == ["new" if point_of(key.encode()) < 0.4 else "old" for key in keys]


def test_an_older_generation_is_ignored(router: AnyRouter, client: Client, backend: Callable[..., Backend]) -> None:
    for name in ("old", "new"):
        router.add(name, [backend(name).address])
    router.apply("rates", 5, [entry("new", 100)])
    router.apply("rates", 4, [entry("old", 100)])
    assert router.applied() == {"rates": 5}
    assert client.names(3) == {"new": 3}


def test_replicas_of_one_deployment_share_the_load(
    router: AnyRouter, client: Client, backend: Callable[..., Backend]
) -> None:
    busy, free = backend("busy"), backend("free")
    router.add("d1", [busy.address, free.address])
    router.apply("rates", 1, [entry("d1", 100)])
    busy.gate.clear()
    with ThreadPoolExecutor(1) as pool:
        other = Client(router)
        slow = pool.submit(other.ask)
        until(lambda: busy.seen or free.seen)
        if busy.seen:
            assert client.names(3) == {"free": 3}
        busy.gate.set()
        assert slow.result(10)[0] == 200
        other.close()


def test_a_dead_replica_costs_no_request_and_the_id_stays(
    router: AnyRouter, client: Client, backend: Callable[..., Backend]
) -> None:
    first, second = backend("first"), backend("second")
    router.add("d1", [first.address, second.address])
    router.apply("rates", 1, [entry("d1", 100)])
    first.gate.clear()
    second.gate.clear()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(client.ask)
        until(lambda: first.seen or second.seen)
        dying, other = (first, second) if first.seen else (second, first)
        other.gate.set()
        dying.kill()
        status, answer, _ = asked.result(10)
    assert (status, answer["name"]) == (200, other.name)
    assert dying.seen[0]["headers"]["x-modeldeck-request-id"] == answer["id"]


def test_another_version_answers_when_the_chosen_one_is_gone(
    router: AnyRouter, client: Client, backend: Callable[..., Backend]
) -> None:
    old, new = backend("old"), backend("new")
    router.add("old", [old.address])
    router.add("new", [new.address])
    router.apply("rates", 1, [entry("old", 50), entry("new", 50, 2, "challenger")])
    new.kill()
    assert client.names(20) == {"old": 20}


def test_a_request_waits_for_a_server_that_comes_back(
    router: AnyRouter, client: Client, backend: Callable[..., Backend]
) -> None:
    one = backend("one")
    router.add("d1", [one.address])
    router.apply("rates", 1, [entry("d1", 100)])
    assert client.ask()[0] == 200
    one.kill()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(client.ask)
        until(asked.running)
        again = backend("again", int(one.address.rpartition(":")[2]))
        assert asked.result(10)[1]["name"] == "again"
    assert again.seen


def test_nothing_there_is_a_503_with_a_reason(router: AnyRouter, client: Client) -> None:
    router.apply("rates", 1, [entry("d1", 100)])
    status, answer, told = client.ask()
    assert (status, told["retry-after"]) == (503, "1")
    assert answer["error"]["code"] == "no_server"
    assert "nothing serves rates" in answer["error"]["message"]


def test_an_unknown_endpoint_or_version_is_a_404(
    router: AnyRouter, client: Client, backend: Callable[..., Backend]
) -> None:
    router.add("d1", [backend("one").address])
    router.apply("rates", 1, [entry("d1", 100)])
    status, answer, _ = client.ask("/rate/predict")
    assert (status, answer["error"]["message"]) == (404, "no endpoint 'rate' here; endpoints: rates")
    assert client.ask("/v2/models/rates/versions/9/infer")[0] == 404
    status, answer, _ = client.ask("/v2/models/rate/infer")
    assert (status, answer) == (404, {"error": "no endpoint 'rate' here; endpoints: rates"})
    assert client.ask("/v2/models/rates/versions/1/infer")[0] == 200
    assert client.ask("/nothing", None)[0] == 404


def test_a_header_reaches_any_version_that_runs_and_is_kept_out_of_the_comparison(
    router: AnyRouter, client: Client, backend: Callable[..., Backend]
) -> None:
    old, new = backend("old"), backend("new")
    router.add("old", [old.address])
    router.add("new", [new.address])
    router.apply("rates", 1, [entry("old", 100), entry("new", 0, 7, "warm"), entry("gone", 0, 8, "warm")])
    router.shadow("rates", "old", 100)
    assert client.names(3, {"X-Modeldeck-Version": "7"}) == {"new": 3}
    assert {seen["headers"]["x-modeldeck-kind"] for seen in new.seen} == {"direct"}
    assert [seen["headers"]["x-modeldeck-kind"] for seen in old.seen] == []
    router.shadow("rates", None)
    assert client.ask()[1]["name"] == "old"
    assert old.seen[0]["headers"]["x-modeldeck-kind"] == "live"
    status, answer, _ = client.ask(headers={"X-Modeldeck-Version": "9"})
    assert (status, answer["error"]) == (
        404,
        {"code": "unknown_version", "message": "rates does not serve version 9 here"},
    )
    status, answer, _ = client.ask(headers={"X-Modeldeck-Version": "8"})
    assert (status, answer["error"]) == (
        409,
        {"code": "not_running", "message": "no server of rates version 8 runs here now"},
    )


def test_too_large_a_body_is_a_413(router: AnyRouter, client: Client) -> None:
    status, answer, _ = client.ask(body=b" " * (16 * 1024 * 1024 + 1))
    assert (status, answer["error"]["code"]) == (413, "too_large")


def test_a_drained_deployment_gets_nothing_new(
    router: AnyRouter, client: Client, backend: Callable[..., Backend]
) -> None:
    old, new = backend("old"), backend("new")
    router.add("old", [old.address])
    router.add("new", [new.address])
    router.apply("rates", 1, [entry("old", 100), entry("new", 0, 2, "warm")])
    old.gate.clear()
    with ThreadPoolExecutor(1) as pool:
        other = Client(router)
        slow = pool.submit(other.ask)
        until(lambda: old.seen)
        router.apply("rates", 2, [entry("new", 100, 2)])
        assert router.drain("old", 0.05) is False
        assert client.names(3) == {"new": 3}
        old.gate.set()
        assert slow.result(10)[1]["name"] == "old"
        other.close()
    assert router.drain("old", 5.0) is True
    assert len(old.seen) == 1


def test_a_shadow_gets_copies_and_its_answers_are_dropped(
    router: AnyRouter, client: Client, backend: Callable[..., Backend]
) -> None:
    main, shadow = backend("main"), backend("shadow")
    router.add("d1", [main.address])
    router.add("d2", [shadow.address])
    router.apply("rates", 1, [entry("d1", 100)])
    router.shadow("rates", "d2", 100)
    assert client.names(5) == {"main": 5}
    until(lambda: len(shadow.seen) == 5)
    assert {seen["headers"]["x-modeldeck-kind"] for seen in shadow.seen} == {"shadow"}
    assert {seen["headers"]["x-modeldeck-request-id"] for seen in shadow.seen} == {
        seen["headers"]["x-modeldeck-request-id"] for seen in main.seen
    }
    router.shadow("rates", None)
    client.names(3)
    assert len(shadow.seen) == 5


def test_stats_count_by_deployment(router: AnyRouter, client: Client, backend: Callable[..., Backend]) -> None:
    router.add("d1", [backend("one").address])
    router.apply("rates", 1, [entry("d1", 100)])
    client.names(7)
    stats = router.stats()["d1"]
    assert (stats.requests, stats.errors, stats.in_flight, sum(stats.latency)) == (7, 0, 0, 7)
    text = client.ask("/metrics", None)[1]
    assert 'modeldeck_router_requests_total{deployment="d1"} 7' in text.splitlines()


def test_a_killed_router_comes_back_as_it_was(router: AnyRouter, backend: Callable[..., Backend]) -> None:
    router.add("d1", [backend("one").address])
    router.apply("rates", 3, [entry("d1", 100)])
    address, told = router.address(), router.hello()
    os.kill(told["pid"], signal.SIGKILL)
    with pytest.raises(Unavailable):
        until(lambda: router.applied() is None)
    assert router.ensure_running() is True
    assert router.address() == address
    assert router.applied() == {"rates": 3}
    asking = Client(router)
    assert asking.ask()[1]["name"] == "one"
    asking.close()


def test_a_router_is_recognised_by_whoever_comes_next(router: AnyRouter, make_router: Callable[..., AnyRouter]) -> None:
    other = make_router()
    assert other.ensure_running() is False
    assert other.hello() == router.hello()


def test_a_port_in_use_is_said_so(make_router: Callable[..., AnyRouter]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        router = make_router(port)
        with pytest.raises(PortInUse, match=f"port {port} on 127.0.0.1 cannot be bound: Address already in use"):
            router.ensure_running()


def test_the_routers_health_follows_its_servers(
    router: AnyRouter, client: Client, backend: Callable[..., Backend]
) -> None:
    assert client.ask("/health/live", None)[0] == 200
    assert client.ask("/health/ready", None)[0] == 503
    router.add("d1", [backend("one").address])
    router.apply("rates", 1, [entry("d1", 100)])
    assert client.ask("/v2/health/ready", None)[:2] == (200, {"ready": True})


@pytest.mark.parametrize(
    "wire", [b"NONSENSE\r\n\r\n", b"GET / HTTP/1.1\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n"]
)
def test_what_is_no_request_is_refused_and_the_router_lives(router: AnyRouter, client: Client, wire: bytes) -> None:
    with socket.create_connection(("127.0.0.1", int(router.address().rpartition(":")[2])), timeout=5) as link:
        link.sendall(wire)
        assert link.recv(100).startswith(b"HTTP/1.1 400")
    assert client.ask("/health/live", None)[0] == 200


def test_pipelined_requests_are_answered_in_order(router: AnyRouter, backend: Callable[..., Backend]) -> None:
    router.add("d1", [backend("one").address])
    router.apply("rates", 1, [entry("d1", 100)])
    one = b"POST /rates/predict HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n[]"
    with socket.create_connection(("127.0.0.1", int(router.address().rpartition(":")[2])), timeout=5) as link:
        link.sendall(one * 30 + one.replace(b"host: x", b"connection: close"))
        content = b""
        while part := link.recv(65536):
            content += part
    assert content.count(b"HTTP/1.1 200 OK") == 31
