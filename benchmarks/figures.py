"""What every benchmark shares: turns between contenders, medians, one table, and the JSON of its rows."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PEERS = ROOT / ".peers"
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "PYTHONWARNINGS": "ignore"}


@dataclass(slots=True)
class Row:
    """One row of figures: medians of `repeats`, in `unit`."""

    row: str
    unit: str
    better: str  # higher, lower
    modeldeck: float | None
    peers: dict[str, float] = field(default_factory=dict)
    limit: dict[str, float] = field(default_factory=dict)
    repeats: int = 0
    note: str = ""


def arguments(
    description: str, more: Callable[[argparse.ArgumentParser], None] = lambda parser: None, **switches: str
) -> argparse.Namespace:
    """Read `--quick` and `--json FILE`, what `more` adds, and `--NAME` of each switch, which is given with its help."""
    parser = argparse.ArgumentParser(description=description)
    more(parser)
    parser.add_argument("--quick", action="store_true", help="end within 50 seconds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there")
    for name, told in switches.items():
        parser.add_argument(f"--{name}", action="store_true", help=told)
    return parser.parse_args()


def peer(name: str) -> Path | None:
    """Return the interpreter of a peer's environment, None where `make bench-peers` was not run."""
    python = PEERS / name / "bin" / "python"
    return python if python.exists() else None


def environment() -> dict[str, str]:
    """Return what contenders run in: peers quiet, this project importable."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, **QUIET, "PYTHONPATH": f"{ROOT}{os.pathsep}{HERE / 'peers'}"}


class Contender:
    """A process that measures one row at a time, when it is its turn."""

    def __init__(self, name: str, command: Sequence[str | Path]) -> None:
        self.name = name
        self.failures: dict[str, str] = {}
        self._process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment(),
        )

    def ask(self, **asked: Any) -> None:
        """Send a request; `answer` waits for what it comes to."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """Return the answer to the last request."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        return json.loads(line) if line else {"error": f"{self.name} ended"}

    def measure(self, row: str, seconds: float) -> float | None:
        """Return seconds per call; None where it has no such row or failed, which `failures` then tells."""
        self.ask(row=row, seconds=seconds)
        said = self.answer()
        if "error" in said:
            self.failures[row] = said["error"]
        return said["wall_s"] / said["calls"] if "calls" in said else None

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def median(values: Iterable[float | None]) -> float | None:
    """Return the median of what was measured."""
    there = [value for value in values if value is not None]
    return statistics.median(there) if there else None


def show(rows: Sequence[Row], named: argparse.Namespace) -> None:
    """Print the table, and write the JSON where asked to."""
    head = ("row", "unit", "modeldeck", "peer", "times the peer", "limit", "of the limit", "n")
    lines = [head, *(cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for number, line in enumerate(lines):
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))
    for row in rows:
        if row.note:
            print(f"{row.row}: {row.note}")
    if named.json:
        named.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    sys.stdout.flush()


def cells(row: Row) -> tuple[str, ...]:
    """Return a row's cells: `times the peer` is how much better we are, `of the limit` what we reach of it."""
    return (
        row.row,
        row.unit,
        number(row.modeldeck),
        "  ".join(f"{name} {number(value)}" for name, value in row.peers.items()) or "-",
        "  ".join(ratio(row, value) for value in row.peers.values()) or "-",
        "  ".join(f"{name} {number(value)}" for name, value in row.limit.items()) or "-",
        "  ".join(ratio(row, value) for value in row.limit.values()) or "-",
        str(row.repeats),
    )


def ratio(row: Row, other: float) -> str:
    """Return how many times better than `other` we are; nothing is so many times better than nothing."""
    if not row.modeldeck or not other:
        return "-"
    times = row.modeldeck / other if row.better == "higher" else other / row.modeldeck
    return f"{times:.0f}x" if times >= 20 else f"{times:.1f}x" if times >= 2 else f"{times:.2f}x"


def number(value: float | None) -> str:
    """Return three digits that count."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
