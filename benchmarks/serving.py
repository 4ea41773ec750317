"""Serving: requests a second, the slowest hundredth, start and memory, beside MLflow, BentoML, MLServer and bare apps.

    python benchmarks/serving.py [--quick] [--json FILE]

Each server is one worker process on loopback, posted to by `wrk` over 1, 8 and 64 connections for a bounded time, all
in turn and in another order each repeat. Ours checks every row, gives ids and has each answer on its log before it is
sent; the limits do nothing of the kind: `bare, onnx` is uvicorn with the model converted by skl2onnx (single
precision), `bare, batches` the model itself, asked in batches without a timer, as ours is where nothing is compiled.
Needs `wrk` (apt-get install -y wrk) and `make bench-peers`; a peer that is absent is left out. Whole it takes some 20
minutes: three repeats of 17 seconds for each of 8 servers and both models, and two minutes to fit and to prove. What
more than can be answered does to them is measured by `serving_overload.py`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from figures import HERE, Row, arguments, environment, median, peer, show
from serving_servers import Kind, Running, others, ours, start, write_ours

sys.path.insert(0, str(HERE / "peers"))

from serving_models import KINDS, bodies

CONNECTIONS = (1, 8, 64)
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
LIMITS = ("bare, onnx", "bare, batches")
Seen = dict[tuple[str, str], dict[str, list[float]]]  # (row, unit) -> server -> figures


def main() -> None:
    """Measure and show."""
    named = arguments("model servers over HTTP on loopback")
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing; as root: apt-get install -y wrk")
    os.environ.update(ONE_THREAD)  # fitting beside other work: threads of OpenMP would wait for each other by spinning
    kinds = [ours("compiled"), ours("pipeline"), *others()]
    seconds, repeats = (1, 1) if named.quick else (3, 3)
    seen: Seen = defaultdict(lambda: defaultdict(list))
    with tempfile.TemporaryDirectory(prefix="md-serving-") as scratch:
        folder = Path(scratch)
        prepare(folder)
        for repeat in range(repeats):
            turn = repeat * 3 % len(kinds)
            for model in KINDS[:1] if named.quick else KINDS:
                for kind in kinds[turn:] + kinds[:turn]:
                    one_server(kind, folder / model, seconds, seen)
    show(rows_of(seen, repeats), named)


def prepare(folder: Path) -> None:
    """Write models and bodies, each form by the environment that serves it."""
    bodies(folder)
    for name, form in (("mlflow", "mlflow"), ("bentoml", "joblib"), ("onnx", "joblib"), ("onnx", "onnx")):
        if python := peer(name):
            words = [str(python), str(HERE / "peers" / "serving_models.py"), str(folder), form]
            subprocess.run(
                words,
                check=True,
                env={**environment(), **ONE_THREAD},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
    for kind in KINDS:
        print(write_ours(folder / kind, kind))


def one_server(kind: Kind, model: Path, seconds: int, seen: Seen) -> None:
    """Start one server, post to it over every number of connections, and end it."""
    try:
        running = start(kind, model, model / "server.log")
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return
    try:
        seen[f"{model.name}: start to the first answer", "s"][kind.name].append(running.start_s)
        for rows in (1, 100):
            post(running, model / f"body-{kind.body}-{rows}.json", 4, 1)  # caches are warm afterwards
            for connections in CONNECTIONS if rows == 1 else CONNECTIONS[:2]:
                told = post(running, model / f"body-{kind.body}-{rows}.json", connections, seconds)
                wrong = int(told["refused"] + told["lost"])
                if wrong:
                    print(f"{kind.name}, {model.name}: {wrong} of {told['requests']} not answered", file=sys.stderr)
                name = f"{model.name}: {rows} row{'s' if rows > 1 else ''}, {connections} connections"
                seen[name, "requests/s"][kind.name].append((told["requests"] - told["refused"]) / told["seconds"])
                if rows == 1 and connections > 1:
                    seen[f"{name}, slowest hundredth", "ms"][kind.name].append(told["p99_ms"])
        seen[f"{model.name}: memory", "MB"][kind.name].append(running.memory_mb())
    finally:
        running.stop()


def post(running: Running, body: Path, connections: int, seconds: int) -> dict[str, float]:
    """Post one body over and over; returns what wrk saw."""
    words = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "8s"]
    done = subprocess.run(
        [*words, "-s", str(HERE / "peers" / "post.lua"), running.url],
        env={**os.environ, "BODY": str(body)}, capture_output=True, text=True, timeout=seconds + 60, check=True,
    )  # fmt: skip
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


def rows_of(seen: Seen, repeats: int) -> list[Row]:
    """Return one row for each figure and each of our two ways to serve."""
    rows: list[Row] = []
    for (name, unit), by in seen.items():
        middle = {server: value for server, listed in by.items() if (value := median(listed)) is not None}
        mine = {server: middle.pop(server, None) for server in ("modeldeck, compiled", "modeldeck, pipeline")}
        limits = {server: middle.pop(server) for server in LIMITS if server in middle}
        for server, value in mine.items():
            limit = LIMITS[0] if server.endswith("compiled") else LIMITS[1]
            rows.append(
                Row(
                    f"{name} ({server.rpartition(' ')[2]})", unit, "higher" if unit == "requests/s" else "lower", value,
                    middle, {limit: limits[limit]} if limit in limits else {}, repeats,
                )
            )  # fmt: skip
    return rows


if __name__ == "__main__":
    main()
