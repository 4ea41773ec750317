"""The registry beside MLflow's and beside sqlite3 by hand, taking turns in one run.

    python benchmarks/registry.py [--quick] [--json FILE]

Every contender is a process of its own with stores of its own, thrown away at the end: what is written lies on the disk
of the temporary folder, the large stores, which are only read, in memory where there is room. modeldeck and sqlite3
write with `synchronous = FULL`; MLflow's SQLite is as MLflow leaves it, fully durable too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from figures import Contender, Row, arguments, environment, median, peer, show

HERE = Path(__file__).resolve().parent
LIMIT, PEER, OURS = "sqlite3", "MLflow", "modeldeck"
RUNS, VERSIONS = 100_000, 10_000
ROOM_BYTES = 4 << 30


@dataclass(frozen=True, slots=True)
class Plan:
    """A row to measure: what contenders call it, how its time reads, and another limit that does more of the job."""

    call: str
    title: str
    unit: str
    per_call: int = 1
    also: str = ""
    note: str = ""

    @property
    def better(self) -> str:
        return "lower" if self.unit == "ms" else "higher"

    def figure(self, seconds: float | None) -> float | None:
        """Return seconds per call in the row's unit."""
        if seconds is None:
            return None
        return seconds * 1000 if self.unit == "ms" else self.per_call / seconds


LISTED = "what a list shows: the documents of a version are read when it is opened, ours and by hand"
PLANS = (
    Plan(
        "run_batched",
        "run: 10 params, 10 metrics, batched",
        "runs/s",
        also="run_batched_events",
        note="three commits; ours two events too, and an index of its params",
    ),
    Plan(
        "run_calls",
        "run: the same by 22 calls",
        "runs/s",
        note="ours is on the spool call by call, survives a killed process there, and is in the registry with its end",
    ),
    Plan("point_call", "one metric point by one call, logging side", "points/s", note="ours is on the spool"),
    Plan("points_logged", "1,000 metric points, logging side", "points/s", 1000, note="ours are on the spool"),
    Plan("points", "1,000 metric points, in the registry", "points/s", 1000, note="ours by way of the spool"),
    Plan("register", "register a version", "versions/s", also="register_event", note="one tag; ours its event too"),
    Plan("alias_set", "move an alias", "moves/s", also="alias_set_event", note="ours its event too"),
    Plan(
        "alias_opened",
        "move an alias, the first 200 after opening",
        "moves/s",
        also="alias_opened_event",
        note="the same while its log is new; opening and closing are timed too",
    ),
    Plan("alias_get", "get a version by alias", "reads/s"),
    Plan("versions_filter", f"{VERSIONS:,} versions: first 100 by tag", "ms", note=LISTED),
    Plan("versions_all", f"{VERSIONS:,} versions: list all", "ms", note=f"{LISTED}; ours made rows"),
    Plan("runs_top", f"{RUNS:,} runs: top 100 by a metric", "ms"),
    Plan(
        "runs_filter",
        f"{RUNS:,} runs: metric and param filter, by another metric",
        "ms",
        note="ours keeps until the next commit which runs a term finds, and their order",
    ),
    Plan(
        "runs_filter_first",
        f"{RUNS:,} runs: the same, read for the first time",
        "ms",
        note="ours opened anew for it and closed again, as a command does",
    ),
)  # fmt: skip

OPEN = {
    OURS: """
from pathlib import Path
from store.clock import SystemClock
from store.opening import create_or_upgrade
create_or_upgrade(Path(folder, "registry.db"), SystemClock()).close()
""",
    LIMIT: """
from pathlib import Path
sys.path.insert(0, peers)
from registry_sqlite import open_store
open_store(Path(folder, "store.db")).close()
""",
    PEER: """
from mlflow import MlflowClient
MlflowClient(tracking_uri=f"sqlite:///{folder}/mlflow.db").create_experiment("bench")
""",
}
TIMED = """
import sys, time
folder, peers = sys.argv[1:3]
started = time.perf_counter()
{}
print(time.perf_counter() - started)
"""


def main() -> None:
    """Measure and show."""
    named = arguments("the registry beside MLflow and sqlite3")
    until = time.monotonic() + (34 if named.quick else 600)
    with tempfile.TemporaryDirectory(prefix="modeldeck-registry-") as folder, large_folder() as large:
        rows, missing = run(Path(folder), Path(large), named.quick, until)
    if missing:
        for row in rows:
            row.note = f"{row.note}; {missing}".lstrip("; ")
    show(rows, named)


