"""Whether a Docker host can carry models: one line per thing that must hold, each with its remedy."""

from __future__ import annotations

import time
from typing import Any

from engine.deploy.hosts.connection import DockerHost
from engine.operations.hosts import HostCheck
from store.errors import ModeldeckError
from store.rows import microseconds

OLDEST_API = (1, 41)
MOST_SKEW_S = 2.0
LEAST_MEMORY = 1 << 30
CONTAINERD = "io.containerd.snapshotter.v1"


def preflight(host: DockerHost, platform: str) -> list[HostCheck]:
    """Return every check; when the host cannot be reached, that one alone. `platform` is what images are made for."""
    try:
        client = host.client()
        begun = time.time()
        facts = client.info()
        now = (begun + time.time()) / 2
        version = client.version()
    except ModeldeckError as error:
        return [HostCheck("connection", "failed", error.message, error.hint)]
    return [
        HostCheck("connection", "passed", f"{host.state}, engine {version.get('Version', '?')}", ""),
        _api(version),
        _platform(facts, platform),
        _storage(facts),
        _limits(facts),
        _memory(facts),
        _clock(facts, now),
    ]


def _api(version: dict[str, Any]) -> HostCheck:
    told = str(version.get("ApiVersion", "0"))
    numbers = tuple(int(part) for part in told.split(".") if part.isdigit())
    if numbers >= OLDEST_API:
        return HostCheck("engine API", "passed", told, "")
    return HostCheck("engine API", "failed", told, "install Docker 20.10 or later there")


def _platform(facts: dict[str, Any], wanted: str) -> HostCheck:
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(facts.get("Architecture", ""), facts.get("Architecture", "?"))
    found = f"{facts.get('OSType', '?')}/{machine}"
    if found == wanted:
        return HostCheck("platform", "passed", found, "")
    return HostCheck("platform", "failed", found, f"images are made for {wanted}: use a host of that kind")


def _storage(facts: dict[str, Any]) -> HostCheck:
    driver = str(facts.get("Driver", "?"))
    status = {str(key): str(value) for key, value in facts.get("DriverStatus") or []}
    if CONTAINERD in status.get("driver-type", ""):
        return HostCheck(
            "image store", "warning", f"containerd, {driver}", "every version is shipped whole, not by layer"
        )
    if driver in ("overlay2", "overlay", "btrfs", "zfs", "fuse-overlayfs"):
        return HostCheck("image store", "passed", driver, "")
    return HostCheck("image store", "warning", driver, "overlay2 is what is tested: expect slow starts and large disks")


def _limits(facts: dict[str, Any]) -> HostCheck:
    asked = {"memory": "MemoryLimit", "CPU": "CpuCfsQuota", "processes": "PidsLimit"}
    absent = [name for name, key in asked.items() if not facts.get(key)]
    if not absent:
        return HostCheck("limits", "passed", "memory, CPU, processes", "")
    return HostCheck("limits", "failed", f"no limit on {', '.join(absent)}", "enable these cgroup controllers there")


def _memory(facts: dict[str, Any]) -> HostCheck:
    total, cores = int(facts.get("MemTotal", 0)), facts.get("NCPU", "?")
    shown = f"{total / (1 << 30):.1f} GiB, {cores} cores"
    if total >= LEAST_MEMORY:
        return HostCheck("memory", "passed", shown, "")
    return HostCheck("memory", "warning", shown, "one scikit-learn server needs about 200 MB")


def clock_skew(client: Any) -> float | None:
    """Return by how many seconds an engine's clock is ahead of ours, None where it does not tell."""
    begun = time.time()
    facts = client.info()
    return _skew(facts, (begun + time.time()) / 2)


def _skew(facts: dict[str, Any], now: float) -> float | None:
    try:
        return microseconds(_short(str(facts["SystemTime"]))) / 1e6 - now
    except (KeyError, ValueError):
        return None


def _clock(facts: dict[str, Any], now: float) -> HostCheck:
    skew = _skew(facts, now)
    if skew is None:
        return HostCheck("clock", "warning", "the engine does not say its time", "")
    if abs(skew) <= MOST_SKEW_S:
        return HostCheck("clock", "passed", f"{skew:+.1f} s from here", "")
    return HostCheck(
        "clock", "warning", f"{skew:+.1f} s from here", "run a time service there: windows go by its clock"
    )


def _short(text: str) -> str:
    """Cut the engine's nanoseconds to microseconds: `2026-01-01T00:00:00.123456789Z`."""
    head, dot, rest = text.partition(".")
    digits = rest.rstrip("Z")[:6]
    return f"{head}.{digits}Z" if dot and rest.endswith("Z") else text
