"""A model that gets worse while its outcomes are late, as its monitor tells it."""

from __future__ import annotations

from sample_releases import HOUR, NOW

from engine.operations.watching import Look, MonitorDetail
from store.rows import Alert, Monitor, Window

FEATURES = tuple(
    {"name": f"feature_{number}", "kind": "numeric", "effect": 0.3 - number / 50, "threshold": 0.2, "psi": 0.1,
     "importance": 0.1, "test": "kolmogorov-smirnov", "drifted": number < 3}
    for number in range(9)
)  # fmt: skip
ESTIMATE = {"value": 24.2, "low": 22.0, "high": 26.4, "n": 400, "note": "loss model; holds while …"}


def looked(number: int) -> Look:
    """Return one of 40 hours: the estimate rises in the last ten, and the newest five have no outcome yet."""
    start = NOW - (40 - number) * HOUR
    late = number >= 35
    worse = 25.0 if number >= 30 else 20.0
    return Look(start, start + HOUR, 400, "no data" if number == 3 else "ok", 0.0 if late else 0.9,
                None if late else worse, worse)  # fmt: skip


def monitor_detail(alerts: tuple[Alert, ...] = ()) -> MonitorDetail:
    """Return a model that gets worse while outcomes are late."""
    name = "nightly-rates"
    window = Window("w", name, name, 2, NOW - HOUR, NOW, 0, "drift", 400, 0, 2.0, 9.0, 0.9, {}, FEATURES, NOW)
    monitor = Monitor(name, name, 300, 3600, "received", 0, 3, NOW - 60_000_000, "job")
    promised = {"value": 21.0, "low": 20.0, "high": 22.0}
    looks = tuple(looked(number) for number in range(40))
    return MonitorDetail(name, monitor, 2, "mae", False, promised, looks, window, ESTIMATE, alerts)
