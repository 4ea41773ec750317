"""Where two models run, what watches them, and what fires by itself, as frozen rows."""

from __future__ import annotations

from sample_releases import DAY, HOUR, MINUTE, NOW, identity

from engine.operations.history import Moment
from engine.operations.serving import DeploymentDetail
from engine.operations.watching import MonitorNewest
from engine.operations.work import Firing, ScheduleDetail
from engine.plans import Plan, PlanStep
from store.rows import Deployment, Fault, Replica, Route, Schedule, Served


def deployment(
    number: int, endpoint: str, version: int, role: str, host: str = "local", weight: int = 100
) -> Deployment:
    return Deployment(
        id=identity(600 + number),
        endpoint=endpoint,
        host=host,
        version=version,
        image=None,
        role=role,
        desired="serving",
        weight=weight,
        replicas=1,
        generation=number,
        settings_revision=3,
        release_id=identity(200 + number),
        created_at=NOW - number * HOUR,
        ended_at=None,
    )


def replica(of: Deployment, state: str = "ready", detail: str = "20 of 20 golden answers as recorded") -> Replica:
    seen = NOW - 2 * MINUTE
    return Replica(of.id, of.id, 1, state, 4711, "boot:1", 39687, detail, {}, of.created_at, seen)


def route(endpoint: str, host: str, weights: dict[str, int], applied: int = 7) -> Route:
    entries = tuple({"deployment_id": id, "version": 0, "image": None, "weight": weight, "role": ""}
                    for id, weight in weights.items())  # fmt: skip
    return Route(endpoint, host, 7, applied, entries, None, NOW - HOUR, NOW - HOUR)


_CHAMPION = deployment(4, "nightly-rates", 2, "champion", weight=90)
_NEW = deployment(1, "nightly-rates", 3, "challenger", weight=10)
_POSTS = deployment(2, "post-moderation", 2, "champion")
_REMOTE = deployment(3, "post-moderation", 2, "champion", host="edge")
_SPLIT = route("nightly-rates", "local", {_CHAMPION.id: 90, _NEW.id: 10})
LOST = Fault(
    "edge", "drift:container", "post-moderation", "edge runs v1 of post-moderation, v2 is asked for", NOW - HOUR, None
)

DEPLOYMENTS = (
    DeploymentDetail(_CHAMPION, (replica(_CHAMPION),), _SPLIT),
    DeploymentDetail(_NEW, (replica(_NEW),), _SPLIT),
    DeploymentDetail(_POSTS, (replica(_POSTS),), route("post-moderation", "local", {_POSTS.id: 100})),
    DeploymentDetail(
        _REMOTE,
        (replica(_REMOTE, "exited", "exit code 137"),),
        route("post-moderation", "edge", {_REMOTE.id: 100}, applied=6),
        (LOST,),
    ),
)

CONVERGE = Plan(
    kind="converge",
    endpoint="post-moderation",
    from_version=2,
    to_version=2,
    summary="post-moderation: v2 on edge",
    undo="",
    steps=(PlanStep("start", "start 1 server of v2", "edge"),),
)


def newest(model: str, verdict: str, **told: object) -> MonitorNewest:
    known: dict[str, object] = {
        "model": model,
        "every_s": 300,
        "last_run_at": NOW - 2 * MINUTE,
        "version": 2,
        "from_at": NOW - 2 * DAY,
        "to_at": NOW - DAY,
        "verdict": verdict,
        "rows": 1212,
        "coverage": 0.83,
        "metric": "mae",
        "greater_is_better": False,
        "promised": 21.42,
        "estimated": 23.6,
        "realised": 24.1,
        "realised_to_at": NOW - 3 * DAY,
        "moved": "lead_time",
        "moved_effect": 0.41,
        "moved_threshold": 0.2,
        "drifted": 2,
        "alerts": ("drift",),
    }
    return MonitorNewest(**{**known, **told})  # type: ignore[arg-type]


MONITORS = (
    newest("nightly-rates", "drift"),
    newest("post-moderation", "degraded", metric="log_loss", estimated=None, realised=1.31, coverage=0.97,
           realised_to_at=NOW - DAY, alerts=("performance",)),
    newest("quiet", "no data", last_run_at=None, version=None, from_at=None, to_at=None, rows=0, coverage=None,
           metric="", promised=None, estimated=None, realised=None, realised_to_at=None, moved="", moved_effect=None,
           moved_threshold=None, drifted=0, alerts=()),
)  # fmt: skip


def schedule(id: str, model: str, kind: str, trigger: str, **told: object) -> Schedule:
    known: dict[str, object] = {
        "id": id,
        "model": model,
        "kind": kind,
        "trigger": trigger,
        "catch_up": "once",
        "grace_s": 300,
        "settings_revision": 3,
        "paused_at": None,
        "next_at": NOW + 4 * MINUTE,
        "last_at": NOW - MINUTE,
        "last_job_id": identity(303),
    }
    return Schedule(**{**known, **told})  # type: ignore[arg-type]


SCHEDULES = (
    schedule("monitor:nightly-rates", "nightly-rates", "monitor", "every 5m"),
    schedule("retrain:nightly-rates", "nightly-rates", "train", "cron 0 3 * * *", next_at=NOW + 23 * HOUR, skipped=3),
    schedule("retrain:post-moderation", "post-moderation", "train", "on drift, performance", next_at=None),
    schedule(
        "monitor:post-moderation",
        "post-moderation",
        "monitor",
        "every 5m",
        paused_at=NOW - HOUR,
        paused_by="user:ben",
        paused_reason="the source moves",
    ),
)


def schedule_detail(row: Schedule) -> ScheduleDetail:
    ahead = () if row.paused_at or row.next_at is None else tuple(Firing(row.next_at + day * DAY) for day in range(5))
    return ScheduleDetail(row, "Europe/Lisbon", ahead, None, "it was paused" if row.skipped else "", NOW - DAY)


MOMENT = Moment(
    NOW - DAY,
    "2026-11-23 03:12:00",
    "UTC",
    "",
    (Served("nightly-rates", "nightly-rates", "local", 1, None, 100, "champion", 3, NOW - 2 * DAY, NOW - 3 * HOUR,
            identity(201), "promote", "user:anna", ""),),
)  # fmt: skip
