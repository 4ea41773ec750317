"""Operations on monitors, windows and outcomes."""

from __future__ import annotations

from typing import Any

from engine.access import Role
from engine.operations.common import ModelRequest, NoRequest
from engine.operations.operation import Danger, Operation, argument
from store.rows import Alert, Job, Monitor, OutcomeBatch, Window, WindowPart
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class WindowsRequest:
    """Windows of a model's monitor, newest first."""

    model: str = argument("the model's name")
    limit: int = argument("at most this many rows", flag="--limit", default=50)


@dataclass(frozen=True, slots=True)
class PartsRequest:
    """Hosts or slices of a model's newest windows, the worst first in each."""

    model: str = argument("the model's name")
    by: str = argument("host or slice", flag="--by", metavar="host|slice", default="slice")
    windows: int = argument("of so many of the newest windows", flag="--windows", default=1)
    number: int = argument("of this version alone", flag="--of-version", metavar="N", default=0)


@dataclass(frozen=True, slots=True)
class AttributionsRequest:
    """What columns contributed to a version's newest explained predictions, beside those before."""

    model: str = argument("the model's name")
    number: int = argument("of this version, else of the newest", flag="--of-version", metavar="N", default=0)
    rows: int = argument("so many of the newest predictions", flag="--rows", default=200)


@dataclass(frozen=True, slots=True)
class AttributionMoved:
    """What one column contributed on the average, by size, and how far its contributions moved."""

    name: str
    version: int
    from_at: int  # of the newest predictions
    to_at: int
    before: float | None
    now: float | None
    effect: float | None
    threshold: float | None
    p_value: float | None
    drifted: bool | None  # None: it cannot be told, `note` says why
    n: int
    n_reference: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """One window of a version by its primary metric; None where it has no such figure."""

    from_at: int
    to_at: int
    rows: int
    verdict: str
    coverage: float | None  # share of the rows whose outcome has come
    realised: float | None
    estimated: float | None


@dataclass(frozen=True, slots=True)
class MonitorDetail:
    """How good a version is, window by window on one axis, oldest first: as promised, as estimated, as realised."""

    model: str
    monitor: Monitor
    version: int | None  # the newest that was looked at; None: none was
    metric: str
    greater_is_better: bool
    promised: dict[str, Any]  # of the holdout: value, low, high
    looks: tuple[Look, ...]
    window: Window | None  # the newest in which features were compared
    estimate: dict[str, Any]  # the newest: value, low, high, n, note
    alerts: tuple[Alert, ...]  # that stand, of this model
    hosts: tuple[WindowPart, ...] = ()  # of the version's newest window that has any, the worst first
    slices: tuple[WindowPart, ...] = ()
    has_left: bool = False  # the version was taken back, or followed by another: it serves nowhere now


@dataclass(frozen=True, slots=True)
class MonitorNewest:
    """What one monitor saw last. `realised` is of the newest window with outcomes, which is often an older one."""

    model: str
    every_s: int
    last_run_at: int | None
    version: int | None  # None, as what follows: it has no window yet
    from_at: int | None
    to_at: int | None
    verdict: str  # ok, drift, degraded, no data
    rows: int
    coverage: float | None
    metric: str
    greater_is_better: bool
    promised: float | None  # of the holdout
    estimated: float | None
    realised: float | None
    realised_to_at: int | None  # the end of the window that `realised` is of
    moved: str  # the feature that moved most, weighed by its importance; "" where none was compared
    moved_effect: float | None
    moved_threshold: float | None
    drifted: int  # how many features drifted
    alerts: tuple[str, ...]  # kinds of those that stand, which are what may ask for a training
    has_left: bool = False  # the version serves nowhere now


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


@dataclass(frozen=True, slots=True)
class OutcomesTaken(OutcomeBatch):
    """A delivery that was taken, and the first of the prediction ids in it that no log knows (yet)."""

    unknown_ids: tuple[str, ...] = ()


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
        "monitors.newest",
        ("monitors", "newest"),
        "what each monitor saw last",
        NoRequest,
        MonitorNewest,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:newest",
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
        "monitors.parts",
        ("monitors", "parts"),
        "slices and hosts, the worst first",
        PartsRequest,
        WindowPart,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:parts",
        many=True,
    ),
    Operation(
        "monitors.attributions",
        ("monitors", "attributions"),
        "whether the reasons of answers moved",
        AttributionsRequest,
        AttributionMoved,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:attributions",
        many=True,
    ),
    Operation(
        "monitors.detail",
        ("monitors", "show"),
        "how good a model is over time",
        ModelRequest,
        MonitorDetail,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:detail",
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
        OutcomesTaken,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_HANDLERS}:record_outcomes",
        command_line=False,
        takes_rows=True,
    ),
)
