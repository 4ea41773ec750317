"""The servers that are compared: how each is started, where it answers, and which body it takes."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from figures import HERE, QUIET, ROOT, peer

SCRIPTS = HERE / "peers"
STARTED_S = 90.0


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to serve. `command` gives the words for a model's folder and a port, `body` names what is posted."""

    name: str
    command: Callable[[Path, int], list[str]]
    path: str
    body: str
    environment: Callable[[Path], dict[str, str]] = field(default=lambda _folder: {})


@dataclass
class Running:
    """A server that has answered once; `start_s` is from its start until then."""

    process: subprocess.Popen[bytes]
    url: str
    start_s: float

    def memory_mb(self) -> float:
        """Return the proportional set size of its processes, in MB of 2^20 bytes."""
        total = 0
        for pid in self._pids():
            with suppress(OSError):
                for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                    total += int(line.split()[1]) if line.startswith("Pss:") else 0
        return total / 1024

    def stop(self) -> None:
        """End it and what it started."""
        pids = self._pids()
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _pids(self) -> list[int]:
        found, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            with suppress(OSError):
                todo += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        return found


def start(kind: Kind, model: Path, log: Path) -> Running:
    """Start a server and wait until it answers.

    Raises:
        RuntimeError: it ended, or did not answer within 90 s.
    """
    port = free_port()
    body = (model / f"body-{kind.body}-1.json").read_bytes()
    begun = time.perf_counter()
    with log.open("wb") as told:
        process = subprocess.Popen(
            kind.command(model, port),
            stdin=subprocess.DEVNULL,
            stdout=told,
            stderr=told,
            cwd=model,
            env={**os.environ, **QUIET, "OMP_NUM_THREADS": "1", **kind.environment(model)},
            start_new_session=True,
        )
    running = Running(process, f"http://127.0.0.1:{port}{kind.path}", 0.0)
    while time.perf_counter() - begun < STARTED_S and process.poll() is None:
        with suppress(OSError):
            request = urllib.request.Request(running.url, body, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=30) as answer:
                if answer.status == 200:
                    running.start_s = time.perf_counter() - begun
                    return running
        time.sleep(0.005)
    running.stop()
    raise RuntimeError(f"{kind.name} does not answer: {log.read_text(errors='replace')[-300:]}")


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def write_ours(folder: Path, kind: str) -> str:
    """Write the server folders `compiled` and `pipeline` of one model; returns what the proof of the first found."""
    import numpy as np
    import pandas as pd

    sys.path.insert(0, str(SCRIPTS))
    from serving_models import columns_of, data, fitted

    from engine.serving import artifact, golden
    from engine.serving.contract import CONTRACT, Column, Signature, output_columns
    from engine.serving.predict import Predictor
    from engine.training.compiling.adopting import compiled

    rows, classes = data(kind)
    names = columns_of(kind)
    frame = pd.DataFrame(rows, columns=names)
    model = fitted(kind, frame, classes, names)
    told = tuple(map(str, np.unique(classes)))
    signature = Signature(tuple(Column(name, "double") for name in names), output_columns("classification", told), told)
    predictor = Predictor.from_parts(model, signature, "classification")
    recorded = golden.make(predictor, frame)
    content = artifact.dump(model)
    short, proof = compiled(predictor, frame, recorded["requests"], float("inf"))
    if not short:
        raise RuntimeError(f"{kind} was not compiled: {proof['why']}")
    for form in ("compiled", "pipeline"):
        place = folder / form
        place.mkdir(parents=True, exist_ok=True)
        (place / "model.skops").write_bytes(content)
        (place / "golden.json").write_text(json.dumps(recorded))
        manifest: dict[str, Any] = {
            "contract": CONTRACT,
            "model": "bench",
            "version": 1,
            "task": "classification",
            "signature": signature.to_json(),
            "artifact": {"file": "model.skops", "sha256": hashlib.sha256(content).hexdigest()},
            "trusted": artifact.untrusted_types(content),
            "decision": {},
            "personal": [],
            "log": {"mode": "durable", "personal": "token"},
            "time_column": None,
            "time_zone": "UTC",
            "golden": "golden.json",
            "tolerance": golden.TOLERANCE,
            "code": None,
            "environment_hash": "",
        }
        if form == "compiled":
            (place / "compiled.zip").write_bytes(short)
            manifest["compiled"] = {"file": "compiled.zip", "sha256": hashlib.sha256(short).hexdigest()}
        (place / "manifest.json").write_text(json.dumps(manifest))
    asked = proof["rows"] + proof["edges"] + proof["thresholds"]
    return f"{kind}: {asked} answers compared, worst difference {proof['worst']:.1g}"


