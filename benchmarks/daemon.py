"""The daemon: how soon it answers, what it weighs, and what a due schedule costs it.

    python benchmarks/daemon.py [--quick] [--json FILE]

Beside it stand MLflow's server (`make bench-peers`) and APScheduler with a stored job for each schedule; the limits are
a uvicorn with one route, and one table walked in one transaction a tick.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from figures import HERE, Row, arguments, environment, median, peer, show

SCHEDULES = 1000
MODEL_LIBRARIES = ("numpy", "pandas", "pyarrow", "scipy", "sklearn", "duckdb", "onnxruntime")
BARE = """
import socket, sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
async def health(_request): return JSONResponse({"ok": True})
listening = socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[1])
listening.listen()
config = uvicorn.Config(Starlette(routes=[Route("/v1/health", health)]), log_config=None, lifespan="off", ws="none")
uvicorn.Server(config).run(sockets=[listening])
"""
MODEL = '[model]\nname = "m{0}"\ntask = "regression"\n[data]\nsource = "rates.csv"\ntarget = "price"\n'


def main() -> None:
    """Measure and show."""
    named = arguments("the daemon")
    repeats = 3 if named.quick else 7
    until = time.monotonic() + (26 if named.quick else 600)  # when MLflow's server, slow to start, is left out
    with tempfile.TemporaryDirectory(prefix="md-") as folder:
        os.environ["HOME"] = folder  # where sockets of private decks are
        deck = make_deck(Path(folder) / "deck")
        rows = [*serving(deck, Path(folder), repeats), starting(deck, repeats), due(repeats)]
        beside_mlflow(rows[:3], list(mlflow_server(Path(folder), 1 if named.quick else 3, until)))
    show(rows, named)


def make_deck(root: Path) -> Path:
    """Make a workspace with five models, applied."""
    (root / "models").mkdir(parents=True)
    (root / "deck.toml").write_text('name = "bench"\n')
    for number in range(5):
        (root / "models" / f"m{number}.toml").write_text(MODEL.format(number))
    modeldeck(root, "apply")
    return root


def modeldeck(root: Path, *words: str) -> str:
    """Run one command on the deck and return what it said."""
    command = [Path(sys.executable).parent / "modeldeck", "-w", root, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment()).stdout


def serving(root: Path, folder: Path, repeats: int) -> list[Row]:
    """Measure processes from their start to their first answer, and what they then weigh."""
    from engine.workspace import Workspace

    sock, bare = Workspace(root.resolve()).socket, folder / "bare.sock"
    ours: list[tuple[float, float, int]] = []
    limit: list[float | None] = []
    loaded: set[str] = set()
    for number in range(-1, repeats):  # the first is not counted: bytecode may be missing
        with running([sys.executable, "-P", "-m", "engine.daemon", "-w", root], lambda: asked(sock)) as (seconds, pid):
            time.sleep(3 if number == repeats - 1 else 0)  # every part has had its turn
            loaded |= libraries(pid)
            if number >= 0:
                ours.append((seconds, resident_mb(pid), len(session(pid))))
        bare.unlink(missing_ok=True)
        with running([sys.executable, "-c", BARE, bare], lambda: asked(bare)) as (seconds, _):
            limit += [seconds] if number >= 0 else []
    answer, _, count = medians(ours)
    carries = f"model libraries loaded: {', '.join(sorted(loaded)) or 'none'}"
    bare_answer = {"bare uvicorn": found} if (found := median(limit)) else {}
    return [
        Row("process start to first answer", "s", "lower", answer, {}, bare_answer, repeats),
        Row("resident memory, idle", "MB", "lower", ours[-1][1], {}, {}, 1, carries),
        Row("processes, idle", "processes", "lower", count, {}, {}, repeats),
    ]


def beside_mlflow(rows: list[Row], measured: list[tuple[float, float, int]]) -> None:
    """Put the figures of MLflow's server beside ours."""
    for row, figure in zip(rows, medians(measured) if measured else [None] * len(rows), strict=True):
        if figure is None:
            row.note = f"{row.note}; MLflow's server not measured: make bench-peers, or no time for it".lstrip("; ")
        else:
            row.peers["MLflow server"] = figure


