"""Who a process is: boot id and start tick, so that a reused pid is never taken for ours."""

from __future__ import annotations

from pathlib import Path


def pid_started(pid: int) -> str | None:
    """Return `<boot id>:<start tick>` of a live process, None where there is none (a zombie counts as none)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None
    return None if fields[0] in "ZX" else f"{boot}:{fields[19]}"


def is_alive(pid: int | None, started: str | None) -> bool:
    """Say whether the process that had this pid and start still runs."""
    return pid is not None and started is not None and pid_started(pid) == started
