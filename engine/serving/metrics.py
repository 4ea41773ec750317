"""Counters of one server as Prometheus text."""

from __future__ import annotations

import bisect
import time
from pathlib import Path

BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Histogram:
    """Counts per bucket of `BUCKETS_S`, the last count being those above all."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS_S) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect.bisect_left(BUCKETS_S, seconds)] += 1
        self.total += seconds

    def lines(self, name: str, labels: str) -> list[str]:
        """Return the exposition lines; `labels` is empty or `a="b"` pairs."""
        found: list[str] = []
        seen = 0
        comma = "," if labels else ""
        for bound, count in zip((*map(str, BUCKETS_S), "+Inf"), self.counts, strict=True):
            seen += count
            found.append(f'{name}_bucket{{{labels}{comma}le="{bound}"}} {seen}')
        tail = f"{{{labels}}}" if labels else ""
        return [*found, f"{name}_sum{tail} {self.total:.6f}", f"{name}_count{tail} {seen}"]


class ServerMetrics:
    """What one server counts."""

    def __init__(self, model: str, version: int, deployment: str) -> None:
        self._labels = f'model="{escape(model)}",version="{version}",deployment="{escape(deployment)}"'
        self.requests: dict[int, int] = {}
        self.latency = Histogram()
        self.rows = 0
        self.predictions = 0  # rows answered to others, without the server's own golden requests
        self.batches = 0
        self.dropped = 0
        self.log_failures = 0
        self.shed = 0
        self.late = 0
        self.gone = 0
        self.ready = False

    def count(self, status: int, seconds: float) -> None:
        """Count one answered request."""
        self.requests[status] = self.requests.get(status, 0) + 1
        self.latency.add(seconds)

    def text(self, byte_seconds: float = 0.0) -> str:
        """Return the exposition text; `byte_seconds` is the memory held so far, over time."""
        labels = self._labels
        lines = ["# TYPE modeldeck_requests_total counter"]
        lines += [
            f'modeldeck_requests_total{{{labels},status="{status}"}} {count}'
            for status, count in sorted(self.requests.items())
        ]
        for name, kind, value in (
            ("modeldeck_rows_total", "counter", self.rows),
            ("modeldeck_predictions_total", "counter", self.predictions),
            ("modeldeck_batches_total", "counter", self.batches),
            ("modeldeck_log_dropped_rows_total", "counter", self.dropped),
            ("modeldeck_log_failures_total", "counter", self.log_failures),
            ("modeldeck_shed_requests_total", "counter", self.shed),
            ("modeldeck_late_requests_total", "counter", self.late),
            ("modeldeck_gone_requests_total", "counter", self.gone),
            ("modeldeck_memory_byte_seconds_total", "counter", round(byte_seconds)),
            ("modeldeck_ready", "gauge", int(self.ready)),
            ("process_cpu_seconds_total", "counter", round(time.process_time(), 3)),
            ("process_resident_memory_bytes", "gauge", resident_bytes()),
        ):
            lines += [f"# TYPE {name} {kind}", f"{name}{{{labels}}} {value}"]
        lines += ["# TYPE modeldeck_request_seconds histogram"]
        lines += self.latency.lines("modeldeck_request_seconds", labels)
        return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """Escape a label value."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def resident_bytes() -> int:
    """Return the resident memory of this process."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * 4096