def medians(measured: list[tuple[float, float, int]]) -> list[float]:
    """Return the median of each figure."""
    return [median(one) or 0.0 for one in zip(*measured, strict=True)]


def mlflow_server(folder: Path, repeats: int, until: float) -> Iterator[tuple[float, float, int]]:
    """Measure MLflow's server in the same way; it is given ten seconds to finish booting before it is weighed."""
    python = peer("mlflow")
    for number in range(repeats if python else 0):
        assert python is not None
        if time.monotonic() > until:
            return
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        place = folder / f"mlflow{number}"
        place.mkdir()
        where = ("--backend-store-uri", f"sqlite:///{place}/mlflow.db", "--default-artifact-root", place)
        command = [python.with_name("mlflow"), "server", *where, "--port", str(port), "--workers", "1"]
        with running(command, lambda port=port: asked(("127.0.0.1", port), "/health")) as (seconds, pid):
            time.sleep(10)
            yield seconds, sum(resident_mb(one) for one in session(pid)), len(session(pid))


@contextmanager
def running(command: list[str | Path], answers: Callable[[], bool]) -> Iterator[tuple[float, int]]:
    """Run a process until the block ends; gives the seconds until it answered, and its pid."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(),
        start_new_session=True,
    )
    try:
        while not answers():
            if process.poll() is not None or time.perf_counter() - started > 90:
                sys.exit(f"{command[0]} did not answer")
            time.sleep(0.002)
        yield time.perf_counter() - started, process.pid
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def asked(address: Path | tuple[str, int], path: str = "/v1/health") -> bool:
    """Tell whether an address answers a request with 200."""
    family = socket.AF_UNIX if isinstance(address, Path) else socket.AF_INET
    with socket.socket(family) as connection:
        connection.settimeout(30)
        try:
            connection.connect(str(address) if isinstance(address, Path) else address)
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n".encode())
            return connection.recv(64).split(b" ")[1:2] == [b"200"]
        except OSError:
            return False


def session(pid: int) -> list[int]:
    """Return the processes of the session that `pid` leads."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == pid:
                found.append(int(entry.name))
    return found


def resident_mb(pid: int) -> float:
    """Return VmRSS."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def libraries(pid: int) -> set[str]:
    """Return the model libraries of which a process has a shared object mapped."""
    mapped = Path(f"/proc/{pid}/maps").read_text()
    return {name for name in MODEL_LIBRARIES if f"/site-packages/{name}/" in mapped}


def starting(root: Path, repeats: int) -> Row:
    """Measure the command that starts a daemon, until it returns."""
    taken: list[float | None] = []
    for _ in range(repeats):
        started = time.perf_counter()
        modeldeck(root, "daemon", "start")
        taken.append(time.perf_counter() - started)
        modeldeck(root, "daemon", "stop")
    return Row("daemon start, until it returns", "s", "lower", median(taken), repeats=repeats)


def due(repeats: int) -> Row:
    """Measure one tick in which every schedule is due."""
    scripts = {"modeldeck": "modeldeck_schedules.py", "APScheduler": "peers/schedules_apscheduler.py",
               "one table": "peers/schedules_sqlite.py"}  # fmt: skip
    taken: dict[str, list[float | None]] = {name: [] for name in scripts}
    for _ in range(repeats):
        for name, script in scripts.items():
            with tempfile.TemporaryDirectory(prefix="md-") as folder:
                command = [sys.executable, HERE / script, folder, str(SCHEDULES)]
                ran = subprocess.run(command, check=True, capture_output=True, text=True, env=environment())
            taken[name].append(json.loads(ran.stdout.splitlines()[-1])["us_per_job"])
    found = {name: median(values) or 0.0 for name, values in taken.items()}
    return Row(
        f"a due cron job among {SCHEDULES:,} due at once",
        "us",
        "lower",
        found["modeldeck"],
        {"APScheduler, stored jobs": found["APScheduler"]},
        {"one table, one transaction": found["one table"]},
        repeats,
        "ours makes a queued job and its event of each; the others only note the next time",
    )


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent))
    main()
