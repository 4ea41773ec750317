"""What a change goes through: its plan read, shown, confirmed, sent with its basis, and followed."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from console.poller import Asks
from console.render.alerts import subject
from console.render.cells import Line
from console.render.plans import VERBS, changes_between, plan_lines, title
from console.render.sheet import Sheet
from console.render.words import short_id
from console.screens.catalog import release_page
from console.screens.page import Page
from console.widgets.dialog import Box, Confirm, Message
from engine.actions import Action, model_of, version_of
from engine.operations.alerts import AckRequest, AlertChange, SnoozeRequest
from engine.operations.common import ModelRequest
from engine.operations.notifying import NotificationChange
from engine.operations.runs import TrainRequest
from engine.operations.serving import DeployRequest, PromoteRequest, ReleaseChange, RollbackRequest
from engine.operations.work import CancelRequest
from engine.plans import Preview
from store.errors import ModeldeckError, StaleBasis
from store.rows import Alert, Job, Notification, Release

SNOOZED = "4h"

Work = Callable[[Asks], Any]
Then = Callable[[Any], None]
Otherwise = Callable[[ModeldeckError], None]


class Stage(Protocol):
    """What the app does for a change."""

    def send(self, doing: str, work: Work, then: Then, otherwise: Otherwise | None = None) -> None:
        """Carry out work on the errands' thread, keys held back meanwhile."""

    def show_box(self, box: Box | None) -> None:
        """Put a box on the screen, or take it away."""

    def open(self, page: Page) -> None:
        """Open a page."""

    def say(self, text: str, style: str = "") -> None:
        """Say something in the footer until the next key."""

    def seconds(self) -> float:
        """Monotonic seconds."""


@dataclass(slots=True)
class Asked:
    """A change waiting for its confirmation."""

    action: Action
    model: str
    submit: Callable[[str], tuple[str, Any]]  # reason -> operation and request
    command: str
    preview: Preview | None = None
    version: int | None = None


