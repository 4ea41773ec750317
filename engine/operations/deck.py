"""Operations on the deck itself: settings, the pulse, what changed, events and audit."""

from __future__ import annotations

from typing import Any

from engine.access import Role
from engine.operations.common import Done, NoRequest, Page
from engine.operations.operation import Danger, Operation, argument
from store.rows import Alert, Event
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class ApplyRequest:
    """Apply deck.toml and models/*.toml as they stand on disk."""

    reason: str = argument("why, kept on record", flag="--reason", default="")
    dry_run: bool = argument("only say what would change", flag="--dry-run", default=False)


@dataclass(frozen=True, slots=True)
class EventsRequest(Page):
    """The newest events, filtered."""

    all: bool = argument("the jobs of schedules too", flag="--all", default=False)


@dataclass(frozen=True, slots=True)
class PulseModel:
    """One model on the pulse: what serves, since when, and whether it hurts anyone."""

    model: str
    task: str
    champion: int | None
    since_at: int | None
    challenger: int | None
    health: str  # ready, starting, unready, stopped, not deployed
    release: str  # "" or "10 %, held: …"
    rows_24h: int
    errors_24h: int
    latency_p99_ms: float | None
    verdict: str  # ok, drift, degraded, no data: of the newest window that had rows enough to judge
    judged_from_at: int | None
    judged_to_at: int | None
    judged_rows: int
    drift: str  # ok, drift, no data
    drifted: tuple[str, ...]  # names, worst first
    metric: str
    metric_value: float | None
    metric_n: int | None
    metric_from_at: int | None  # the window of the value: the judged one, unless the metric is undefined there
    metric_reference: float | None
    coverage: float | None
    metric_history: tuple[float, ...]  # per window, oldest first
    volume_history: tuple[float, ...]
    alerts: int
    last_change: str  # in words: rolled back v2 → v1
    last_change_at: int | None
    last_change_by: str
    last_change_reason: str
    faults: tuple[str, ...] = ()  # what is wrong now on the hosts it answers on, longest standing first
    undeployed: tuple[str, ...] = ()  # settings its servers do not run under yet, by name: deploy.replicas
    returnable: bool = True  # a rollback has somewhere to lead: a former champion, or servers from before a deploy


@dataclass(frozen=True, slots=True)
class PulseRequest:
    """The pulse of every model, or of those that matter most."""

    most: int = argument(
        "so many models at most, first those that serve or ask for a look; 0: all", flag="--most", default=0
    )


@dataclass(frozen=True, slots=True)
class Pulse:
    """Everything the first screen shows, in one answer."""

    deck: str
    daemon: str  # running, stopped
    now_at: int
    models: tuple[PulseModel, ...]
    alerts: tuple[Alert, ...]
    events: tuple[Event, ...]
    jobs_queued: int
    jobs_running: int
    jobs_failed_24h: int
    undelivered: int = 0  # notifications given up within a day, or whose last attempt failed
    total: int = 0  # models there are, of which `models` may be a part


@dataclass(frozen=True, slots=True)
class Counts:
    """What the line at the top of every screen says: the deck, and the counts that decide whether to look further."""

    deck: str
    daemon: str  # running, stopped
    jobs_queued: int
    jobs_running: int
    jobs_failed_24h: int
    alerts: int  # that stand
    undelivered: int


def counts_of(pulse: Pulse) -> Counts:
    """Return the counts that a pulse holds."""
    return Counts(
        pulse.deck,
        pulse.daemon,
        pulse.jobs_queued,
        pulse.jobs_running,
        pulse.jobs_failed_24h,
        sum(alert.state != "resolved" for alert in pulse.alerts),
        pulse.undelivered,
    )


@dataclass(frozen=True, slots=True)
class Changes:
    """An opaque token that moves whenever anything shown may have changed."""

    token: str


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """Whether the record is what was recorded, and with `deep` everything else too."""

    deep: bool = argument("the registry's pages and every artifact's hash too", flag="--deep", default=False)


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing that is not what was written: `what` is registry or artifact, `name` its file or hash."""

    what: str
    name: str
    detail: str


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What the hash chain proves: `verified` events up to `head`, or the first broken link.

    A deep look also tells how many artifacts were read, and everything it found damaged.
    """

    ok: bool
    verified: int
    head: str
    broken_seq: int | None
    detail: str
    artifacts: int | None = None
    damage: tuple[Damage, ...] = ()


@dataclass(frozen=True, slots=True)
class ShowRequest:
    """One thing of any kind."""

    kind: str = argument("model, version, run, job, release, alert, window, deployment, snapshot, event")
    id: str = argument("its id; a unique prefix is enough, versions are model@7")


@dataclass(frozen=True, slots=True)
class Shown:
    """The thing, whole."""

    kind: str
    id: str
    body: dict[str, Any]


OPERATIONS = (
    Operation(
        "deck.apply",
        (),
        "apply the settings files as a new revision",
        ApplyRequest,
        Done,
        Role.ADMIN,
        Danger.CHANGE,
        "engine.service.handlers.deck:apply",
        command_line=False,
        on_record=True,
    ),
    Operation(
        "deck.pulse",
        ("pulse",),
        "what serves, since when, is it hurting anyone",
        PulseRequest,
        Pulse,
        Role.VIEWER,
        Danger.READ,
        "engine.service.handlers.pulse:pulse",
    ),
    Operation(
        "deck.counts",
        (),
        "jobs and alerts, counted",
        NoRequest,
        Counts,
        Role.VIEWER,
        Danger.READ,
        "engine.service.handlers.pulse:counts",
        command_line=False,
    ),
    Operation(
        "deck.changes",
        (),
        "a token that moves when anything changes",
        NoRequest,
        Changes,
        Role.VIEWER,
        Danger.READ,
        "engine.service.handlers.deck:changes",
        command_line=False,
    ),
    Operation(
        "events.list",
        ("events",),
        "the change feed, newest first",
        EventsRequest,
        Event,
        Role.VIEWER,
        Danger.READ,
        "engine.service.handlers.deck:events",
        many=True,
    ),
    Operation(
        "audit.verify",
        ("audit", "verify"),
        "check the hash chain; --deep: all bytes",
        AuditRequest,
        AuditReport,
        Role.VIEWER,
        Danger.READ,
        "engine.service.handlers.deck:verify",
    ),
    Operation(
        "deck.show",
        ("show",),
        "one thing, whole",
        ShowRequest,
        Shown,
        Role.VIEWER,
        Danger.READ,
        "engine.service.handlers.deck:show",
    ),
)