def large_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a folder for the large stores; two gigabytes that wait for the disk would slow down every commit."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM_BYTES
    return tempfile.TemporaryDirectory(prefix="modeldeck-registry-", dir=memory if roomy else None)


def run(folder: Path, large: Path, quick: bool, until: float) -> tuple[list[Row], str]:
    """Measure everything; returns the rows and what was missing."""
    pythons = {LIMIT: Path(sys.executable), OURS: Path(sys.executable)}
    if (python := peer("mlflow")) is not None:
        pythons[PEER] = python
    first = opening(pythons, folder, 1 if quick else 7)
    contenders = start(pythons, folder, large)
    try:
        rows = measure(contenders, 0.08 if quick else 0.4, 3 if quick else 7, until)
    finally:
        for contender in contenders.values():
            contender.close()
    return [*rows, first], "" if PEER in pythons else "no MLflow: make bench-peers"


def start(pythons: dict[str, Path], folder: Path, large: Path) -> dict[str, Contender]:
    """Start every contender and let all build their large stores at once."""
    scripts = {LIMIT: "peers/registry_sqlite.py", OURS: "modeldeck_registry.py", PEER: "peers/registry_mlflow.py"}
    contenders = {
        name: Contender(name, [python, HERE / scripts[name], folder / name, large / name, str(RUNS), str(VERSIONS)])
        for name, python in pythons.items()
    }
    for contender in contenders.values():
        contender.ask(build=True)
    for contender in contenders.values():
        said = contender.answer()
        if "error" in said:
            sys.exit(f"{contender.name} could not make its large store: {said['error']}")
    return contenders


def measure(contenders: dict[str, Contender], seconds: float, most: int, until: float) -> list[Row]:
    """Let contenders take turns at every row, round after round, while there is time; at least one round."""
    taken: dict[tuple[str, str], list[float | None]] = {}
    rounds = 0
    while rounds < most and (not rounds or time.monotonic() < until):
        names = list(contenders)
        names = names[rounds % len(names) :] + names[: rounds % len(names)]
        for plan in PLANS:
            for name in names:
                for call in (plan.call, plan.also) if name == LIMIT and plan.also else (plan.call,):
                    taken.setdefault((name, call), []).append(contenders[name].measure(call, seconds))
        rounds += 1
    return [row_of(plan, contenders, taken, rounds) for plan in PLANS]


def row_of(
    plan: Plan, contenders: dict[str, Contender], taken: dict[tuple[str, str], list[float | None]], rounds: int
) -> Row:
    """Return a plan's medians."""

    def figure(name: str, call: str) -> float | None:
        return plan.figure(median(taken.get((name, call), [])))

    others = {name: value for name, value in ((PEER, figure(PEER, plan.call)),) if value is not None}
    limits = ((LIMIT, figure(LIMIT, plan.call)), (f"{LIMIT} with its events", figure(LIMIT, plan.also)))
    failures = [
        f"{name} failed: {one.failures[plan.call]}" for name, one in contenders.items() if plan.call in one.failures
    ]
    return Row(
        plan.title,
        plan.unit,
        plan.better,
        figure(OURS, plan.call),
        others,
        {name: value for name, value in limits if value is not None},
        rounds,
        "; ".join([plan.note, *failures] if plan.note else failures),
    )


def opening(pythons: dict[str, Path], folder: Path, rounds: int) -> Row:
    """Measure making a store that is not there, by a fresh process each time, imports included."""
    taken: dict[str, list[float | None]] = {name: [] for name in pythons}
    for number in range(-1, rounds):  # the first time is not counted: bytecode may be missing
        for name, python in pythons.items():
            if number < 0 and name == PEER:
                continue  # its installer has compiled it
            new = folder / f"open-{name}-{number}"
            new.mkdir()
            ran = subprocess.run(
                [python, "-c", TIMED.format(OPEN[name]), new, HERE / "peers"],
                capture_output=True,
                text=True,
                check=True,
                env=environment(),
            )
            if number >= 0:
                taken[name].append(float(ran.stdout.split()[-1]) * 1000)
    found = {name: value for name, values in taken.items() if (value := median(values)) is not None}
    return Row(
        "open a new store",
        "ms",
        "lower",
        found.pop(OURS),
        {name: value for name, value in found.items() if name == PEER},
        {name: value for name, value in found.items() if name == LIMIT},
        rounds,
        "imports included, the interpreter's own start not",
    )


if __name__ == "__main__":
    main()
