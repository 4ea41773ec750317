"""What passed through the router, by deployment."""

from __future__ import annotations

import bisect
from typing import Any

from engine.deploy.router import BUCKETS_MS
from engine.serving.metrics import escape


class Counts:
    """One deployment's counters."""

    __slots__ = ("errors", "in_flight", "latency", "requests", "total_ms")

    def __init__(self) -> None:
        self.requests = 0
        self.errors = 0
        self.in_flight = 0
        self.latency = [0] * (len(BUCKETS_MS) + 1)
        self.total_ms = 0.0

    def add(self, status: int, ms: float) -> None:
        """Count one answer."""
        self.requests += 1
        self.errors += status >= 500
        self.latency[bisect.bisect_left(BUCKETS_MS, ms)] += 1
        self.total_ms += ms

    def to_json(self) -> dict[str, Any]:
        """Return the control answer's form."""
        return {
            "requests": self.requests,
            "errors": self.errors,
            "in_flight": self.in_flight,
            "latency": list(self.latency),
        }


def exposition(counts: dict[str, Counts], unanswered: dict[str, int]) -> str:
    """Return Prometheus text."""
    lines = ["# TYPE modeldeck_router_requests_total counter"]
    for name in ("requests", "errors"):
        lines += [f"# TYPE modeldeck_router_{name}_total counter"] if name == "errors" else []
        lines += [
            f'modeldeck_router_{name}_total{{deployment="{escape(key)}"}} {getattr(one, name)}'
            for key, one in counts.items()
        ]
    lines += ["# TYPE modeldeck_router_in_flight gauge"]
    lines += [
        f'modeldeck_router_in_flight{{deployment="{escape(key)}"}} {one.in_flight}' for key, one in counts.items()
    ]
    lines += ["# TYPE modeldeck_router_unanswered_total counter"]
    lines += [
        f'modeldeck_router_unanswered_total{{endpoint="{escape(name)}"}} {count}' for name, count in unanswered.items()
    ]
    lines += ["# TYPE modeldeck_router_seconds histogram"]
    for key, one in counts.items():
        label = f'deployment="{escape(key)}"'
        seen = 0
        for bound, count in zip((*(str(ms / 1000) for ms in BUCKETS_MS), "+Inf"), one.latency, strict=True):
            seen += count
            lines.append(f'modeldeck_router_seconds_bucket{{{label},le="{bound}"}} {seen}')
        lines += [
            f"modeldeck_router_seconds_sum{{{label}}} {one.total_ms / 1000:.6f}",
            f"modeldeck_router_seconds_count{{{label}}} {seen}",
        ]
    return "\n".join(lines) + "\n"
