"""`show KIND ID`: one thing of any kind, whole, with what belongs to it."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

from store.database import Reader
from store.errors import Refused, UnknownName
from store.rows import to_json

Found = tuple[str, dict[str, Any]]  # the full id, and the body


def whole(reader: Reader, kind: str, identity: str) -> Found:
    """Return the full id and everything the registry says of one thing.

    Raises:
        Refused: there is no such kind.
        UnknownName: there is no such thing.
    """
    show = KINDS.get(kind)
    if show is None:
        match = difflib.get_close_matches(kind, KINDS, n=1)
        raise Refused(
            f"no kind named {kind!r}" + (f", did you mean {match[0]!r}?" if match else ""), f"kinds: {', '.join(KINDS)}"
        )
    return show(reader, identity)


def _model(reader: Reader, name: str) -> Found:
    from store import models, settings

    model = models.model(reader, name)
    applied = settings.applied_body(reader).get("models", {}).get(name)
    aliases = [to_json(alias) for alias in models.aliases(reader, name)]
    return model.name, {**to_json(model), "aliases": aliases, "settings": applied}


def _version(reader: Reader, ref: str) -> Found:
    from store import behaviour, images, origins, versions

    found = versions.referred(reader, ref)
    tests = [to_json(one) for one in behaviour.newest(reader, found.model, found.number)]
    origin = origins.origin_of(reader, found.model, found.number)
    told = {} if origin is None else {"origin": to_json(origin)}
    made = [to_json(one) for one in images.images(reader, found.model) if one.version == found.number]
    return f"{found.model}@{found.number}", {**to_json(found), "tests": tests, "images": made, **told}


def _run(reader: Reader, identity: str) -> Found:
    from store import runs

    run = runs.run(reader, identity)
    trials = [to_json(child) for child in runs.children(reader, run.id)]
    return run.id, {**to_json(run), "trials": trials}


def _job(reader: Reader, identity: str) -> Found:
    from store import jobs

    job = jobs.job(reader, identity)
    return job.id, to_json(job)


def _release(reader: Reader, identity: str) -> Found:
    from store import releases

    release = releases.release(reader, identity)
    return release.id, {**to_json(release), "steps": [to_json(step) for step in releases.steps(reader, release.id)]}


def _alert(reader: Reader, identity: str) -> Found:
    from engine.service.handlers.alert_detail import detail_of
    from store import alerts
    from store.clock import SystemClock

    alert = alerts.alert(reader, identity)
    detail = to_json(detail_of(reader, alert, SystemClock().now()))
    return alert.id, {**detail.pop("alert"), **detail}


def _approval(reader: Reader, identity: str) -> Found:
    from store import approvals

    found = approvals.approval(reader, identity)
    return found.id, to_json(found)


def _comment(reader: Reader, identity: str) -> Found:
    from store import comments

    found = comments.comment(reader, identity)
    return found.id, {**to_json(found), "texts": [to_json(one) for one in comments.texts(reader, found.id)]}


def _incident(reader: Reader, identity: str) -> Found:
    from store import comments, incidents
    from store.subjects import find

    found = incidents.incident(reader, identity)
    notes = comments.thread(reader, find(reader, "incident", found.id))
    return found.id, {**to_json(found), "notes": [to_json(one) for one in notes]}


def _notification(reader: Reader, identity: str) -> Found:
    from store import notifying

    one = notifying.notification(reader, identity)
    others = [each for each in notifying.told_with(reader, one) if each.id != one.id]
    return one.id, {**to_json(one), "told_with_it": [{"id": each.id, "title": each.title} for each in others]}


def _window(reader: Reader, identity: str) -> Found:
    from store import watching

    window = watching.window(reader, identity)
    return window.id, to_json(window)


def _deployment(reader: Reader, identity: str) -> Found:
    from store import deployments

    matches = [row for row in deployments.deployments(reader, live_only=False) if row.id.startswith(identity)]
    row = _only(matches, "deployment", identity)
    replicas = [to_json(replica) for replica in deployments.replicas(reader, row.id)]
    return row.id, {**to_json(row), "replicas": replicas}


def _snapshot(reader: Reader, identity: str) -> Found:
    from store import snapshots

    row = snapshots.find(reader, identity)
    return row.id, to_json(row)


def _event(reader: Reader, identity: str) -> Found:
    from store import events

    if not identity.isdecimal():
        raise UnknownName(f"no event {identity!r}", "an event's id is its number, as in: modeldeck events")
    found = events.events(reader, limit=1, before_seq=int(identity) + 1)
    if not found or found[0].seq != int(identity):
        raise UnknownName(f"no event {identity}", "modeldeck events lists them")
    return identity, to_json(found[0])


def _only(matches: list[Any], kind: str, identity: str) -> Any:
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise UnknownName(f"{len(matches)} {kind}s start with {identity!r}", "give more of the id")
    raise UnknownName(f"no {kind} {identity!r}", f"modeldeck {kind}s lists them")


KINDS: dict[str, Callable[[Reader, str], Found]] = {
    "model": _model,
    "version": _version,
    "run": _run,
    "job": _job,
    "release": _release,
    "alert": _alert,
    "approval": _approval,
    "comment": _comment,
    "incident": _incident,
    "notification": _notification,
    "window": _window,
    "deployment": _deployment,
    "snapshot": _snapshot,
    "event": _event,
}
