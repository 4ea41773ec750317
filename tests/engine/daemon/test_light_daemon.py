"""The daemon loads no model library for whatever it does itself: predictions are collected by a process of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.client import Client
from engine.daemon.start import stop
from engine.operations.catalog import OPERATIONS
from engine.service.launch import wait_answering
from engine.service.traffic import day_traffic
from store.clock import SystemClock
from store.errors import ModeldeckError, Refused
from store.ids import new_id
from store.rows import to_json

HEAVY = ["numpy", "pandas", "pyarrow", "scipy", "sklearn", "skops", "duckdb", "optuna", "onnxruntime",
         "sqlalchemy", "alembic", "textual", "pydantic"]  # fmt: skip

# Is the daemon until told to stop, then tells what it has loaded in all its life.
DAEMON = f"""
import sys
from pathlib import Path
from engine.daemon.process import run
from engine.workspace import Workspace
code = run(Workspace(Path(sys.argv[1])))
print("heavy:", *sorted({{name.partition(".")[0] for name in sys.modules}} & set({HEAVY!r})))
sys.exit(code)
"""


def lines(model: str, count: int) -> str:
    """Return what a server logs of answered requests."""
    clock = SystemClock()
    said = []
    for _ in range(count):
        request_id = new_id(clock)
        said.append(
            {"request_id": request_id, "prediction_id": f"{request_id}-0", "row": 0, "endpoint": model, "model": model,
             "version": 1, "kind": "live", "received_at": clock.now(), "status": 200, "latency_us": 900,
             "features": {"x": 1.5}, "outputs": {"value": 2.5}}
        )  # fmt: skip
    return "".join(json.dumps(line) + "\n" for line in said)


def plausible(request: type) -> dict[str, Any]:
    """Return a request's fields, each as something that could be meant."""
    meant = {"str": "plain", "str | None": "plain", "int": 1, "int | None": 1, "float": 1.0, "bool": True}
    fields = dataclasses.fields(request)
    needed = [
        field
        for field in fields
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    return {field.name: meant.get(str(field.type), []) for field in needed}


@pytest.mark.e2e
def test_daemon_that_has_done_all_its_operations_and_collected_has_loaded_no_model_library(
    short_home: Path, make_waiting: Callable[[Path], Any], until: Callable[..., Any]
) -> None:
    workspace = make_waiting(short_home / "light").workspace
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", DAEMON, str(workspace.root)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        wait_answering(workspace, process)
        client = Client(workspace)
        client.call("deck.apply", {"reason": "a test"})
        files = [to_json(one) for one in client.call("deck.files", {}).files]
        added = {"path": "more.py", "text": "MORE = 1\n"}
        assert (
            client.call("deck.apply_folder", {"files": [*files, added], "reason": "a test"}).body["plan"]["changes"]
            == 1
        )
        for operation in OPERATIONS.values():
            with contextlib.suppress(ModeldeckError):
                client.call(operation.id, plausible(operation.request))
        folder = workspace.segments / "r1"
        folder.mkdir(parents=True)
        written = lines("plain", 20)
        (folder / f"{time.time_ns():016d}-77-1.jsonl").write_text(written)
        ids = [json.loads(line)["prediction_id"] for line in written.splitlines()]
        delivered = [{"prediction_id": one, "value": 2.0} for one in (*ids, "unknown-0")]
        until(lambda: day_traffic(workspace).get("plain") == (20, 0), 60.0)
        assert list(folder.glob("*.jsonl")) == []
        batch = client.call("outcomes.record", {"model": "plain", "origin": "a test", "rows": delivered})
        assert (batch.rows, batch.matched, batch.unknown) == (21, 20, 1)
        with pytest.raises(Refused, match="outcome row 1 has no value"):
            client.call("outcomes.record", {"model": "plain", "origin": "", "rows": [{"prediction_id": "x"}]})
        client.close()
        stop(workspace)
        said, _ = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    assert (process.returncode, said.strip()) == (0, "heavy:")
