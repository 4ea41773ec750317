"""Whether a process is still the one we started: boot id, pid and start tick, so that a reused pid is never ours."""

from __future__ import annotations

import os
import signal
import time
from functools import cache
from pathlib import Path


@cache
def boot_id() -> str:
    """Return the id of this boot of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def started_mark(pid: int) -> str | None:
    """Return `boot id:start tick` of a living process, None when there is none (a zombie is dead)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name in parentheses may hold anything; the fields after its last parenthesis are plain.
    fields = text.rpartition(")")[2].split()
    if fields[0] in ("Z", "X"):
        return None
    return f"{boot_id()}:{fields[19]}"


def is_alive(pid: int | None, mark: str | None) -> bool:
    """Tell whether that very process lives."""
    return pid is not None and mark is not None and started_mark(pid) == mark


def age_s(mark: str | None) -> float:
    """Return for how long the process of a mark of this boot has existed, 0 for one of another boot."""
    boot, _, tick = (mark or "").partition(":")
    if boot != boot_id() or not tick.isdigit():
        return 0.0
    return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - int(tick) / os.sysconf("SC_CLK_TCK"))


def signal_group(pid: int, number: signal.Signals) -> bool:
    """Send a signal to the process group that `pid` leads; returns whether there was one."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True
