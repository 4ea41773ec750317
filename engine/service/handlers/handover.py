"""Handlers of operations on the watch, the handover and incidents."""

from __future__ import annotations

import pwd
from dataclasses import replace

from engine.access import Role
from engine.governance import handover_text
from engine.governance.told_changes import ARRIVING, told
from engine.operations.comments import Commented
from engine.operations.common import Done
from engine.operations.handover import (
    CloseIncident,
    GiveRequest,
    Handover,
    HandoverRequest,
    IncidentDetail,
    IncidentNote,
    IncidentsRequest,
    OfIncident,
    OpenIncident,
    PostMortem,
    TakeRequest,
)
from engine.service.context import ServiceContext
from engine.service.handlers.alert_detail import with_left
from engine.service.handlers.comments import commented, counted
from engine.service.identity import group_names, highest_role, owner_of
from store.clock import read_past
from store.database import Reader
from store.errors import Refused, UnknownName
from store.rows import Incident, rfc3339, to_json

DAY_US = 86_400_000_000
MOST_TOLD = 500  # changes of one handover or timeline
MOST_READ = 20_000  # events looked at for them
_SHORT_NOTE = 500


def show(context: ServiceContext, request: HandoverRequest) -> Handover:
    """Return who has the watch, what is open, and what changed since the caller's last watch ended."""
    from store import alerts, approvals, comments, duty, events, incidents, jobs, maintenance, releases, settings

    now = context.deck.clock.now()
    with context.deck.database.reading() as reader:
        current = settings.current(reader)
        body = current.body if current else {}
        zone = str(body.get("time_zone", "UTC"))
        since_at, why = _since(reader, context, request.since, zone, now)
        changes = told(events.between(reader, since_at, now, limit=MOST_READ))
        found = Handover(
            deck=str(body.get("name", "")),
            zone=zone,
            now_at=now,
            since_at=since_at,
            since_why=why,
            duty=duty.standing(reader),
            alerts=tuple(with_left(reader, alerts.alerts(reader, open_only=True))),
            incidents=tuple(incidents.incidents(reader, open_only=True)),
            releases=tuple(
                one for name in releases.under_way(reader) if (one := releases.active(reader, name)) is not None
            ),
            approvals=tuple(one for one in approvals.approvals(reader) if one.state == "open"),
            jobs=tuple(
                one
                for one in jobs.jobs(reader, limit=MOST_TOLD, states=("failed", "abandoned"))
                if (one.ended_at or 0) >= since_at
            ),
            maintenances=tuple(maintenance.under_way(reader, now)),
            comments=tuple(one for one in comments.newest(reader, limit=50) if one.written_at >= since_at),
            changes=tuple(changes[-MOST_TOLD:]),
            left_out=max(0, len(changes) - MOST_TOLD),
        )
    return replace(found, text=handover_text.handover(found)) if request.markdown else found


def take(context: ServiceContext, request: TakeRequest) -> Done:
    """Take the watch."""
    from store import duty

    caller = context.caller
    with context.deck.database.write(dry_run=request.dry_run) as tx:
        before = duty.standing(tx)
        made, changed = duty.take(tx, actor=caller.actor, note=_note(request.note), via=caller.via)
    body = {"duty": to_json(made)}
    if not changed:
        return Done(f"already yours since {rfc3339(made.taken_at)}", already=True, body=body)
    was = f", {before.actor.removeprefix('user:')} had it" if before else ""
    return Done(f"the watch {'would be' if request.dry_run else 'is'} yours{was}", body=body)


def give(context: ServiceContext, request: GiveRequest) -> Done:
    """Give the caller's watch away."""
    from store import duty

    caller = context.caller
    to = None if request.to is None else _operator(context, request.to.removeprefix("user:"))
    with context.deck.database.write(dry_run=request.dry_run) as tx:
        made = duty.give(tx, actor=caller.actor, to=to, note=_note(request.note), via=caller.via)
    whose = f"{to.removeprefix('user:')}'s" if to is not None else "nobody's"
    return Done(f"the watch {'would be' if request.dry_run else 'is'} {whose}", body={"duty": to_json(made)})


def incidents(context: ServiceContext, request: IncidentsRequest) -> list[Incident]:
    """Return incidents, newest first."""
    from store import incidents as table

    reader = context.deck.database
    return counted(reader, "incident", table.incidents(reader, open_only=not request.all), lambda row: row.id)


def open_incident(context: ServiceContext, request: OpenIncident) -> Incident:
    """Open an incident."""
    from store import incidents as table
    from store import settings

    caller = context.caller
    with context.deck.database.write(dry_run=request.dry_run) as tx:
        current = settings.current(tx)
        zone = str(current.body["time_zone"]) if current else "UTC"
        began = _time(request.since, zone, tx.at) if request.since else tx.at
        return table.open_incident(
            tx, request.title, models_named=request.models, from_at=began, actor=caller.actor, via=caller.via
        )


