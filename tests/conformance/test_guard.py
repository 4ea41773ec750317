"""What every router refuses: requests without a key, too many of them, too large ones."""

from __future__ import annotations

import collections
import hashlib
import threading
from collections.abc import Callable

import pytest
from servers import AnyRouter, Backend, Client, entry, until

from engine.deploy.router import OPEN, Guard


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def served(router: AnyRouter, backend: Callable[..., Backend]) -> Backend:
    """One server that answers for `rates`."""
    one = backend("one")
    router.add("d1", [one.address])
    router.apply("rates", 1, [entry("d1", 100)])
    return one


def test_an_endpoint_with_keys_takes_none_but_its_own(router: AnyRouter, client: Client, served: Backend) -> None:
    router.guard("rates", Guard(keys=frozenset({digest("right"), digest("other")})))
    status, told, headers = client.ask()
    assert (status, headers["www-authenticate"]) == (401, "Bearer")
    missing = "rates needs a key: send it as the header Authorization: Bearer KEY"
    assert told == {"error": {"code": "no_key", "message": missing}}
    assert client.ask(headers={"Authorization": "Basic cmlnaHQ="})[1]["error"]["code"] == "no_key"
    status, told, _ = client.ask(headers=bearer("wrong"))
    assert (status, told["error"]["code"]) == (401, "wrong_key")
    assert client.ask("/v2/models/rates/infer")[:2] == (401, {"error": missing})
    assert client.ask("/rates/health/ready", None)[0] == 401
    assert not served.seen

    assert client.ask(headers=bearer("right"))[0] == 200
    assert client.ask(headers={"authorization": "bearer other"})[0] == 200
    assert all("authorization" not in seen["headers"] for seen in served.seen)

    router.guard("rates", Guard(keys=frozenset({digest("other")})))
    assert client.ask(headers=bearer("right"))[0] == 401, "it was revoked"
    router.guard("rates", Guard(keys=frozenset()))
    assert client.ask(headers=bearer("other"))[0] == 401, "no key at all opens nothing"
    router.guard("rates", OPEN)
    assert client.ask()[0] == 200


def test_a_guard_may_come_before_its_route(router: AnyRouter, client: Client, backend: Callable[..., Backend]) -> None:
    router.guard("rates", Guard(keys=frozenset({digest("right")})))
    one = backend("one")
    router.add("d1", [one.address])
    router.apply("rates", 1, [entry("d1", 100)])
    assert client.ask()[0] == 401


def test_where_keys_are_needed_only_health_is_open(router: AnyRouter, client: Client, served: Backend) -> None:
    assert client.ask("/metrics", None)[0] == 200
    router.guard("rates", Guard(keys=frozenset({digest("right")})))
    for path in ("/", "/metrics", "/v2"):
        status, told, _ = client.ask(path, None)
        assert (status, "Authorization: Bearer KEY" in str(told)) == (401, True), path
        assert client.ask(path, None, bearer("right"))[0] == 200
    assert client.ask("/health/live", None)[0] == 200
    until(lambda: client.ask("/v2/health/ready", None)[0] == 200)
    assert "rates" not in client.ask("/unknown/predict")[1]["error"]["message"]


def test_a_rate_is_kept_per_endpoint(router: AnyRouter, client: Client, served: Backend) -> None:
    router.apply("free", 1, [entry("d1", 100)])
    router.guard("rates", Guard(requests_per_s=5))
    answers = [client.ask() for _ in range(30)]
    statuses = collections.Counter(status for status, _, _ in answers)
    assert statuses[200] >= 5
    assert statuses[429] >= 5
    _, told, headers = next(answer for answer in answers if answer[0] == 429)
    assert headers["retry-after"] == "1"
    assert told["error"] == {"code": "too_many", "message": "rates takes 5 requests a second, send fewer or later"}
    assert client.ask("/free/predict")[0] == 200
    until(lambda: client.ask()[0] == 200)


def test_only_so_many_are_under_way_at_once(router: AnyRouter, client: Client, served: Backend) -> None:
    router.guard("rates", Guard(at_once=2))
    served.gate.clear()
    others = [Client(router) for _ in range(2)]
    asking = [threading.Thread(target=one.ask) for one in others]
    for one in asking:
        one.start()
    until(lambda: len(served.seen) == 2)
    status, told, _ = client.ask()
    assert (status, told["error"]["code"]) == (429, "too_many")
    served.gate.set()
    for one in asking:
        one.join(10)
    until(lambda: client.ask()[0] == 200)
    for other in others:
        other.close()


def test_a_body_is_bounded_per_endpoint(router: AnyRouter, client: Client, served: Backend) -> None:
    router.guard("rates", Guard(body_bytes=1000))
    assert client.ask(body=b"x" * 1000)[0] == 200
    status, told, _ = client.ask(body=b"x" * 1001)
    assert (status, told["error"]["message"]) == (413, "rates takes 1000 bytes at once, send fewer rows")
    assert client.ask(body=b"[]")[0] == 200


def test_guards_outlive_a_router(make_router: Callable[..., AnyRouter], router: AnyRouter, served: Backend) -> None:
    router.guard("rates", Guard(keys=frozenset({digest("right")}), body_bytes=10))
    router.stop()
    again = make_router()
    again.ensure_running()
    asking = Client(again)
    until(lambda: asking.ask(headers=bearer("right"))[0] == 200)
    assert (asking.ask()[0], asking.ask(body=b"x" * 11, headers=bearer("right"))[0]) == (401, 413)
    asking.close()
