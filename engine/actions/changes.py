"""The actions that change the deck: each carries out an operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine import availability as why
from engine.actions.action import Action
from engine.actions.scopes import MODEL_SCOPES, RELEASE_SCOPES, SAID_OF_SCOPES, SCHEDULE_SCOPES, TRAIN_SCOPES
from engine.operations.operation import Danger


def _act(
    operation: str,
    key: str,
    title: str,
    scopes: tuple[str, ...],
    hint: str,
    danger: Danger,
    available: Callable[[Any], str | None],
    hinted: tuple[str, ...] = (),
) -> Action:
    return Action(operation, key, title, scopes, "act", hint, danger, operation, available=available, hinted=hinted)


CHANGES = (
    _act(
        "releases.promote",
        "P",
        "promote: give a version the traffic",
        MODEL_SCOPES,
        "promote",
        Danger.DANGEROUS,
        why.promotable,
    ),
    _act(
        "releases.rollback",
        "R",
        "roll back: return to the version before",
        MODEL_SCOPES,
        "roll back",
        Danger.DANGEROUS,
        why.returnable,
    ),
    _act(
        "releases.deploy",
        "D",
        "deploy: bring the champion to the applied settings",
        ("pulse", "models", "deploys", "deploy", "releases", "release"),
        "",
        Danger.DANGEROUS,
        why.deployable,
    ),
    _act(
        "approvals.request",
        "Q",
        "ask that a version may take traffic",
        ("models", "versions", "version"),
        "",
        Danger.CHANGE,
        why.approvable,
    ),
    _act(
        "approvals.grant",
        "S",
        "say yes to what is asked of a version",
        ("models", "versions", "version", "approvals", "approval"),
        "grant",
        Danger.DANGEROUS,
        why.grantable,
        hinted=("approvals", "approval"),  # elsewhere the row does not say whether anything is asked
    ),
    _act("runs.train", "T", "train a new version", TRAIN_SCOPES, "train", Danger.CHANGE, why.needs_model),
    _act("monitors.run", "M", "run the monitor now", MODEL_SCOPES, "", Danger.CHANGE, why.needs_model),
    _act(
        "alerts.ack", "A", "take the alert on yourself", ("alerts", "alert"), "ack", Danger.CHANGE, why.acknowledgeable
    ),
    _act(
        "alerts.snooze",
        "Z",
        "put the alert aside for 4 hours",
        ("alerts", "alert"),
        "snooze",
        Danger.CHANGE,
        why.resolvable,
    ),
    _act(
        "alerts.resolve", "V", "say that the alert is over", ("alerts", "alert"), "over", Danger.CHANGE, why.resolvable
    ),
    _act(
        "notifications.replay",
        "E",
        "send the notification again, with the same id",
        ("notifications", "notification"),
        "again",
        Danger.CHANGE,
        why.repeatable,
    ),
    _act(
        "comments.add",
        "W",
        "write a comment; @name tells somebody",
        (*SAID_OF_SCOPES, "thread"),
        "",
        Danger.CHANGE,
        why.needs_row,
    ),
    _act("jobs.cancel", "K", "cancel the job", ("jobs", "log"), "cancel", Danger.CHANGE, why.cancellable),
    _act("jobs.pause", "H", "let the backfill begin nothing more", ("jobs",), "pause", Danger.CHANGE, why.holdable),
    _act("jobs.resume", "U", "let the paused backfill go on", ("jobs",), "go on", Danger.CHANGE, why.holdable),
    _act(
        "releases.abort",
        "X",
        "abort the release: traffic returns to the champion",
        RELEASE_SCOPES,
        "abort",
        Danger.DANGEROUS,
        why.open_release,
    ),
    _act(
        "releases.pause",
        "H",
        "hold the release where it is",
        RELEASE_SCOPES,
        "hold",
        Danger.CHANGE,
        why.pausable,
    ),
    _act(
        "releases.resume",
        "U",
        "let the held release go on",
        RELEASE_SCOPES,
        "resume",
        Danger.CHANGE,
        why.resumable,
    ),
    _act(
        "deployments.converge",
        "B",
        "bring the hosts to what the registry says",
        ("pulse", "deploys", "deploy"),
        "bring back",
        Danger.DANGEROUS,
        why.convergeable,
    ),
    _act(
        "schedules.pause",
        "H",
        "hold the schedule: it fires no more until it is resumed",
        SCHEDULE_SCOPES,
        "pause",
        Danger.CHANGE,
        why.schedule_runs,
    ),
    _act(
        "schedules.resume",
        "U",
        "let the schedule fire again, from now on",
        SCHEDULE_SCOPES,
        "resume",
        Danger.CHANGE,
        why.schedule_is_paused,
    ),
    _act(
        "schedules.run",
        "N",
        "run the schedule's job now, paused or not",
        SCHEDULE_SCOPES,
        "run now",
        Danger.CHANGE,
        why.needs_row,
    ),
)
