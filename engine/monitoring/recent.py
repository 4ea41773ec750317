"""How much an endpoint has been asked in the last minutes: from open segments and the collector's counts, no Arrow."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.monitoring.uncollected import uncollected_rows

if TYPE_CHECKING:
    from pathlib import Path

    from engine.workspace import Workspace

WINDOW_US = 600_000_000  # the last ten minutes: long enough to be steady, short enough to be now
SLICE_US = 300_000_000  # the collector counts what it has brought home in slices of five minutes
SERVER_FAILED = 500


@dataclass(frozen=True, slots=True)
class Recent:
    """Live rows of an endpoint over the last `seconds`, failed ones among them."""

    rows: int = 0
    errors: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds if self.seconds > 0 else 0.0


def counts_file(workspace: Workspace) -> Path:
    """Return where the collector keeps what each collected file holds, per slice of time."""
    return workspace.predictions / "traffic-files.json"


def recent_traffic(workspace: Workspace, endpoint: str, now_us: int) -> Recent:
    """Return the traffic of an endpoint since ten minutes ago, or since its first row if that came later."""
    first_slice = (now_us - WINDOW_US) // SLICE_US
    since = first_slice * SLICE_US
    rows, errors, first = _collected(workspace, endpoint, first_slice)
    for row in uncollected_rows(workspace, endpoint, since_us=since):
        if row.get("kind") == "live" and since <= row["received_at"] <= now_us:
            rows += 1
            errors += row["status"] >= SERVER_FAILED
            first = min(first, row["received_at"])
    return Recent(rows, errors, max((now_us - max(first, since)) / 1e6, 1.0)) if rows else Recent()


def _collected(workspace: Workspace, endpoint: str, first_slice: int) -> tuple[int, int, float]:
    try:
        said = json.loads(counts_file(workspace).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0, 0, float("inf")
    rows = errors = 0
    first = float("inf")
    for name, (answered, failed) in said.items():
        if name.partition("/")[0] != endpoint:
            continue
        for slot, count in answered.items():
            if int(slot) >= first_slice and count:
                rows += count
                first = min(first, int(slot) * SLICE_US)
        errors += sum(count for slot, count in failed.items() if int(slot) >= first_slice)
    return rows, errors, first
