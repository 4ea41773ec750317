"""Changes that need no plan: what each asks, in which words, and the command line that does the same. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from console.render.words import short_id, typed_id
from console.screens.subjects import identity, kind_of
from engine.availability import asked_version
from engine.operations.alerts import AckRequest, AlertChange, SnoozeRequest
from engine.operations.approvals import ApprovalRequest
from engine.operations.comments import AddComment
from engine.operations.common import ModelRequest
from engine.operations.notifying import NotificationChange
from engine.operations.runs import TrainRequest
from engine.operations.serving import REACH, ReleaseChange
from engine.operations.work import CancelRequest, ScheduleChange, ScheduleRequest
from store.rows import Alert, Job, Notification, Schedule

SNOOZED = "4h"
Submit = Callable[[str], tuple[str, Any]]  # reason -> operation and request


@dataclass(frozen=True, slots=True)
class SmallChange:
    """One change. Without `text` it is sent at once: it is cheap, seen by nobody else, and easily taken back."""

    submit: Submit
    command: str
    heading: str = ""
    verb: str = ""
    text: tuple[str, ...] = ()
    needs_reason: bool = False
    asks: str = "reason"  # or text: what is said, as the command's last word


def small_change(action: str, row: Any, model: str) -> SmallChange:
    """Return what an action of the table asks of a row, or of a model by name."""
    return _CHANGES[action](row, model)


def _train(_row: Any, model: str) -> SmallChange:
    return SmallChange(
        lambda why: ("runs.train", TrainRequest(model, reason=why)),
        f"modeldeck train {model}",
        f"Train {model}",
        "Train",
        (
            f"Trains {model} on its source as it is now and registers a new version.",
            "Nothing is served by it: promoting is another step.",
        ),
    )


def _request(row: Any, model: str) -> SmallChange:
    number = asked_version(row)
    return SmallChange(
        lambda why: ("approvals.request", ApprovalRequest(model, number, why)),
        f"modeldeck approvals request {model} {number}",
        f"Ask for approval of {model}@{number}",
        "Ask",
        (
            f"Asks that v{number} may take traffic; whoever may grant it and did not ask says yes.",
            "It is bound to the version, its settings and the champion as they are now.",
        ),
    )


def _comment(row: Any, _model: str) -> SmallChange:
    kind, id = kind_of(row), identity(row)
    shown = id if kind in ("model", "version") else short_id(id)
    return SmallChange(
        lambda text: ("comments.add", AddComment(kind, id, text)),
        f"modeldeck comments add {kind} {shown}",
        f"Comment on {kind} {shown}",
        "Write",
        ("Everybody on the deck reads it, under your name; m shows what is said.", "@name tells somebody."),
        needs_reason=True,
        asks="text",
    )


def _look_now(_row: Any, model: str) -> SmallChange:
    return SmallChange(lambda why: ("monitors.run", ModelRequest(model)), f"modeldeck monitors run {model}")


def _cancel(job: Job, _model: str) -> SmallChange:
    return SmallChange(
        lambda why: ("jobs.cancel", CancelRequest(job.id, why)),
        f"modeldeck jobs cancel {short_id(job.id)}",
        f"Cancel {job.kind}",
        "Cancel the job",
        (
            f"Stops the {job.kind} job {short_id(job.id)}" + (f" of {job.model}." if job.model else "."),
            "What it has committed stays; its run is marked with the reason.",
        ),
    )


def _hold_backfill(job: Job, _model: str) -> SmallChange:
    return SmallChange(
        lambda why: ("jobs.pause", CancelRequest(job.id, why)), f"modeldeck jobs pause {short_id(job.id)}"
    )


def _resume_backfill(job: Job, _model: str) -> SmallChange:
    return SmallChange(
        lambda why: ("jobs.resume", CancelRequest(job.id, why)), f"modeldeck jobs resume {short_id(job.id)}"
    )


def _acknowledge(alert: Alert, _model: str) -> SmallChange:
    return SmallChange(lambda why: ("alerts.ack", AckRequest(alert.id)), f"modeldeck alerts ack {typed_id(alert.id)}")


def _snooze(alert: Alert, _model: str) -> SmallChange:
    return SmallChange(
        lambda why: ("alerts.snooze", SnoozeRequest(alert.id, why, lasts=SNOOZED)),
        f"modeldeck alerts snooze {typed_id(alert.id)} --for {SNOOZED}",
        "Put the alert aside",
        "Snooze",
        (alert.title, f"Puts it aside for {SNOOZED}; it is counted, and then comes back by itself."),
    )


def _resolve(alert: Alert, _model: str) -> SmallChange:
    return SmallChange(
        lambda why: ("alerts.resolve", AlertChange(alert.id, why)),
        f"modeldeck alerts resolve {typed_id(alert.id)}",
        "Alert is over",
        "It is over",
        (alert.title, "Says that it is over. Should it come again, a new alert is raised."),
    )


def _replay(row: Notification, _model: str) -> SmallChange:
    return SmallChange(
        lambda why: ("notifications.replay", NotificationChange(row.id)),
        f"modeldeck notifications replay {short_id(row.id)}",
    )


def _hold(_row: Any, model: str) -> SmallChange:
    return SmallChange(
        lambda why: ("releases.pause", ReleaseChange(model, why)),
        f"modeldeck releases pause {model}",
        f"Hold the release of {model}",
        "Hold",
        ("Holds the release where it is: traffic stays as it is now, and the rollout waits for U or X.",),
    )


def _go_on(_row: Any, model: str) -> SmallChange:
    return SmallChange(
        lambda why: ("releases.resume", ReleaseChange(model, why)),
        f"modeldeck releases resume {model}",
        f"Resume the release of {model}",
        "Resume",
        (
            "Lets the held release go on without the evidence it was waiting for.",
            REACH,
            "Your name and your reason go on record.",
        ),
        needs_reason=True,
    )


def _pause(row: Schedule, _model: str) -> SmallChange:
    return SmallChange(
        lambda why: ("schedules.pause", ScheduleChange(row.id, why)),
        f"modeldeck schedules pause {row.id}",
        f"Pause {row.id}",
        "Pause",
        (f"{row.trigger}: it fires no more until it is resumed.", "What falls due meanwhile is passed over."),
    )


def _resume(row: Schedule, _model: str) -> SmallChange:
    return SmallChange(
        lambda why: ("schedules.resume", ScheduleChange(row.id, why)), f"modeldeck schedules resume {row.id}"
    )


def _run_now(row: Schedule, _model: str) -> SmallChange:
    paused = " It stays paused." if row.paused_at is not None else ""
    return SmallChange(
        lambda why: ("schedules.run", ScheduleRequest(row.id)),
        f"modeldeck schedules run {row.id}",
        f"Run {row.id} now",
        "Run now",
        (f"Asks for its {row.kind} job of {row.model} now; its next time stays as it is.{paused}",),
    )


_CHANGES: dict[str, Callable[[Any, str], SmallChange]] = {
    "approvals.request": _request,
    "runs.train": _train,
    "monitors.run": _look_now,
    "jobs.cancel": _cancel,
    "jobs.pause": _hold_backfill,
    "jobs.resume": _resume_backfill,
    "comments.add": _comment,
    "alerts.ack": _acknowledge,
    "alerts.snooze": _snooze,
    "alerts.resolve": _resolve,
    "notifications.replay": _replay,
    "releases.pause": _hold,
    "releases.resume": _go_on,
    "schedules.pause": _pause,
    "schedules.resume": _resume,
    "schedules.run": _run_now,
}