def note(context: ServiceContext, request: IncidentNote) -> Commented:
    """Note something on an incident."""
    from store import comments, subjects

    caller = context.caller
    with context.deck.database.write(dry_run=request.dry_run) as tx:
        subject = subjects.find(tx, "incident", request.id)
        made = comments.add(tx, subject, request.text, actor=caller.actor, via=caller.via)
    return commented(context, made)


def close(context: ServiceContext, request: CloseIncident) -> Done:
    """Close an incident."""
    from store import incidents as table

    caller = context.caller
    with context.deck.database.write(dry_run=request.dry_run) as tx:
        after, changed = table.close(tx, request.id, request.reason, actor=caller.actor, via=caller.via)
    body = {"incident": to_json(after)}
    if not changed:
        return Done(f"already closed: {after.title}", already=True, body=body)
    draft = f"; its post-mortem: modeldeck incident export {after.id[:16]}"
    return Done(f"{after.title}: {'would be ' * request.dry_run}closed{draft * (not request.dry_run)}", body=body)


def detail(context: ServiceContext, request: OfIncident) -> IncidentDetail:
    """Return an incident with its timeline."""
    from store import comments, events, settings, subjects
    from store import incidents as table

    now = context.deck.clock.now()
    with context.deck.database.reading() as reader:
        one = table.incident(reader, request.id)
        current = settings.current(reader)
        until = one.closed_at if one.closed_at is not None else now
        model = one.models[0] if len(one.models) == 1 else None
        within = events.between(reader, one.from_at, until, model=model, limit=MOST_READ)
        earlier = events.between(reader, one.from_at - DAY_US, one.from_at - 1, model=model, limit=MOST_READ)
        timeline = told(
            (event for event in within if event.subject_kind != "comment" or event.body.get("subject") != one.id),
            models=one.models,
        )
        newest = events.events(reader, limit=1)
        return IncidentDetail(
            incident=one,
            zone=str(current.body["time_zone"]) if current else "UTC",
            until_at=until,
            timeline=tuple(timeline[-MOST_TOLD:]),
            left_out=max(0, len(timeline) - MOST_TOLD),
            before=tuple(told(earlier, begin=ARRIVING, models=one.models)[-50:]),
            notes=tuple(comments.thread(reader, subjects.find(reader, "incident", one.id))),
            head=newest[0].hash if newest else "",
        )


def export(context: ServiceContext, request: OfIncident) -> PostMortem:
    """Return the draft of a post-mortem."""
    found = detail(context, request)
    return PostMortem(found.incident.id, handover_text.post_mortem(found))


def _since(reader: Reader, context: ServiceContext, said: str, zone: str, now: int) -> tuple[int, str]:
    from store import duty

    if said:
        return _time(said, zone, now), "you said so"
    left = duty.last_left(reader, context.caller.actor)
    if left is not None:
        return left, "your last watch ended"
    return now - DAY_US, "a day ago: no watch of yours has ended"


def _time(said: str, zone: str, now: int) -> int:
    """Read a time, or how long ago it was.

    Raises:
        Refused: it is neither, or yet to come.
    """
    text = said.strip()
    try:
        at = read_past(text, zone, now)
    except (ValueError, OverflowError):
        raise Refused(f"{said[:40]!r} is no time", "write 2026-01-31T14:00, yesterday, 21:00 or 8h") from None
    if at > now or at < 0:
        raise Refused(f"{said[:40]!r} is {'yet to come' if at > now else 'too long ago'}", f"it is {rfc3339(now)}")
    return at


def _note(text: str) -> str:
    from store.wording import checked

    if not text.strip():
        return ""
    said = checked(text)
    if len(said) > _SHORT_NOTE:
        raise Refused(f"the note has {len(said)} characters", f"at most {_SHORT_NOTE}; the rest is a comment")
    return said


def _operator(context: ServiceContext, name: str) -> str:
    """Return the actor of a user who may act on this deck.

    Raises:
        UnknownName: this machine has no such user. Refused: the deck gives them no role that reaches.
    """
    from store import settings

    try:
        uid = pwd.getpwnam(name).pw_uid
    except (KeyError, ValueError):
        raise UnknownName(f"no user {name[:40]!r} on this machine", "name them as whoami says it") from None
    current = settings.current(context.deck.database)
    access = {role: tuple(names) for role, names in (current.body.get("access") or {}).items()} if current else {}
    role = highest_role(name, group_names(uid), access)
    if uid != owner_of(context.deck.workspace) and (role is None or role < Role.OPERATOR):
        raise Refused(
            f"{name} {'is viewer' if role else 'has no role'} on this deck", "its owner sets roles under [access]"
        )
    return f"user:{name}"
