"""Operations on alerts, and on the maintenance in which none opens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.access import Role
from engine.operations.common import DRY_RUN, NoRequest
from engine.operations.operation import Danger, Operation, argument
from store.rows import Alert, Event, Maintenance
from store.rows.frozen import dataclass

_ID = "the alert's id; a unique prefix is enough"
_WHY = "why, kept on record"
_TIME = "TIME"
_DURATION = "DURATION"


@dataclass(frozen=True, slots=True)
class AlertsRequest:
    """Alerts, the worst first; open ones only unless `all`."""

    all: bool = argument("resolved ones too", flag="--all", default=False)


@dataclass(frozen=True, slots=True)
class AlertChange:
    """Say that one alert is over."""

    id: str = argument(_ID)
    reason: str = argument(_WHY, flag="--reason", default="")
    dry_run: bool = argument(DRY_RUN, flag="--dry-run", default=False)


@dataclass(frozen=True, slots=True)
class AlertRequest:
    """One alert, with all that is known around it."""

    id: str = argument(_ID)


@dataclass(frozen=True, slots=True)
class Point:
    """The figure of one window; None where it had none."""

    from_at: int
    to_at: int
    rows: int
    value: float | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """What an alert is about, window by window, oldest first: the figure, its limit, and what was promised."""

    name: str
    unit: str
    limit: float | None
    promised: float | None
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class AlertDetail:
    """An alert, its figure over time, the last changes before it opened, what became of it, and what mutes it."""

    alert: Alert
    series: Series | None = None  # None: it is about no figure
    changes: tuple[Event, ...] = ()  # newest first
    life: tuple[Event, ...] = ()  # newest first
    maintenance: Maintenance | None = None
    returnable: bool = True  # a rollback of its model has somewhere to lead


def left(alert: Alert) -> str:
    """Return the mark of an alert about a version that no longer serves; "" of any other."""
    return f"v{alert.left_version} gone" if alert.left_version is not None else ""


ASIDE = ("snoozed", "muted", "resolved")  # they wait for nobody


def worst_first(alerts: Iterable[Alert]) -> list[Alert]:
    """Return alerts as every list shows them: those that ask for somebody, critical before warnings, then the newest.

    After them come what somebody put aside, and what is about a version that no longer serves.
    """

    def place(one: Alert) -> tuple[Any, ...]:
        is_aside = one.state in ASIDE or one.left_version is not None
        return (
            one.state == "resolved",
            is_aside,
            one.state == "acknowledged",
            one.severity != "critical",
            -one.seen_at,
        )

    return sorted(alerts, key=place)


@dataclass(frozen=True, slots=True)
class AckRequest:
    """Take one alert, or give it to somebody; it comes back by itself at a time, where one is said."""

    id: str = argument(_ID)
    reason: str = argument(_WHY, flag="--reason", default="")
    dry_run: bool = argument(DRY_RUN, flag="--dry-run", default=False)
    owner: str = argument("who has it from now on; else you", flag="--owner", metavar="USER", default="")
    until: str = argument("until when, as the deck's clock shows it", flag="--until", metavar=_TIME, default="")
    lasts: str = argument("for how long, such as 4h", flag="--for", metavar=_DURATION, default="")


@dataclass(frozen=True, slots=True)
class SnoozeRequest:
    """Put one alert aside until a time; then it comes back by itself."""

    id: str = argument(_ID)
    reason: str = argument(_WHY, flag="--reason", default="")
    dry_run: bool = argument(DRY_RUN, flag="--dry-run", default=False)
    until: str = argument("until when, as the deck's clock shows it", flag="--until", metavar=_TIME, default="")
    lasts: str = argument("for how long, such as 4h", flag="--for", metavar=_DURATION, default="")


@dataclass(frozen=True, slots=True)
class MaintenanceRequest:
    """Begin, move or end the maintenance of one model, or of the whole deck."""

    model: str = argument("the model's name, or all")
    until: str = argument("until when, as the deck's clock shows it", flag="--until", metavar=_TIME, default="")
    lasts: str = argument("for how long, such as 2h", flag="--for", metavar=_DURATION, default="")
    end: bool = argument("end it now", flag="--end", default=False)
    reason: str = argument(_WHY, flag="--reason", default="")
    dry_run: bool = argument(DRY_RUN, flag="--dry-run", default=False)


_HANDLERS = "engine.service.handlers.alerts"

OPERATIONS = (
    Operation(
        "alerts.list",
        ("alerts",),
        "open alerts, the worst first",
        AlertsRequest,
        Alert,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:alerts",
        many=True,
    ),
    Operation(
        "alerts.detail",
        ("alerts", "show"),
        "one alert with its evidence",
        AlertRequest,
        AlertDetail,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:detail",
    ),
    Operation(
        "alerts.ack",
        ("alerts", "ack"),
        "take an alert on yourself",
        AckRequest,
        Alert,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_HANDLERS}:acknowledge",
        reversible=True,
    ),
    Operation(
        "alerts.snooze",
        ("alerts", "snooze"),
        "put an alert aside until a time",
        SnoozeRequest,
        Alert,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_HANDLERS}:snooze",
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
    Operation(
        "alerts.maintenance",
        ("alerts", "maintenance"),
        "open no alert for a while",
        MaintenanceRequest,
        Maintenance,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_HANDLERS}:change_maintenance",
        reversible=True,
    ),
    Operation(
        "alerts.maintenances",
        ("alerts", "maintenances"),
        "maintenance under way and over",
        NoRequest,
        Maintenance,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:maintenances",
        many=True,
    ),
)
