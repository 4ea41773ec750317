"""`python tests/lanes.py [PYTEST WORDS]`: every test, in two lanes side by side.

Tests that need a Docker engine mostly wait for it, and those that drive a deck end to end for its processes: alone,
each leaves half a machine idle. The quick tests go after the first, so that both lanes end at about the same time.
Exits as pytest does, with the worst of all, and ends with what failed: what failed early would otherwise scroll away.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).parent.parent
LANES = (("docker", "quick"), ("whole",))
MARKED = {
    "docker": "docker",
    "quick": "not docker and not e2e and not chaos",
    "whole": "not docker and (e2e or chaos)",
}
TOLD_AGAIN = re.compile(r"E  +|FAILED |ERROR |\S+:\d+: ")  # what was wrong, where, and which test
ALONE = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # lanes whose threads wait for each other's cores stall
AT_MOST = 20  # lines of a part told again
NOTHING_CHOSEN = 5  # what pytest says where no test of a part was asked for


def main() -> int:
    """Run both lanes, or one after the other where there is one core, and tell their lines as they come."""
    at_once = (os.cpu_count() or 1) > 1
    failures: dict[str, list[str]] = {name: [] for name in MARKED}
    codes: dict[str, int] = {}
    running = [threading.Thread(target=_run, args=(lane, at_once, failures, codes)) for lane in LANES]
    for lane in running:
        lane.start()
        if not at_once:
            lane.join()
    for lane in running:
        lane.join()
    for name, lines in failures.items():
        for line in lines[-AT_MOST:]:
            print(f"{name}: {line}", end="")  # noqa: T201
    if all(code == NOTHING_CHOSEN for code in codes.values()):
        return NOTHING_CHOSEN
    return max(abs(code) for code in codes.values() if code != NOTHING_CHOSEN)


def _run(lane: tuple[str, ...], at_once: bool, failures: dict[str, list[str]], codes: dict[str, int]) -> None:
    for name in lane:
        codes[name] = 1  # until it is known to be better
        words = ("-m", MARKED[name], "-o", f"cache_dir=.pytest_cache/{name}", *sys.argv[1:])
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "pytest", *words],
            cwd=ROOT,
            env=os.environ | (ALONE if at_once else {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        assert process.stdout is not None
        for line in process.stdout:
            if TOLD_AGAIN.match(line):
                failures[name].append(line)
            print(f"{name}: {line}", end="", flush=True)  # noqa: T201
        codes[name] = process.wait()


if __name__ == "__main__":
    sys.exit(main())
