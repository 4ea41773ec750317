"""Operations on monitors, windows, outcomes and alerts."""

from __future__ import annotations

from typing import Any

from engine.access import Role
from engine.operations.common import DRY_RUN, ModelRequest, NoRequest
from engine.operations.operation import Danger, Operation, argument
from store.rows import Alert, Job, Monitor, OutcomeBatch, Window
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class WindowsRequest:
    """Windows of a model's monitor, newest first."""

    model: str = argument("the model's name")
    limit: int = argument("at most this many rows", flag="--limit", default=50)


@dataclass(frozen=True, slots=True)
class OutcomesRequest:
    """Outcomes: `rows` hold prediction_id, value and optionally observed_at."""

    model: str
    origin: str
    rows: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class AlertsRequest:
    """Alerts, newest first; open ones only unless `all`."""

    all: bool = argument("resolved ones too", flag="--all", default=False)


@dataclass(frozen=True, slots=True)
class AlertChange:
    """Acknowledge or resolve one alert."""

    id: str = argument("the alert's id; a unique prefix is enough")
    reason: str = argument("why, kept on record", flag="--reason", default="")
    dry_run: bool = argument(DRY_RUN, flag="--dry-run", default=False)


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
    Operation(
        "alerts.list",
        ("alerts",),
        "open alerts, newest first",
        AlertsRequest,
        Alert,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:alerts",
        many=True,
    ),
    Operation(
        "alerts.ack",
        ("alerts", "ack"),
        "take an alert on yourself",
        AlertChange,
        Alert,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_HANDLERS}:acknowledge",
        reversible=True,
    ),
    Operation(
        "alerts.resolve",
        ("alerts", "resolve"),
        "say that an alert is over",
        AlertChange,
        Alert,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_HANDLERS}:resolve",
    ),
)
