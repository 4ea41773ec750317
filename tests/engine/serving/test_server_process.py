"""How a server process starts, fails, refuses and ends."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROW = {"nights": 5, "price": 80.0, "country": "ES"}
WRONG = [{"value": 1.0}] * 5


def test_a_server_whose_golden_answers_differ_is_never_ready(
    serve: Callable[..., Any], folder: Callable[..., Path], regression: Any
) -> None:
    server = serve(folder(regression, golden_answers=WRONG))
    assert server.said["state"] == "unready"
    status, answer, _ = server.ask("GET", "/health/ready")
    assert (status, answer["ready"]) == (503, False)
    assert answer["golden"].startswith("5 of 5 golden answers differ: request 0 column 'value'")
    assert server.ask("GET", "/v2/health/ready")[0] == 503
    assert server.ask("GET", "/v2/health/live")[0] == 200
    status, answer, headers = server.ask("POST", "/predict", [ROW])
    assert (status, answer["error"]["code"], headers["retry-after"]) == (503, "not_ready", "1")
    assert server.ask("POST", "/predict", [ROW], {"X-Modeldeck-Kind": "golden"})[0] == 200


def test_a_corrupt_artifact_is_refused_with_one_line(
    serve: Callable[..., Any], folder: Callable[..., Path], regression: Any
) -> None:
    place = folder(regression)
    (place / "model.skops").write_bytes(b"PK garbage")
    server = serve(place)
    assert server.process.wait(30) == 1
    assert server.said["state"] == "failed"
    lines = server.process.stderr.read().splitlines()
    assert len(lines) == 1
    assert "is corrupt: sha256 is" in lines[0]
    assert server.said["detail"] == lines[0]


def test_a_second_server_of_the_same_replica_leaves_at_once(
    serve: Callable[..., Any], folder: Callable[..., Path], regression: Any
) -> None:
    place = folder(regression)
    first = serve(place)
    second = serve(place, wait=False)
    assert second.process.wait(30) == 75
    assert first.ask("GET", "/health/live")[0] == 200
    assert first.end() == 0


def test_a_full_log_refuses_predictions_and_leaves_no_half_line(
    serve: Callable[..., Any], folder: Callable[..., Path], regression: Any
) -> None:
    server = serve(folder(regression))
    assert server.ask("POST", "/predict", [ROW])[0] == 200
    size = sum(path.stat().st_size for path in server.segments.glob("*.open"))
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size + 100, -1))
    status, answer, headers = server.ask("POST", "/predict", [ROW] * 3)
    assert (status, answer["error"]["code"], headers["retry-after"]) == (503, "log_full", "1")
    assert len([line for line in server.lines() if line["status"] == 200]) == 1
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (-1, -1))
    assert server.ask("POST", "/predict", [ROW])[0] == 200
    assert server.end() == 0
    assert not list(server.segments.glob("*.open"))
    assert len([line for line in server.lines() if line["status"] == 200]) == 2


def test_a_best_effort_server_answers_on_a_full_log_and_counts_what_it_dropped(
    serve: Callable[..., Any], folder: Callable[..., Path], regression: Any
) -> None:
    server = serve(folder(regression, log={"mode": "best-effort", "personal": "keep"}))
    assert server.ask("POST", "/predict", [ROW])[0] == 200
    (line,) = server.lines()
    assert (line["features"]["country"], line["key_id"]) == ("ES", None)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (10, -1))
    assert server.ask("POST", "/predict", [ROW, ROW])[0] == 200
    assert (
        'modeldeck_log_dropped_rows_total{model="rates",version="3",deployment="d1"} 2'
        in server.ask("GET", "/metrics")[1]
    )


def test_a_killed_server_has_every_acknowledged_row_on_its_log(
    serve: Callable[..., Any], folder: Callable[..., Path], regression: Any
) -> None:
    place = folder(regression)
    server = serve(place)
    ids = [server.ask("POST", "/predict", [ROW])[1]["predictions"][0]["prediction_id"] for _ in range(20)]
    assert server.end(signal.SIGKILL) == -signal.SIGKILL
    assert [line["prediction_id"] for line in server.lines()] == ids
    again = serve(place)
    assert again.said["state"] == "ready"
    closed = [path for path in again.segments.glob("*.jsonl") if f"-{server.process.pid}-" in path.name]
    assert len(closed) == 1, list(again.segments.iterdir())


def test_golden_requests_are_asked_for_the_whole_life(
    serve: Callable[..., Any], folder: Callable[..., Path], regression: Any
) -> None:
    server = serve(folder(regression), "--self-check", "0.05")
    before = server.ask("GET", "/metrics")[1]
    deadline = time.monotonic() + 10

    def batches(text: str) -> int:
        return next(int(line.split()[-1]) for line in text.splitlines() if line.startswith("modeldeck_batches_total"))

    while batches(server.ask("GET", "/metrics")[1]) < batches(before) + 3:
        assert time.monotonic() < deadline
    assert server.lines() == []


def test_a_server_asked_to_stop_finishes_and_closes_its_segment(
    serve: Callable[..., Any], folder: Callable[..., Path], regression: Any
) -> None:
    server = serve(folder(regression))
    assert server.ask("POST", "/predict", [ROW])[0] == 200
    assert server.end(signal.SIGTERM) == 0
    assert [path.suffix for path in server.segments.iterdir() if path.name != "lock"] == [".jsonl"]
    assert not os.path.exists(f"/proc/{server.process.pid}")
