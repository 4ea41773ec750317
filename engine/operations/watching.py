"""Operations on monitors, windows and outcomes."""

from __future__ import annotations

from typing import Any

from engine.access import Role
from engine.operations.common import ModelRequest, NoRequest
from engine.operations.operation import Danger, Operation, argument
from store.rows import Job, Monitor, OutcomeBatch, Window
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class WindowsRequest:
    """Windows of a model's monitor, newest first."""

    model: str = argument("the model's name")
    limit: int = argument("at most this many rows", flag="--limit", default=50)


@dataclass(frozen=True, slots=True)
class BackfillRequest:
    """Windows of a span of time, computed again."""

    model: str = argument("the model's name")
    span: str = argument("from when until when, the end left out: 2026-01-01..2026-02-01", metavar="FROM..TO")


@dataclass(frozen=True, slots=True)
class OutcomesRequest:
    """Outcomes: `rows` hold prediction_id, value and optionally observed_at."""

    model: str
    origin: str
    rows: tuple[dict[str, Any], ...]


_HANDLERS = "engine.service.handlers.watching"

OPERATIONS = (
    Operation(
        "monitors.list",
        ("monitors",),
        "the watch over each endpoint",
        NoRequest,
        Monitor,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:monitors",
        many=True,
    ),
    Operation(
        "monitors.windows",
        ("monitors", "windows"),
        "what was seen, window by window",
        WindowsRequest,
        Window,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:windows",
        many=True,
    ),
    Operation(
        "monitors.run",
        ("monitors", "run"),
        "look now",
        ModelRequest,
        Job,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_HANDLERS}:run",
        job=True,
    ),
    Operation(
        "monitors.backfill",
        ("monitors", "backfill"),
        "compute the windows of a span of time again",
        BackfillRequest,
        Job,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_HANDLERS}:backfill",
        job=True,
    ),
    Operation(
        "outcomes.record",
        (),
        "deliver outcomes",
        OutcomesRequest,
        OutcomeBatch,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_HANDLERS}:record_outcomes",
        command_line=False,
        takes_rows=True,
    ),
)
