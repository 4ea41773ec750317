"""How many CPUs a server may use: as the kernel's control groups and affinity say, not how many the machine has."""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from pathlib import Path, PurePosixPath

_ROOT = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")
# what the libraries below a pipeline read before their first import; whatever is set already stays
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def allowed(root: Path = _ROOT, own: Path = _OWN) -> int:
    """Return how many CPUs may be used, at least 1; a part of one is none, since its threads would only wait.

    Counted are the affinity of this process and `cpu.max` of its control group and of all above it (version 2).
    """
    return max(1, int(min([float(len(os.sched_getaffinity(0))), *_limits(root, own)])))


def _limits(root: Path, own: Path) -> list[float]:
    try:
        lines = own.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
    path = next((line[3:] for line in lines if line.startswith("0::")), "/")
    place = PurePosixPath(path.lstrip("/"))
    found: list[float] = []
    for part in (place, *place.parents):  # the last one is the root, all there is within a container
        try:
            quota, period = (root / part / "cpu.max").read_text(encoding="ascii").split()
            found.append(int(quota) / int(period))  # "max" is no number: no limit
        except (OSError, ValueError, ZeroDivisionError):
            continue
    return found


def fit_threads(environment: MutableMapping[str, str], count: int) -> None:
    """Say to the libraries how many threads they may start, where nobody has said so before."""
    for name in THREADS:
        environment.setdefault(name, str(count))
