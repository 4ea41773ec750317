"""`python tests/lanes.py [PYTEST WORDS]`: every test, in two processes side by side.

Tests that need a Docker engine mostly wait for it, and those that drive a deck end to end for its processes: alone,
each leaves half a machine idle. Exits as pytest does, with the worse of the two, and ends with what failed: a lane that
failed early would otherwise scroll away under the other.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).parent.parent
LANES = {"docker": "docker", "others": "not docker"}
TOLD_AGAIN = re.compile(r"E  +|FAILED |ERROR |\S+:\d+: ")  # what was wrong, where, and which test
ALONE = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # lanes whose threads wait for each other's cores stall
AT_MOST = 20  # lines of a lane told again
NOTHING_CHOSEN = 5  # what pytest says where no test of a lane was asked for


def main() -> int:
    """Run both lanes, or one after the other where there is one core, and tell their lines as they come."""
    at_once = (os.cpu_count() or 1) > 1
    running = []
    failures: dict[str, list[str]] = {name: [] for name in LANES}
    for name, marked in LANES.items():
        process = subprocess.Popen(
            [
                sys.executable,
                "-P",
                "-m",
                "pytest",
                "-m",
                marked,
                "-o",
                f"cache_dir=.pytest_cache/{name}",
                *sys.argv[1:],
            ],
            cwd=ROOT,
            env=os.environ | (ALONE if at_once else {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        telling = threading.Thread(target=_tell, args=(name, process, failures[name]))
        telling.start()
        running.append((process, telling))
        if not at_once:
            telling.join()
    for _, telling in running:
        telling.join()
    for name, lines in failures.items():
        for line in lines[-AT_MOST:]:
            print(f"{name}: {line}", end="")  # noqa: T201
    codes = [process.wait() for process, _ in running]
    if all(code == NOTHING_CHOSEN for code in codes):
        return NOTHING_CHOSEN
    return max(abs(code) for code in codes if code != NOTHING_CHOSEN)


def _tell(name: str, process: subprocess.Popen[str], failures: list[str]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if TOLD_AGAIN.match(line):
            failures.append(line)
        print(f"{name}: {line}", end="", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
