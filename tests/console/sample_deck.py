"""A deck that answers the console with frozen rows: two models on real-looking figures, a release, jobs, alerts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sample_approvals import approval_answers
from sample_monitor import monitor_detail
from sample_places import CONVERGE, DEPLOYMENTS, MOMENT, MONITORS, SCHEDULES, schedule_detail
from sample_releases import (
    DAY,
    DEPLOY,
    HASH,
    HOUR,
    MINUTE,
    MODELS,
    NOW,
    PLAN,
    RELEASES,
    ROLLBACK,
    VERSIONS,
    identity,
    release,
    steps,
)
from sample_told import NOTIFICATIONS

from engine.operations.alerts import AlertDetail
from engine.operations.deck import Changes, Pulse, PulseModel, counts_of
from engine.operations.serving import ReleaseDetail
from engine.operations.work import JobLogs
from engine.plans import Preview
from store.errors import UnknownName
from store.rows import Alert, Alias, Event, Job, Run


def job(number: int, kind: str, state: str, **changes: Any) -> Job:
    row = Job(
        id=identity(300 + number),
        kind=kind,
        model="nightly-rates",
        args={},
        state=state,
        reason="",
        actor="user:anna",
        via=None,
        settings_revision=3,
        attempt=1,
        pid=None,
        pid_started=None,
        progress=1.0 if state == "succeeded" else None,
        progress_text="",
        exit_code=0 if state == "succeeded" else None,
        result={},
        requested_at=NOW - number * 10 * MINUTE,
        started_at=None if state == "queued" else NOW - number * 10 * MINUTE,
        ended_at=NOW - number * 10 * MINUTE + 41_000_000 if state in ("succeeded", "failed", "cancelled") else None,
    )
    return replace(row, **changes)


JOBS = (
    job(0, "monitor", "queued", actor="schedule:monitor:post-moderation", model="post-moderation"),
    job(1, "train", "running", progress=0.43, progress_text="boosting, fold 2 of 3, 9s left"),
    job(2, "release", "running", progress=0.1, progress_text="10 % on local: 124 of 200 rows", id=identity(304)),
    job(3, "monitor", "succeeded", actor="schedule:monitor:nightly-rates", reason="2 windows, 1 alert"),
    job(4, "train", "failed", reason="source hotel.py:load raised at line 14: KeyError 'adr'"),
    job(5, "train", "succeeded", reason="nightly-rates@3"),
    job(6, "ingest", "cancelled", reason="asked by anna"),
    job(7, "train", "abandoned", reason="its process died (signal 9)"),
)

RUNS = tuple(
    Run(
        id=identity(100 + number),
        experiment=model,
        model=model,
        parent_id=None,
        kind="train",
        name=name,
        state=state,
        reason=reason,
        settings_revision=3,
        snapshot_id=HASH,
        job_id=identity(300),
        actor="user:anna",
        started_at=NOW - (number + 1) * HOUR,
        ended_at=None if state == "running" else NOW - (number + 1) * HOUR + 16_400_000,
        params={"estimator": "HistGradientBoosting", "learning_rate": "0.08", "max_leaf_nodes": "31"},
        metrics=metrics,
        tags={"note": "later rows"} if number == 1 else {},
    )
    for number, (model, name, state, reason, metrics) in enumerate(
        (
            ("nightly-rates", "auto", "running", "", {}),
            ("nightly-rates", "auto", "finished", "", {"mae": 20.73, "rmse": 27.4}),
            ("post-moderation", "auto", "finished", "", {"log_loss": 0.402, "roc_auc": 0.871}),
            ("nightly-rates", "auto", "abandoned", "its process died (signal 9)", {}),
            ("post-moderation", "auto", "failed", "a fold holds one class only", {}),
        )
    )
)


ALERTS = (
    Alert(
        id=identity(401),
        model="post-moderation",
        kind="performance",
        key="collapse",
        state="open",
        severity="critical",
        title="no positive label in 3 windows: log_loss 1.31, 0.40 in training",
        evidence={
            "windows": [
                {"from": "2017-04-01", "rows": 412, "log_loss": 0.92, "coverage": 1.0},
                {"from": "2017-05-01", "rows": 388, "log_loss": 1.31, "coverage": 0.97},
            ],
            "metric": "log_loss",
            "limit": 0.52,
            "version": 2,
        },
        count=3,
        opened_at=NOW - 5 * HOUR,
        seen_at=NOW - 12 * MINUTE,
        acknowledged_by=None,
        acknowledged_at=None,
        resolved_at=None,
    ),
    Alert(
        id=identity(402),
        model="nightly-rates",
        kind="drift",
        key="lead_time",
        state="open",
        severity="warning",
        title="nightly-rates: lead_time drifts, PSI 0.41 (limit 0.20) over 1,212 rows",
        evidence={"feature": "lead_time", "psi": 0.41, "limit": 0.2, "rows": 1212},
        count=1,
        opened_at=NOW - 40 * MINUTE,
        seen_at=NOW - 40 * MINUTE,
        acknowledged_by=None,
        acknowledged_at=None,
        resolved_at=None,
    ),
)

EVENTS = tuple(
    Event(
        seq=412 - number,
        at=NOW - age * MINUTE,
        actor=actor,
        via=None,
        action=action,
        subject_kind=kind,
        subject_id=subject,
        model=model,
        reason=reason,
        body={"from": 2, "kind": "promote", "to": 3} if kind == "release" else {},
        previous_hash="ab" * 32,
        hash="cd" * 32,
    )
    for number, (age, actor, action, kind, subject, model, reason) in enumerate(
        (
            (1, "user:anna", "release.requested", "release", identity(204), "nightly-rates", "better on groups"),
            (9, "user:anna", "version.registered", "version", "nightly-rates@3", "nightly-rates", ""),
            (12, "schedule:monitor", "alert.raised", "alert", identity(401), "post-moderation", ""),
            (60, "user:ben", "release.completed", "release", identity(202), "post-moderation", "collapse"),
            (180, "user:anna", "alias.moved", "alias", "nightly-rates@champion", "nightly-rates", ""),
            (420, "user:anna", "settings.applied", "settings", "3", None, "first week"),
            (421, "user:anna", "job.requested", "job", identity(305), "nightly-rates", ""),
            (425, "user:anna", "snapshot.added", "snapshot", HASH, "nightly-rates", ""),
        )
    )
)

PULSE = Pulse(
    deck="hotel-demo",
    daemon="running",
    now_at=NOW,
    models=(
        PulseModel(
            model="nightly-rates",
            task="regression",
            champion=2,
            since_at=NOW - 3 * HOUR,
            challenger=3,
            health="ready",
            release="",
            rows_24h=4812,
            errors_24h=0,
            latency_p99_ms=3.1,
            verdict="drift",
            judged_from_at=NOW - 32 * DAY,
            judged_to_at=NOW - 2 * DAY,
            judged_rows=1212,
            drift="drift",
            drifted=("lead_time", "market_segment", "adults", "repeated_guest"),
            metric="mae",
            metric_value=23.1,
            metric_n=388,
            metric_from_at=NOW - 32 * DAY,
            metric_reference=21.42,
            coverage=0.83,
            metric_history=(20.9, 21.3, 21.1, 21.9, 22.4, 22.2, 23.1),
            volume_history=(120.0, 180.0, 210.0, 260.0, 240.0, 310.0, 330.0, 300.0),
            alerts=1,
            last_change="promoted v1 → v2",
            last_change_at=NOW - 3 * HOUR,
            last_change_by="user:anna",
            last_change_reason="",
        ),
        PulseModel(
            model="post-moderation",
            task="classification",
            champion=2,
            since_at=NOW - HOUR,
            challenger=None,
            health="ready",
            release="",
            rows_24h=1290,
            errors_24h=3,
            latency_p99_ms=6.8,
            verdict="degraded",
            judged_from_at=NOW - 32 * DAY,
            judged_to_at=NOW - 2 * DAY,
            judged_rows=388,
            drift="ok",
            drifted=(),
            metric="log_loss",
            metric_value=1.31,
            metric_n=388,
            metric_from_at=NOW - 32 * DAY,
            metric_reference=0.402,
            coverage=0.97,
            metric_history=(0.4, 0.41, 0.5, 0.92, 1.31),
            volume_history=(90.0, 80.0, 110.0, 60.0, 70.0, 65.0),
            alerts=1,
            last_change="rolled back v3 → v2",
            last_change_at=NOW - HOUR,
            last_change_by="user:ben",
            last_change_reason="collapse",
        ),
    ),
    alerts=ALERTS,
    events=EVENTS,
    jobs_queued=1,
    jobs_running=2,
    jobs_failed_24h=1,
)

LOG = "".join(
    f"03:0{line // 10}:{line % 60:02d} fold {line % 3 + 1} of 3: mae {22 - line / 40:.2f}\n" for line in range(60)
)


class SampleClient:
    """Answers like a deck, from memory. `changes` are put in by tests; `calls` records what was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {
            "runs.curves": (),
            "tests.list": (),
            "deck.pulse": PULSE,
            "models.list": MODELS,
            "aliases.list": (Alias("nightly-rates", "champion", 2, 3, "user:anna", NOW),),
            "runs.list": RUNS,
            "jobs.list": JOBS,
            "releases.list": RELEASES,
            "events.list": EVENTS,
            "alerts.list": ALERTS,
            "monitors.detail": monitor_detail(ALERTS[:1]),
            "monitors.newest": MONITORS,
            "schedules.list": SCHEDULES,
            "deployments.list": DEPLOYMENTS,
            "deck.at": MOMENT,
            "deployments.preview_converge": Preview(CONVERGE, "basis-4"),
            "deployments.converge": job(8, "converge", "queued", model="post-moderation"),
            "schedules.run": job(8, "monitor", "queued"),
            "notifications.list": NOTIFICATIONS,
            "notifications.replay": NOTIFICATIONS[1],
            **approval_answers(NOW),
            "runs.train": job(9, "train", "queued"),
            "monitors.run": job(8, "monitor", "queued"),
            "jobs.cancel": job(1, "train", "cancelled"),
            "releases.preview_promote": Preview(PLAN, "basis-1"),
            "releases.preview_rollback": Preview(ROLLBACK, "basis-2"),
            "releases.preview_deploy": Preview(DEPLOY, "basis-3"),
            "releases.promote": RELEASES[0],
            "releases.rollback": RELEASES[1],
            "releases.deploy": release(4, "running", kind="deploy", from_version=2, to_version=2),
            "releases.abort": release(4, "aborted", from_version=2, to_version=3),
            "releases.pause": release(4, "held", from_version=2, to_version=3),
            "releases.resume": release(4, "running", from_version=2, to_version=3),
        }
        self.calls: list[tuple[str, Any]] = []
        self.token = 1
        self.failure: Exception | None = None

    def change(self, operation_id: str, answer: Any) -> None:
        """Answer differently from now on, and say that something moved."""
        self.answers[operation_id] = answer
        self.token += 1

    def called(self, operation_id: str) -> list[Any]:
        """Return the requests of an operation."""
        return [request for name, request in self.calls if name == operation_id]

    def call(self, operation_id: str, request: Any = None) -> Any:
        """Answer."""
        self.calls.append((operation_id, request))
        if self.failure is not None:
            raise self.failure
        if operation_id == "deck.changes":
            return Changes(str(self.token))
        answer = self.answers.get(operation_id)
        if isinstance(answer, Exception):
            raise answer
        if answer is not None:
            return answer
        return self._worked_out(operation_id, request)

    def _worked_out(self, operation_id: str, request: Any) -> Any:
        if operation_id == "versions.list":
            if request.model not in VERSIONS:
                raise UnknownName(f"no model is named {request.model}")
            return VERSIONS[request.model]
        if operation_id == "deck.counts":
            return counts_of(self.answers["deck.pulse"])
        if operation_id == "schedules.show":
            return schedule_detail(next(row for row in self.answers["schedules.list"] if row.id == request.id))
        if operation_id in ("schedules.pause", "schedules.resume"):
            paused = NOW if operation_id == "schedules.pause" else None
            rows = self.answers["schedules.list"]
            self.change(
                "schedules.list", tuple(replace(row, paused_at=paused) if row.id == request.id else row for row in rows)
            )
            return next(row for row in self.answers["schedules.list"] if row.id == request.id)
        if operation_id == "jobs.detail":
            return next(row for row in self.answers["jobs.list"] if row.id == request.id)
        if operation_id == "jobs.logs":
            return JobLogs(request.id, LOG[request.offset :], len(LOG))
        if operation_id == "releases.detail":
            row = next(row for row in self.answers["releases.list"] if row.id == request.id)
            return ReleaseDetail(row, steps(row.id, 8 if row.state == "running" else 14))
        if operation_id == "alerts.detail":
            return AlertDetail(next(row for row in self.answers["alerts.list"] if row.id == request.id))
        if operation_id in ("alerts.ack", "alerts.snooze", "alerts.resolve"):
            state = {"alerts.ack": "acknowledged", "alerts.snooze": "snoozed"}.get(operation_id, "resolved")
            taken = {"state": state, "acknowledged_by": "user:anna", "acknowledged_at": NOW}
            alerts = self.answers["alerts.list"]
            rows = tuple(replace(row, **taken) if row.id == request.id else row for row in alerts)
            self.change("alerts.list", rows)
            self.change("deck.pulse", replace(self.answers["deck.pulse"], alerts=rows))
            return next(row for row in rows if row.id == request.id)
        raise UnknownName(f"the sample deck does not answer {operation_id}")
