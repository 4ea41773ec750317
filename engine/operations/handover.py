"""Operations on who has the watch, what changed since one left, and incidents."""

from __future__ import annotations

from engine.access import Role
from engine.operations.comments import Commented
from engine.operations.common import DRY_RUN, Done
from engine.operations.operation import Danger, Operation, argument
from store.rows import Alert, Approval, Comment, Duty, Incident, Job, Maintenance, Release
from store.rows.frozen import dataclass

_INCIDENT = "the incident's id; a unique prefix is enough"


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the record in words: `rolled back v2 → v1`."""

    seq: int
    at: int
    actor: str
    model: str | None
    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class HandoverRequest:
    """What whoever comes has to know."""

    since: str = argument("8h, 21:00, yesterday or a time; else when your last watch ended", flag="--since", default="")
    markdown: bool = argument("as Markdown, every change", flag="--markdown", default=False)


@dataclass(frozen=True, slots=True)
class Handover:
    """Who has the watch, what is open, and what changed since a time. `text` is the same as Markdown, where asked."""

    deck: str
    zone: str
    now_at: int
    since_at: int
    since_why: str  # your last watch ended, you said so, a day ago: …
    duty: Duty | None
    alerts: tuple[Alert, ...]
    incidents: tuple[Incident, ...]
    releases: tuple[Release, ...]  # held, or under way
    approvals: tuple[Approval, ...]  # that wait for an answer
    jobs: tuple[Job, ...]  # that failed since
    maintenances: tuple[Maintenance, ...]
    comments: tuple[Comment, ...]  # since, newest first
    changes: tuple[Change, ...]  # oldest first
    left_out: int  # changes before those
    text: str = ""


@dataclass(frozen=True, slots=True)
class TakeRequest:
    """Take the watch."""

    note: str = argument("what whoever reads it should know", flag="--reason", default="")
    dry_run: bool = argument(DRY_RUN, flag="--dry-run", default=False)


@dataclass(frozen=True, slots=True)
class GiveRequest:
    """Give the watch to somebody, or to nobody."""

    to: str | None = argument("the user who has it from now on", metavar="USER", default=None)
    note: str = argument("what they should know", flag="--reason", default="")
    dry_run: bool = argument(DRY_RUN, flag="--dry-run", default=False)


@dataclass(frozen=True, slots=True)
class IncidentsRequest:
    """Incidents, newest first."""

    all: bool = argument("those that are closed too", flag="--all", default=False)


@dataclass(frozen=True, slots=True)
class OpenIncident:
    """Name what goes wrong."""

    title: str = argument("what goes wrong, in one line")
    models: tuple[str, ...] = argument("of this model; again for more", flag="--model", metavar="MODEL", default=())
    since: str = argument("when it began: 40m, 21:00, or a time; without it, now", flag="--since", default="")
    dry_run: bool = argument(DRY_RUN, flag="--dry-run", default=False)


@dataclass(frozen=True, slots=True)
class IncidentNote:
    """A note on an incident: a comment on it."""

    id: str = argument(_INCIDENT)
    text: str = argument("what was seen or done; @name tells somebody")
    dry_run: bool = argument(DRY_RUN, flag="--dry-run", default=False)


@dataclass(frozen=True, slots=True)
class CloseIncident:
    """Say that it is over, and what ended it."""

    id: str = argument(_INCIDENT)
    reason: str = argument("what ended it", flag="--reason", default="")
    dry_run: bool = argument(DRY_RUN, flag="--dry-run", default=False)


@dataclass(frozen=True, slots=True)
class OfIncident:
    """One incident."""

    id: str = argument(_INCIDENT)


@dataclass(frozen=True, slots=True)
class IncidentDetail:
    """An incident, with what the record tells of its time and models, what changed before, and its notes."""

    incident: Incident
    zone: str
    until_at: int  # its end, or now
    timeline: tuple[Change, ...]  # oldest first; at most MOST_TOLD
    left_out: int
    before: tuple[Change, ...]  # of the day before: releases, aliases, settings, data
    notes: tuple[Comment, ...]
    head: str  # the record's newest hash: what this was made from


@dataclass(frozen=True, slots=True)
class PostMortem:
    """The draft of a post-mortem as Markdown."""

    id: str
    text: str


_HANDLERS = "engine.service.handlers.handover"

OPERATIONS = (
    Operation(
        "handover.show",
        ("handover",),
        "who has the watch, what is open, what changed",
        HandoverRequest,
        Handover,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:show",
    ),
    Operation(
        "handover.take",
        ("handover", "take"),
        "take the watch",
        TakeRequest,
        Done,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_HANDLERS}:take",
        reversible=True,
    ),
    Operation(
        "handover.give",
        ("handover", "give"),
        "give your watch to somebody",
        GiveRequest,
        Done,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_HANDLERS}:give",
        reversible=True,
    ),
    Operation(
        "incident.list",
        ("incident",),
        "what goes wrong, by name",
        IncidentsRequest,
        Incident,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:incidents",
        many=True,
    ),
    Operation(
        "incident.open",
        ("incident", "open"),
        "name what goes wrong",
        OpenIncident,
        Incident,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_HANDLERS}:open_incident",
    ),
    Operation(
        "incident.note",
        ("incident", "note"),
        "note what was seen or done",
        IncidentNote,
        Commented,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_HANDLERS}:note",
        reversible=True,
    ),
    Operation(
        "incident.close",
        ("incident", "close"),
        "say that it is over, and how it ended",
        CloseIncident,
        Done,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_HANDLERS}:close",
    ),
    Operation(
        "incident.show",
        ("incident", "show"),
        "one with its timeline and notes",
        OfIncident,
        IncidentDetail,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:detail",
    ),
    Operation(
        "incident.export",
        ("incident", "export"),
        "its post-mortem draft as Markdown",
        OfIncident,
        PostMortem,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:export",
    ),
)
