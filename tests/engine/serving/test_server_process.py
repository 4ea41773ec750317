"""How a server process starts, fails, refuses and ends."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
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
    server: Any, folder: Callable[..., Path], regression: Any
) -> None:
    words = [sys.executable, "-P", "-m", "engine.serving", "--folder", str(folder(regression)), "--deployment", "d1"]
    words += ["--segments", str(server.segments), "--ready-file", str(server.ready_file)]
    second = subprocess.run(words, capture_output=True, text=True, timeout=30)
    assert second.returncode == 75
    assert "another process writes" in second.stderr
    assert server.ask("GET", "/health/live")[0] == 200


def test_a_full_log_refuses_predictions_and_a_stop_closes_the_segment(
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
    assert server.end(signal.SIGTERM) == 0
    assert [path.suffix for path in server.segments.iterdir() if path.name != "lock"] == [".jsonl"]
    assert len([line for line in server.lines() if line["status"] == 200]) == 2


def test_a_disk_that_turns_read_only_refuses_predictions_and_never_hangs(
    serve: Callable[..., Any], folder: Callable[..., Path], regression: Any, failing_disk: Any
) -> None:
    server = serve(folder(regression), place=str(failing_disk.folder / "place"))
    assert server.ask("POST", "/predict", [ROW])[0] == 200
    failing_disk.fail()
    for _ in range(3):
        status, answer, _headers = server.ask("POST", "/predict", [ROW])
        assert (status, answer["error"]["code"]) == (503, "log_full")
    assert "cannot be written: Read-only file system" in answer["error"]["message"]
    assert server.ask("GET", "/health/live")[0] == 200
    assert server.end(signal.SIGTERM) == 0
    assert server.process.stderr.read() == ""


def test_a_best_effort_server_answers_on_a_full_log_and_proves_itself_its_whole_life(
    serve: Callable[..., Any], folder: Callable[..., Path], regression: Any
) -> None:
    server = serve(folder(regression, log={"mode": "best-effort", "personal": "keep"}), "--self-check", "0.05")

    def count(name: str) -> int:
        text = server.ask("GET", "/metrics")[1]
        return next(int(line.split()[-1]) for line in text.splitlines() if line.startswith(f"modeldeck_{name}"))

    before = count("batches_total")
    deadline = time.monotonic() + 10
    while count("batches_total") < before + 3:
        assert time.monotonic() < deadline
    assert server.lines() == []  # its own golden requests are nobody's predictions
    assert server.ask("POST", "/predict", [ROW])[0] == 200
    (line,) = server.lines()
    assert (line["features"]["country"], line["key_id"]) == ("ES", None)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (10, -1))
    assert server.ask("POST", "/predict", [ROW, ROW])[0] == 200
    assert count("log_dropped_rows_total") == 2


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


def test_a_server_loads_neither_the_store_nor_the_rest_of_the_engine() -> None:
    said = subprocess.run(
        [sys.executable, "-P", "-c", "import engine.serving.app, engine.serving.server, sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(said.stdout.split())
    assert not {"store", "sqlite3", "engine.deploy", "engine.settings", "pandas", "sklearn", "numpy"} & loaded
