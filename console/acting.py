"""What a change goes through: its plan read, shown, confirmed, sent with its basis, and followed."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from console.command_log import CommandLog, Entry, outcome_of
from console.keymap import Keymap
from console.poller import Asks
from console.render.cells import Line
from console.render.plans import VERBS, changes_between, plan_lines, title
from console.render.sheet import Sheet
from console.render.words import short_id
from console.screens.catalog import release_page
from console.screens.page import Page
from console.small_changes import small_change
from console.widgets.dialog import Box, Confirm, Message
from engine.actions.action import READ_ONLY, Action
from engine.availability import asked_version, model_of, version_of
from engine.operations.approvals import GrantRequest
from engine.operations.comments import Commented
from engine.operations.common import Done
from engine.operations.serving import AbortRequest, ConvergeRequest, DeployRequest, PromoteRequest, RollbackRequest
from engine.plans import Preview
from store.errors import ModeldeckError, StaleBasis
from store.rows import Alert, Approval, Job, Notification, Release, Schedule

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
    asks: str = "reason"

    def command_with(self, said: str) -> str:
        """Return the command line with the reason or text that a person typed."""
        if not said:
            return self.command
        return f"{self.command} {'' if self.asks == 'text' else '--reason '}{shlex.quote(said)}"


class Acts:
    """Runs the acts of the action table."""

    def __init__(self, stage: Stage, keymap: Keymap) -> None:
        self._stage = stage
        self._keymap = keymap
        self.log = CommandLog(stage.seconds)
        self._asked: Asked | None = None
        self._box: Confirm | None = None

    def start(self, action: Action, row: Any, version: int | None = None, model: str = "") -> None:
        """Begin a change on a row, or on a model by name."""
        reason = self._keymap.reason(action, row) if row is not None or not model else None
        if self._keymap.read_only or reason:
            self._stage.say(f"{action.key or action.id}: {reason or READ_ONLY}", "warn")
            return
        name = model or model_of(row) or ""
        if action.id in _PLANNED:
            number = _number_of(action, row, version)
            self._preview(action, name, number, "")
        else:
            self._small(action, row, name)

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
            if plan.kind == "grant":
                return "approvals.grant", GrantRequest(model, plan.to_version, why, preview.basis)
            if action.id == "releases.deploy":
                return "releases.deploy", DeployRequest(model, why, preview.basis)
            if action.id == "releases.abort":
                return "releases.abort", AbortRequest(model, why, preview.basis)
            if action.id == "deployments.converge":
                return "deployments.converge", ConvergeRequest(model, why, preview.basis)
            return "releases.rollback", RollbackRequest(model, why, preview.basis)

        target = f" {plan.to_version}" if plan.kind in ("promote", "grant") else ""
        verb = _WORDS.get(action.id, action.id.removeprefix("releases."))
        self._asked = Asked(action, model, submit, f"modeldeck {verb} {model}{target}", preview, version)

        def make(width: int) -> list[Line]:
            return plan_lines(preview, width, changed)

        box = Confirm(title(plan), VERBS.get(plan.kind, plan.kind), make, self._stage.seconds)
        box.blocked, box.reason, box.undo = preview.blocked, reason, plan.undo
        self._box = box
        self._stage.show_box(box)

    # small changes

    def undo(self) -> None:
        """Take back the last change made from this console: its plan or its command is shown first."""
        last = self.log.last_done
        if self._keymap.read_only:
            self._stage.say(READ_ONLY, "warn")
        elif last is None:
            self._stage.say(
                self._keymap.tell("nothing was changed from this console yet; {go.events} shows what others did"),
                "warn",
            )
        elif last.action in ("releases.promote", "releases.deploy"):
            self._preview(self._keymap["releases.rollback"], last.model, None, "")
        elif last.action in _INVERSE:
            self._small(self._keymap[_INVERSE[last.action]], last.answer, last.model, takes_back=last.command)
        else:
            self._stage.say(_no_undo(last), "warn")

    def _small(self, action: Action, row: Any, model: str, takes_back: str = "") -> None:
        change = small_change(action.id, row, model)
        if takes_back:
            change = replace(
                change,
                heading=change.heading or action.title.split(":")[0].capitalize(),
                verb=change.verb or "Take back",
                text=(f"Takes back: {takes_back}", *change.text),
            )
        asked = Asked(action, model, change.submit, change.command, asks=change.asks)
        if not change.text:
            self._send(asked, "", self.show_error)
            return

        def make(width: int) -> list[Line]:
            sheet = Sheet(width)
            for sentence in change.text:
                sheet.paragraph(sentence)
            sheet.blank()
            sheet.paragraph(change.command, "accent")
            return sheet.lines

        self._asked = asked
        self._box = Confirm(change.heading, change.verb, make, self._stage.seconds, is_dangerous=False)
        self._box.needs_reason, self._box.asks = change.needs_reason, change.asks
        self._stage.show_box(self._box)

    # what the box answers

    def command(self) -> str:
        """Return the command line that does what the box would do."""
        if self._asked is None or self._box is None:
            return ""
        return self._asked.command_with(self._box.reason)

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
            self._stage.say(f"a {asked.asks} is needed: e gives it", "warn")
            return
        reason = box.reason

        def otherwise(error: ModeldeckError) -> None:
            if isinstance(error, StaleBasis) and asked.preview is not None:
                self._show_changed(asked, reason)
            else:
                self.show_error(error)

        self._send(asked, reason, otherwise)

    def _send(self, asked: Asked, reason: str, otherwise: Otherwise) -> None:
        operation, request = asked.submit(reason)
        entry = self.log.begin(asked.action.id, asked.model, asked.command_with(reason))
        told = self._done(asked.action)

        def done(answer: Any) -> None:
            self.log.end(entry, outcome_of(answer), answer)
            told(answer)

        def failed(error: ModeldeckError) -> None:
            self.log.end(entry, error.message, is_done=False)
            otherwise(error)

        self._stage.send("sending", lambda client: client.call(operation, request), done, failed)

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

    def _done(self, action: Action) -> Then:
        def done(answer: Any) -> None:
            self._asked = self._box = None
            self._stage.show_box(None)
            if isinstance(answer, Release):
                self._stage.open(release_page(answer))
                self._stage.say(_said_of(answer), "ok")
            elif isinstance(answer, Job):
                verb = "asked to stop" if action.id == "jobs.cancel" else answer.state
                said = f"job {short_id(answer.id)} {verb}; {{go.jobs}} shows the jobs"
                self._stage.say(self._keymap.tell(said), "ok")
            elif isinstance(answer, Done):
                self._stage.say(answer.message, "ok")
            elif isinstance(answer, Commented):
                told = f"; told by {', '.join(answer.told)}" if answer.told else "; m shows what is said"
                self._stage.say(f"comment {short_id(answer.comment.id)} written{told}", "ok")
            elif isinstance(answer, Alert):
                self._stage.say(f"{answer.state}: {answer.title}", "ok")
            elif isinstance(answer, Schedule):
                said = "resumed" if answer.paused_at is None else "paused; {schedules.resume} resumes it"
                self._stage.say(self._keymap.tell(f"{answer.id} {said}"), "ok")
            elif isinstance(answer, Approval):
                said = f"{len(answer.granted)} of {answer.asked} granted"
                self._stage.say(f"{answer.kind} of {answer.model}@{answer.version} is {answer.state}, {said}", "ok")
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


def _said_of(release: Release) -> str:
    """Say how a release stands, and what goes on without this console where something does."""
    if release.state in ("pending", "running"):
        return f"{release.kind} {release.state}; it goes on without this console"
    if release.state == "aborted":
        kept = f"; v{release.from_version} has the traffic" if release.from_version is not None else ""
        return f"{release.kind} of v{release.to_version} aborted{kept}"
    serves = f"; v{release.to_version} has the traffic" if release.state == "completed" else ""
    return f"{release.kind} {release.state}{serves}"


_INVERSE = {
    "schedules.pause": "schedules.resume",
    "schedules.resume": "schedules.pause",
    "releases.pause": "releases.resume",
}


def _no_undo(last: Entry) -> str:
    """Say why a change is not taken back, and what to do instead where something can be done."""
    answer = last.answer
    if isinstance(answer, Release) and answer.kind == "rollback" and answer.from_version is not None:
        promote = f"modeldeck promote {answer.endpoint} {answer.from_version} --reason …"
        return f"a rollback is undone by: {promote}"
    return f"not to be taken back: {last.command}"


_PLANNED = (
    *("releases.promote", "releases.rollback", "releases.deploy", "releases.abort", "deployments.converge"),
    "approvals.grant",
)
_WORDS = {
    "releases.abort": "releases abort",
    "deployments.converge": "deployments converge",
    "approvals.grant": "approvals grant",
}


def _number_of(action: Action, row: Any, version: int | None) -> int | None:
    """Return the version that an action is about; most are about the model."""
    if action.id == "releases.promote":
        return version or version_of(row)
    return version or asked_version(row) if action.id == "approvals.grant" else None


def _preview_work(action: Action, model: str, version: int | None, reason: str) -> Work:
    if action.id == "releases.promote":
        return lambda client: client.call("releases.preview_promote", PromoteRequest(model, version, reason))
    if action.id == "approvals.grant":
        return lambda client: client.call("approvals.preview_grant", GrantRequest(model, version or 0, reason))
    if action.id == "deployments.converge":
        return lambda client: client.call("deployments.preview_converge", ConvergeRequest(model, reason))
    if action.id == "releases.deploy":
        return lambda client: client.call("releases.preview_deploy", DeployRequest(model, reason))
    return lambda client: client.call("releases.preview_rollback", RollbackRequest(model, reason))
