"""Whether a model file's metrics are some that its task has: a gate nobody can measure would never be passed."""

from __future__ import annotations

import re

from engine.measures.named import needs
from store.errors import Refused

RUNNING = re.compile(r"latency_p[1-9][0-9]?_ms|memory_mb")  # measured on the running server, whatever the task
MEASURED = ("classification", "regression", "ranking", "forecasting")


def refusal(name: str, task: str, *, running: bool = False) -> str | None:
    """Return why a task has no such metric, with the closest name it has; None where it has, or no task measures any.

    `running` allows what is measured on a running server.
    """
    if task not in MEASURED or (running and RUNNING.fullmatch(name)):
        return None
    try:
        needs(name, task)
    except Refused as error:
        return error.line()
    return None
