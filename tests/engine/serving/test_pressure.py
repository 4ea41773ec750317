"""More than a server can answer, and answers that would come too late: refused early, counted, the rest answered."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from engine.serving.batch import Batcher, Late, Overloaded
from engine.serving.contract import InputError
from engine.serving.cpus import allowed, fit_threads
from engine.serving.deadline import patience_s
from engine.serving.log import SegmentLog
from engine.serving.metrics import ServerMetrics
from engine.serving.pace import Pace

ROW = {"nights": 5, "price": 80.0, "country": "ES"}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, math.inf),
        ({b"grpc-timeout": b"250m"}, 0.25),
        ({b"grpc-timeout": b"2S"}, 2.0),
        ({b"grpc-timeout": b"99999999n"}, 0.099999999),
        ({b"grpc-timeout": b"1H"}, 3600.0),
        ({b"x-envoy-expected-rq-timeout-ms": b"1500"}, 1.5),
        ({b"x-envoy-expected-rq-timeout-ms": b"0"}, math.inf),
        ({b"grpc-timeout": b"3S", b"x-envoy-expected-rq-timeout-ms": b"100"}, 0.1),
    ],
)
def test_patience_is_read_from_the_usual_headers(headers: dict[bytes, bytes], seconds: float) -> None:
    assert patience_s(headers) == pytest.approx(seconds)


@pytest.mark.parametrize("told", [b"", b"S", b"5", b"5s", b"-1S", b"123456789S", b"1.5S", b"1 S", "٣S".encode()])
def test_a_deadline_that_is_none_is_refused(told: bytes) -> None:
    with pytest.raises(InputError, match="grpc-timeout must be"):
        patience_s({b"grpc-timeout": told})


def test_a_server_answers_504_where_the_deadline_has_passed_and_400_where_it_is_none(server: Any) -> None:
    status, answer, _ = server.ask("POST", "/predict", [ROW], {"grpc-timeout": "1n"})
    assert (status, answer["error"]["code"]) == (504, "deadline_exceeded")
    status, answer, _ = server.ask("POST", "/predict", [ROW], {"grpc-timeout": "soon"})
    assert (status, answer["error"]["code"]) == (400, "bad_request")
    assert server.ask("POST", "/predict", [ROW], {"grpc-timeout": "10S"})[0] == 200
    inputs = {"inputs": [{"name": "nights", "datatype": "INT64", "shape": [1], "data": [5]}]}
    assert server.ask("POST", "/v2/models/rates/infer", {**inputs, "parameters": {"timeout": 1}})[0] in (200, 504)
    assert server.ask("POST", "/v2/models/rates/infer", {**inputs, "parameters": {"timeout": 10**7}})[0] == 200
    text = server.ask("GET", "/metrics")[1]
    late = next(line for line in text.splitlines() if line.startswith("modeldeck_late_requests_total"))
    assert int(late.rpartition(" ")[2]) >= 1


def test_the_pace_follows_the_batches_of_late() -> None:
    pace = Pace()
    assert pace.rows(10_000, 512) == 0.0
    for rows in (1, 100, 500, 50, 300):
        pace.add(rows, 0.002 + rows * 1e-5)
    assert pace.batch(512) == pytest.approx(0.002 + 512e-5)
    assert pace.rows(1024 + 100, 512) == pytest.approx(3 * 0.002 + 1124e-5)
    for rows in (1, 100, 500, 50, 300) * 30:
        pace.add(rows, 0.02 + rows * 1e-4)
    assert pace.batch(512) == pytest.approx(0.02 + 512e-4, rel=0.01)
    alike = Pace()
    for _ in range(5):
        alike.add(1, 0.003)
    assert alike.batch(400) == pytest.approx(0.003)  # nothing is known of larger ones


class Slow:
    """Answers each batch after a while, in whatever thread it is asked."""

    is_compiled = True

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.batches: list[int] = []

    def answer(self, coded: dict[str, list[Any]]) -> list[dict[str, Any]]:
        self.batches.append(len(coded["x"]))
        time.sleep(self.seconds)
        return [{"value": value} for value in coded["x"]]


class One:
    """A request that remembers what became of it."""

    def __init__(self, count: int, until: float = math.inf, gone: bool = False) -> None:
        self.coded = {"x": [1.0] * count}
        self.count = count
        self.until = until
        self.gone = gone
        self.found: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def is_gone(self) -> bool:
        return self.gone

    def lines(self, _outputs: Any) -> bytes:
        return b""

    def settle(self, found: Any) -> None:
        self.found.set_result(found)


def run(tmp_path: Path, seconds: float, work: Callable[[Batcher, Slow, ServerMetrics], Any], **more: Any) -> None:
    async def inside() -> None:
        model, metrics = Slow(seconds), ServerMetrics("m", 1, "d")
        batcher = Batcher(model, SegmentLog(tmp_path), metrics, **more)  # type: ignore[arg-type]
        try:
            await work(batcher, model, metrics)
        finally:
            batcher.close()

    asyncio.run(inside())


def test_what_would_wait_too_long_is_refused_and_told_when_to_come_back(tmp_path: Path) -> None:
    async def work(batcher: Batcher, model: Slow, metrics: ServerMetrics) -> None:
        first = One(500)
        batcher.submit(first)
        await first.found  # 0.2 s for a batch, as is now known
        taken, refused = [], []
        for _ in range(12):
            one = One(500)
            try:
                batcher.submit(one)
                taken.append(one)
            except Overloaded as overloaded:
                refused.append(overloaded)
            await asyncio.sleep(0)
        assert taken
        assert len(taken) <= 4  # of 0.2 s each, where half a second may be waited
        assert all(1 <= one.retry_s <= 3 for one in refused)
        assert metrics.shed == len(refused) == 12 - len(taken)
        for one in taken:
            assert len(await one.found) == 500
        again = One(500)
        batcher.submit(again)  # nothing waits any more
        assert len(await again.found) == 500

    run(tmp_path, 0.2, work, queue_s=0.5, inline_s=-1.0)  # in a thread, as of a model that takes so long


def test_a_deadline_that_the_queue_would_pass_is_refused_at_once_and_one_that_passed_is_late(tmp_path: Path) -> None:
    async def work(batcher: Batcher, model: Slow, metrics: ServerMetrics) -> None:
        first = One(500)
        batcher.submit(first)
        await first.found
        batcher.submit(running := One(500))
        await asyncio.sleep(0.01)
        with pytest.raises(Overloaded):
            batcher.submit(One(500, until=time.monotonic() + 0.05))
        batcher.submit(patient := One(500, until=time.monotonic() + 30))
        batcher.submit(gone := One(500, gone=True))
        before = len(model.batches)
        assert len(await running.found) == 500
        assert len(await patient.found) == 500
        await asyncio.sleep(0.05)
        assert not gone.found.done()
        assert len(model.batches) == before + 1  # nobody waited for the other
        batcher.submit(late := One(1, until=time.monotonic() - 1))
        assert isinstance(await late.found, Late)
        assert (metrics.shed, metrics.gone, metrics.late) == (1, 1, 1)

    run(tmp_path, 0.2, work, inline_s=-1.0)


def test_what_waited_in_its_socket_while_a_batch_kept_the_loop_is_counted(tmp_path: Path) -> None:
    async def work(batcher: Batcher, model: Slow, metrics: ServerMetrics) -> None:
        batcher.submit(first := One(1))
        await first.found  # it kept the loop for 0.2 s: what is read now may have come at its begin
        await asyncio.sleep(0.001)
        batcher.submit(taken := One(1))  # one is always taken, or it would never be known that all is well again
        with pytest.raises(Overloaded):
            batcher.submit(One(1))
        assert isinstance(await taken.found, list)
        await asyncio.sleep(0.15)
        batcher.submit(rested := One(1))
        batcher.submit(beside := One(1, until=time.monotonic() + 5))
        assert isinstance(await rested.found, list)
        assert isinstance(await beside.found, list)
        assert metrics.shed == 1

    run(tmp_path, 0.2, work, queue_s=0.3)


def test_a_batch_is_predicted_within_the_loop_where_the_model_is_known_to_be_quick(tmp_path: Path) -> None:
    class Seen(Slow):
        def answer(self, coded: dict[str, list[Any]]) -> list[dict[str, Any]]:
            threads.append(threading.current_thread() is threading.main_thread())
            return super().answer(coded)

    threads: list[bool] = []

    async def ask(model: Slow, **more: Any) -> None:
        batcher = Batcher(model, SegmentLog(tmp_path), ServerMetrics("m", 1, "d"), **more)  # type: ignore[arg-type]
        for count in (300, 400, 2000, 10):
            batcher.submit(one := One(count))
            await one.found
        batcher.close()

    asyncio.run(ask(Seen(0.0)))
    assert threads == [False, True, False, True]  # of 300 and of 2,000 nothing was known yet
    threads.clear()
    asyncio.run(ask(Seen(0.0), inline_s=-1.0))
    assert threads == [False] * 4


def test_a_burst_on_a_server_at_rest_is_taken_whole(tmp_path: Path) -> None:
    async def work(batcher: Batcher, model: Slow, metrics: ServerMetrics) -> None:
        first = One(1)
        batcher.submit(first)
        await first.found
        burst = [One(1) for _ in range(400)]
        for one in burst:
            batcher.submit(one)
        await asyncio.gather(*(one.found for one in burst))
        assert model.batches == [1, 400]
        assert metrics.shed == 0

    run(tmp_path, 0.03, work)


def test_a_server_that_is_asked_for_more_than_it_can_sheds_with_a_time_to_come_back(
    serve: Callable[..., Any], folder: Callable[..., Path], regression: Any
) -> None:
    """Forty clients with 5,000 rows each, for three seconds: some are shed, no answer is another error."""
    server = serve(folder(regression, queue_ms=60))
    body = b'{"rows":[' + b",".join([b'{"nights":5,"price":80.5,"country":"ES"}'] * 5000) + b"]}"
    seen: Counter[int] = Counter()
    headers: list[str | None] = []
    until = time.monotonic() + 3.0

    def client() -> None:
        link = HTTPConnection("127.0.0.1", server.port, timeout=60)
        while time.monotonic() < until:
            link.request("POST", "/predict", body)
            answer = link.getresponse()
            answer.read()
            seen[answer.status] += 1
            if answer.status == 429:
                headers.append(answer.getheader("retry-after"))
        link.close()

    clients = [threading.Thread(target=client) for _ in range(40)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()
    assert set(seen) == {200, 429}
    assert all(told is not None and int(told) >= 1 for told in headers)
    text = server.ask("GET", "/metrics")[1]
    shed = next(line for line in text.splitlines() if line.startswith("modeldeck_shed_requests_total"))
    assert int(shed.rpartition(" ")[2]) == seen[429]
    assert server.ask("POST", "/predict", [ROW])[0] == 200  # the queue is empty again


def test_threads_fit_the_limit_of_the_control_group(tmp_path: Path) -> None:
    own = tmp_path / "cgroup"
    own.write_text("0::/slice/box\n")
    inner = tmp_path / "root" / "slice" / "box"
    inner.mkdir(parents=True)
    assert allowed(tmp_path / "root", own) == allowed(tmp_path / "absent", tmp_path / "absent")
    (inner / "cpu.max").write_text("max 100000\n")
    (inner.parent / "cpu.max").write_text("50000 100000\n")
    assert allowed(tmp_path / "root", own) == 1
    (inner.parent / "cpu.max").write_text("garbage\n")
    (tmp_path / "root" / "cpu.max").write_text("100000 100000\n")  # within a container the group is the root
    assert allowed(tmp_path / "root", own) == 1
    environment = {"OMP_NUM_THREADS": "4"}
    fit_threads(environment, 2)
    assert environment == {"OMP_NUM_THREADS": "4", "OPENBLAS_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"}
