"""Which events a target is told of, how severe each is, and its one line. Pure, over an event and facts about it."""

from __future__ import annotations

from dataclasses import replace

from engine.operations.changes import words
from engine.settings.notify import SEVERITIES, NotifySettings, is_watched
from store.rows import Event
from store.rows.frozen import dataclass

JOB = "notify"  # the kind of job that sends; its own failures are told by the deliveries, never by more messages
_WARNINGS = (
    "fault.found",
    "promotion.refused",
    "schedule.held",
    "access.refused",
    "request.refused",
    "audit.failed",
    "release.held",
    "release.rolled_back",
    "release.aborted",
    "release.failed",
    "job.failed",
    "data.quarantined",
    "schedule.skipped",
    "endpoint.stopped",
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What an event does not say of its subject: an alert's severity and title, a job's kind, a comment's words.

    `people` are the names of those whom the event calls, or who watch what it is about. `told_as` names the event that
    told already what this one says, "" where none did.
    """

    severity: str = ""
    title: str = ""
    job_kind: str = ""
    people: frozenset[str] = frozenset()
    told_as: str = ""


def name_of(event: Event) -> str:
    """Return an event's name as settings say it.

    A job's end is named for how it ended, a killed one has failed; the end of a rollback is told apart from that of
    other releases, whoever asked for it.
    """
    if event.action == "release.completed" and event.body.get("kind") == "rollback":
        return "release.rolled_back"
    if event.action != "job.ended":
        return event.action
    state = str(event.body.get("state", ""))
    return f"job.{'failed' if state == 'abandoned' else state}"


def severity_of(name: str, event: Event, facts: Facts) -> str:
    """Return info, warning or critical: an alert's own, or what its name stands for."""
    stated = str(event.body.get("severity") or facts.severity)
    if name.startswith("alert.") and stated in SEVERITIES:
        return stated
    return "warning" if name in _WARNINGS else "info"


def is_told(target: NotifySettings, name: str, severity: str, event: Event, facts: Facts) -> bool:
    """Say whether a target is told of an event."""
    if event.subject_kind == "notification" or facts.job_kind == JOB:
        return False  # a message about a message would never end
    if event.body.get("quiet") is True:
        return False  # an alert seen in maintenance, or one that resolved there: nobody was told of it, or is to be
    if facts.told_as and is_told(target, facts.told_as, severity, event, replace(facts, told_as="")):
        return False  # a release that failed has told so itself: its job is no second message
    if is_watched(name) and not facts.people.isdisjoint(target.people):
        return True  # asked for by name: neither models nor severity narrow it
    if name not in target.on and f"{name.partition('.')[0]}.*" not in target.on:
        return False
    if target.models and event.model not in target.models:
        return False
    return SEVERITIES.index(severity) >= SEVERITIES.index(target.severity)


def headline(name: str, event: Event, facts: Facts) -> str:
    """Return one line: about which model, what happened, and why."""
    body = event.body
    if name.startswith("alert."):
        title = str(body.get("title") or facts.title)
        what = title if name == "alert.opened" else f"{name.partition('.')[2]}: {title}"
    elif name == "release.rolled_back":
        what = words(event)
    elif name.startswith("release."):
        to = f" to version {body['to']}" if body.get("to") is not None else ""
        what = f"{body.get('kind', 'release')}{to} {name.partition('.')[2]}"
        what += f": {body['detail']}" if body.get("detail") else ""
    elif name.startswith("job."):
        what = f"{facts.job_kind or 'job'} job {name.partition('.')[2]}"
    elif name.startswith("comment."):
        who = event.actor.removeprefix("user:")
        what = f"{who} {words(event)}" + (f": {facts.title}" if facts.title else "")
    elif event.subject_kind == "settings":
        what = f"settings revision {event.subject_id} applied"
    else:
        what = words(event)
    reason = f" ({event.reason})" if event.reason and event.reason not in what else ""
    return _one_line(f"{event.model}: {what}{reason}" if event.model else f"{what}{reason}")


def _one_line(text: str, most: int = 300) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
