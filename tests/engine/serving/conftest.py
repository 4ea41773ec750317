"""A small fitted model of each task, the server folder made of it, and real server processes started from folders."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from engine.serving import artifact, golden
from engine.serving.contract import CONTRACT, Column, Signature, output_columns
from engine.serving.frames import conform
from engine.serving.predict import Predictor
from engine.serving.record import unpacked

INPUTS = (
    Column("nights", "long"),
    Column("price", "double", nullable=True),
    Column("country", "string", nullable=True),
)
CLASSES = ("cancelled", "kept")


@dataclass(frozen=True)
class Fitted:
    """A fitted model, its signature and rows it has seen."""

    task: str
    model: Any
    signature: Signature
    frame: pd.DataFrame

    def predictor(self, **parts: Any) -> Predictor:
        """Return a predictor over it."""
        return Predictor.from_parts(self.model, self.signature, self.task, **parts)


def rows_frame() -> pd.DataFrame:
    """120 rows of three columns, without a null where the model could not take one."""
    count = np.arange(120)
    return pd.DataFrame(
        {"nights": count % 7 + 1, "price": 50.0 + count % 11, "country": np.array(["ES", "FR", "PT"])[count % 3]}
    )


def _fit(task: str) -> Fitted:
    classes = CLASSES if task == "classification" else ()
    signature = Signature(INPUTS, output_columns(task, classes), classes)
    frame = conform(rows_frame(), signature)
    columns = make_column_transformer(
        (StandardScaler(), ["nights"]), (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["country"])
    )
    value = frame["nights"] * 3.0 + (frame["country"] == "ES")
    if task == "classification":
        model = make_pipeline(columns, LogisticRegression()).fit(frame, np.array(CLASSES)[(value > 12).astype(int)])
    else:
        model = make_pipeline(columns, Ridge()).fit(frame, value)
    return Fitted(task, model, signature, frame)


@pytest.fixture(scope="session")
def regression() -> Fitted:
    """A regression model."""
    return _fit("regression")


@pytest.fixture(scope="session")
def classification() -> Fitted:
    """A classification model."""
    return _fit("classification")


def make_folder(folder: Path, fitted: Fitted, **changes: Any) -> Path:
    """Write a server folder; `changes` replace keys of the manifest, `golden_answers` the recorded answers."""
    folder.mkdir(parents=True)
    content = artifact.dump(fitted.model)
    (folder / "model.skops").write_bytes(content)
    recorded = golden.make(fitted.predictor(), fitted.frame, count=5)
    recorded["answers"] = changes.pop("golden_answers", recorded["answers"])
    (folder / "golden.json").write_text(json.dumps(recorded))
    manifest = {
        "contract": CONTRACT,
        "model": "rates",
        "version": 3,
        "task": fitted.task,
        "signature": fitted.signature.to_json(),
        "artifact": {"file": "model.skops", "sha256": hashlib.sha256(content).hexdigest()},
        "trusted": artifact.untrusted_types(content),
        "decision": {},
        "personal": ["country"],
        "log": {"mode": "durable", "personal": "token"},
        "time_column": "arrives",
        "time_zone": "Europe/Madrid",
        "golden": "golden.json",
        "tolerance": 1e-6,
        "code": None,
        "environment_hash": "",
        **changes,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@dataclass
class Server:
    """A running server process."""

    process: subprocess.Popen[str]
    segments: Path
    ready_file: Path
    said: dict[str, Any] = field(default_factory=dict)

    @property
    def port(self) -> int:
        """Its port."""
        return int(self.said["port"])

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any, dict[str, str]]:
        """Ask once; returns status, parsed body and headers. Bytes are sent as they are."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        try:
            connection.request(method, path, content, headers or {})
            answer = connection.getresponse()
            text = answer.read()
            told = {name.lower(): value for name, value in answer.getheaders()}
            is_json = told.get("content-type") == "application/json"
            return answer.status, json.loads(text) if is_json else text.decode(), told
        finally:
            connection.close()

    def lines(self) -> list[dict[str, Any]]:
        """Return every row on its log."""
        found = []
        for segment in sorted([*self.segments.glob("*.open"), *self.segments.glob("*.jsonl")]):
            found += [row for line in segment.read_bytes().splitlines() for row in unpacked(json.loads(line))]
        return found

    def end(self, number: int = signal.SIGTERM) -> int:
        """Signal it and wait."""
        if self.process.poll() is None:
            os.kill(self.process.pid, number)
        return self.process.wait(20)


def start_server(folder: Path, place: Path, *extra: str, wait: bool = True) -> Server:
    """Start a server process; with `wait` until its ready file says how it stands."""
    key = place / "key"
    place.mkdir(parents=True, exist_ok=True)
    key.write_text(json.dumps({"id": "k1", "key": "ab" * 32}))
    server = Server(
        subprocess.Popen(
            [
                *(sys.executable, "-P", "-m", "engine.serving", "--folder", str(folder), "--port", "0"),
                *("--segments", str(place / "segments"), "--deployment", "d1", "--ready-file", str(place / "r.json")),
                *("--key-file", str(key), *extra),
            ],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        ),
        place / "segments",
        place / "r.json",
    )
    deadline = time.monotonic() + 60
    while wait and server.process.poll() is None and time.monotonic() < deadline:
        if server.ready_file.exists():
            said = json.loads(server.ready_file.read_text())
            server.said = said if said["pid"] == server.process.pid else {}  # not of the server before
            if server.said.get("state") in ("ready", "unready"):
                break
        time.sleep(0.01)
    if wait and server.process.poll() is not None and server.ready_file.exists():
        server.said = json.loads(server.ready_file.read_text())
    return server


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Return a function that starts servers, each ended with the test."""
    running: list[Server] = []

    def start(folder: Path, *extra: str, place: str = "place", wait: bool = True) -> Server:
        running.append(start_server(folder, tmp_path / place, *extra, wait=wait))
        return running[-1]

    yield start
    for server in running:
        server.end(signal.SIGKILL)
        server.process.stderr.close()  # type: ignore[union-attr]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, classification: Fitted) -> Iterator[Server]:
    """One classification server for the tests that only ask."""
    place = tmp_path_factory.mktemp("server")
    running = start_server(make_folder(place / "folder", classification), place)
    try:
        assert running.said.get("state") == "ready", running.said.get("detail", running.said)
        yield running
    finally:
        running.end()
        running.process.stderr.close()  # type: ignore[union-attr]


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """Return a maker of server folders: `folder(fitted, model="x")`."""
    return lambda fitted, name="folder", **changes: make_folder(tmp_path / name, fitted, **changes)
