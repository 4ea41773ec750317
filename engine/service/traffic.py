"""The last day's traffic as the daemon last counted it. Reading it costs one small file."""

from __future__ import annotations

import json
from pathlib import Path

from engine.workspace import Workspace


def traffic_file(workspace: Workspace) -> Path:
    """Return where the daemon writes its counts: {model: {"rows", "errors"}}."""
    return workspace.predictions / "traffic.json"


def day_traffic(workspace: Workspace) -> dict[str, tuple[int, int]]:
    """Return rows and errors of each model in the last 24 hours; empty before the daemon's first count."""
    try:
        said = json.loads(traffic_file(workspace).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return {}
    return {model: (int(counts["rows"]), int(counts["errors"])) for model, counts in said.items()}