def ours(form: str) -> Kind:
    """Return our server, as it is started on a host: rows are checked, every answer is on the log before it is sent."""

    def command(model: Path, port: int) -> list[str]:
        place = model / f"run-{form}-{port}"
        words = [sys.executable, "-P", "-m", "engine.serving", "--folder", str(model / form), "--port", str(port)]
        return [
            *words,
            "--segments",
            str(place / "log"),
            "--deployment",
            "d",
            "--ready-file",
            str(place / "ready.json"),
        ]

    def environment(_model: Path) -> dict[str, str]:
        return {"PYTHONPATH": str(ROOT)}

    return Kind(f"modeldeck, {form}", command, "/predict", "records", environment)


def others() -> list[Kind]:
    """Return the peers whose environments are there, and the limits."""
    found: list[Kind] = []
    if python := peer("mlflow"):
        found.append(_mlflow(python))
    if python := peer("bentoml"):
        found += [_bento(python, together=False), _bento(python, together=True)]
    if python := peer("mlserver"):
        found.append(_mlserver(python))
    if python := peer("onnx"):
        found += [_bare(python, "bare, onnx", "model.onnx"), _bare(python, "bare, batches", "model.joblib")]
    return found


def _mlflow(python: Path) -> Kind:
    def command(model: Path, port: int) -> list[str]:
        words = [str(python), "-m", "mlflow", "models", "serve", "-m", str(model / "mlflow"), "--env-manager", "local"]
        return [*words, "-h", "127.0.0.1", "-p", str(port)]

    return Kind(
        "MLflow", command, "/invocations", "frame",
        lambda _model: {"PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"},
    )  # fmt: skip


def _bento(python: Path, *, together: bool) -> Kind:
    def command(_model: Path, port: int) -> list[str]:
        words = [str(python), "-m", "bentoml", "serve", "serving_bento:Served", "--working-dir", str(SCRIPTS)]
        return [*words, "--host", "127.0.0.1", "--port", str(port)]

    def environment(model: Path) -> dict[str, str]:
        told = {"MODEL": str(model / "model.joblib"), "BATCH": str(int(together)), "BENTOML_HOME": str(model / "bento")}
        return {**told, "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"}

    return Kind(f"BentoML{', batches' if together else ''}", command, "/predict", "rows", environment)


def _mlserver(python: Path) -> Kind:
    def command(model: Path, port: int) -> list[str]:
        place = model / f"mlserver-{port}"
        place.mkdir()
        ports = {"http_port": port, "grpc_port": free_port(), "metrics_port": free_port()}
        settings = {"host": "127.0.0.1", **ports, "parallel_workers": 0, "debug": False}
        (place / "settings.json").write_text(json.dumps(settings))
        parameters = {"uri": str(model / "model.joblib"), "version": "1"}
        one = {"name": "m", "implementation": "mlserver_sklearn.SKLearnModel", "parameters": parameters}
        (place / "model-settings.json").write_text(json.dumps(one))
        return [str(python.parent / "mlserver"), "start", str(place)]

    return Kind("MLServer", command, "/v2/models/m/infer", "v2")


def _bare(python: Path, name: str, file: str) -> Kind:
    def command(_model: Path, port: int) -> list[str]:
        words = [str(python), "-m", "uvicorn", "serving_bare:app", "--app-dir", str(SCRIPTS), "--port", str(port)]
        return [*words, "--log-level", "warning", "--no-access-log", "--loop", "uvloop", "--lifespan", "off"]

    return Kind(name, command, "/predict", "rows", lambda model: {"MODEL": str(model / file)})