class Acts:
    """Runs the acts of the action table."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._asked: Asked | None = None
        self._box: Confirm | None = None

    def start(self, action: Action, row: Any, version: int | None = None, model: str = "") -> None:
        """Begin a change on a row, or on a model by name."""
        if row is not None or not model:
            reason = action.available(row)
            if reason:
                self._stage.say(f"{action.key}: {reason}", "warn")
                return
        name = model or model_of(row) or ""
        starts: dict[str, Callable[[], None]] = {
            "releases.promote": lambda: self._preview(action, name, version or version_of(row), ""),
            "releases.rollback": lambda: self._preview(action, name, None, ""),
            "releases.deploy": lambda: self._preview(action, name, None, ""),
            "releases.abort": lambda: self._preview(action, name, None, ""),
            "runs.train": lambda: self._train(action, name),
            "monitors.run": lambda: self._send(action, "monitors.run", ModelRequest(name)),
            "alerts.ack": lambda: self._send(action, "alerts.ack", AckRequest(row.id)),
            "alerts.snooze": lambda: self._snooze(action, row),
            "alerts.resolve": lambda: self._resolve(action, row),
            "notifications.replay": lambda: self._send(action, action.id, NotificationChange(row.id)),
            "jobs.cancel": lambda: self._cancel(action, row),
            "releases.pause": lambda: self._change(action, name, "Hold", _HOLD),
            "releases.resume": lambda: self._change(action, name, "Resume", _RESUME),
        }
        starts[action.id]()

    # releases: preview, dialog, submit

    def _preview(self, action: Action, model: str, version: int | None, reason: str) -> None:
        self._stage.send(
            f"reading what it would do to {model}",
            _preview_work(action, model, version, reason),
            lambda preview: self._show_plan(action, model, version, preview, reason),
        )

    def _show_plan(
        self,
        action: Action,
        model: str,
        version: int | None,
        preview: Preview,
        reason: str,
        changed: tuple[str, ...] = (),
    ) -> None:
        if preview.already:
            self._stage.show_box(None)
            self._stage.say(preview.already, "ok")
            return
        plan = preview.plan

        def submit(why: str) -> tuple[str, Any]:
            if plan.kind == "promote":
                return "releases.promote", PromoteRequest(model, plan.to_version, why, preview.basis)
            if action.id == "releases.deploy":
                return "releases.deploy", DeployRequest(model, why, preview.basis)
            if action.id == "releases.abort":
                return "releases.abort", ReleaseChange(model, why)
            return "releases.rollback", RollbackRequest(model, why, preview.basis)

        target = f" {plan.to_version}" if plan.kind == "promote" else ""
        verb = "releases abort" if action.id == "releases.abort" else action.id.removeprefix("releases.")
        self._asked = Asked(action, model, submit, f"modeldeck {verb} {model}{target}", preview, version)

        def make(width: int) -> list[Line]:
            return plan_lines(preview, width, changed)

        box = Confirm(title(plan), VERBS.get(plan.kind, plan.kind), make, self._stage.seconds)
        box.blocked, box.reason, box.undo = preview.blocked, reason, plan.undo
        self._box = box
        self._stage.show_box(box)

    # small changes

    def _train(self, action: Action, model: str) -> None:
        text = (
            f"Trains {model} on its source as it is now and registers a new version.",
            "Nothing is served by it: promoting is another step.",
        )
        self._confirm(
            action,
            model,
            f"Train {model}",
            "Train",
            text,
            lambda why: ("runs.train", TrainRequest(model, reason=why)),
            f"modeldeck train {model}",
        )

    def _cancel(self, action: Action, job: Job) -> None:
        text = (
            f"Stops the {job.kind} job {short_id(job.id)}" + (f" of {job.model}." if job.model else "."),
            "What it has committed stays; its run is marked with the reason.",
        )
        self._confirm(
            action,
            job.model or "",
            f"Cancel {job.kind}",
            "Cancel the job",
            text,
            lambda why: ("jobs.cancel", CancelRequest(job.id, why)),
            f"modeldeck jobs cancel {short_id(job.id)}",
        )

    def _snooze(self, action: Action, alert: Alert) -> None:
        text = (alert.title, f"Puts it aside for {SNOOZED}; it is counted, and then comes back by itself.")
        self._confirm(
            action,
            subject(alert),
            "Put the alert aside",
            "Snooze",
            text,
            lambda why: ("alerts.snooze", SnoozeRequest(alert.id, why, lasts=SNOOZED)),
            f"modeldeck alerts snooze {short_id(alert.id)} --for {SNOOZED}",
        )

    def _resolve(self, action: Action, alert: Alert) -> None:
        command = f"modeldeck alerts resolve {short_id(alert.id)}"
        text = (alert.title, "Says that it is over. Should it come again, a new alert is raised.")
        self._confirm(
            action,
            subject(alert),
            "Alert is over",
            "It is over",
            text,
            lambda why: ("alerts.resolve", AlertChange(alert.id, why)),
            command,
        )

    def _change(self, action: Action, model: str, verb: str, text: tuple[str, ...]) -> None:
        word = action.id.removeprefix("releases.")
        self._confirm(
            action,
            model,
            f"{verb} the release of {model}",
            verb,
            text,
            lambda why: (action.id, ReleaseChange(model, why)),
            f"modeldeck releases {word} {model}",
        )
        if self._box is not None:
            self._box.needs_reason = action.id == "releases.resume"

    def _confirm(
        self,
        action: Action,
        model: str,
        heading: str,
        verb: str,
        text: tuple[str, ...],
        submit: Callable[[str], tuple[str, Any]],
        command: str,
    ) -> None:
        def make(width: int) -> list[Line]:
            sheet = Sheet(width)
            for sentence in text:
                sheet.paragraph(sentence)
            sheet.blank()
            sheet.paragraph(command, "accent")
            return sheet.lines

        self._asked = Asked(action, model, submit, command)
        self._box = Confirm(heading, verb, make, self._stage.seconds, is_dangerous=False)
        self._stage.show_box(self._box)

    # what the box answers

    def command(self) -> str:
        """Return the command line that does what the box would do."""
        if self._asked is None or self._box is None:
            return ""
        why = f" --reason {shlex.quote(self._box.reason)}" if self._box.reason else ""
        return self._asked.command + why

    def give_reason(self, reason: str) -> None:
        """Take the reason a person typed; a plan is read again with it, since it may lift what blocked it."""
        asked, box = self._asked, self._box
        if asked is None or box is None:
            return
        box.reason = reason
        if asked.preview is not None:
            self._preview(asked.action, asked.model, asked.version, reason)

    def confirm(self) -> None:
        """Send the change that was confirmed."""
        asked, box = self._asked, self._box
        if asked is None or box is None:
            return
        if box.needs_reason and not box.reason:
            self._stage.say("a reason is needed: e gives it", "warn")
            return
        operation, request = asked.submit(box.reason)
        reason = box.reason

        def otherwise(error: ModeldeckError) -> None:
            if isinstance(error, StaleBasis) and asked.preview is not None:
                self._show_changed(asked, reason)
            else:
                self.show_error(error)

        self._stage.send("sending", lambda client: client.call(operation, request), self._done(asked.action), otherwise)

    def _show_changed(self, asked: Asked, reason: str) -> None:
        before = asked.preview
        assert before is not None
        self._stage.send(
            "it changed; reading again",
            _preview_work(asked.action, asked.model, asked.version, reason),
            lambda after: self._show_plan(
                asked.action, asked.model, asked.version, after, reason, tuple(changes_between(before, after))
            ),
        )

    def _send(self, action: Action, operation: str, request: Any) -> None:
        self._stage.send("sending", lambda client: client.call(operation, request), self._done(action))

    def _done(self, action: Action) -> Then:
        def done(answer: Any) -> None:
            self._asked = self._box = None
            self._stage.show_box(None)
            if isinstance(answer, Release):
                self._stage.open(release_page(answer))
                self._stage.say(f"{answer.kind} {answer.state}; it goes on without this console", "ok")
            elif isinstance(answer, Job):
                verb = "asked to stop" if action.id == "jobs.cancel" else answer.state
                self._stage.say(f"job {short_id(answer.id)} {verb}; 4 shows the jobs", "ok")
            elif isinstance(answer, Alert):
                self._stage.say(f"{answer.state}: {answer.title}", "ok")
            elif isinstance(answer, Notification):
                self._stage.say(f"sent to {answer.target} again as {short_id(answer.id)}", "ok")

        return done

    def cancel(self) -> None:
        """Forget the change that waited."""
        self._asked = self._box = None
        self._stage.show_box(None)

    def show_error(self, error: ModeldeckError) -> None:
        """Show why a change was refused or failed."""

        def make(width: int) -> list[Line]:
            sheet = Sheet(width)
            sheet.paragraph(error.message, "bad")
            if error.hint:
                sheet.blank()
                sheet.paragraph(error.hint)
            return sheet.lines

        self._asked = self._box = None
        self._stage.show_box(Message("Not done", make, self._stage.seconds))


_HOLD = ("Holds the release where it is: traffic stays as it is now, and the rollout waits for U or X.",)
_RESUME = (
    "Lets the held release go on without the evidence it was waiting for.",
    "Your name and your reason go on record.",
)


def _preview_work(action: Action, model: str, version: int | None, reason: str) -> Work:
    if action.id == "releases.promote":
        return lambda client: client.call("releases.preview_promote", PromoteRequest(model, version, reason))
    if action.id == "releases.deploy":
        return lambda client: client.call("releases.preview_deploy", DeployRequest(model, reason))
    return lambda client: client.call("releases.preview_rollback", RollbackRequest(model, reason))
