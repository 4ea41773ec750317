"""Releases: one change of an endpoint with its plan, steps, verdict and undo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from store import events
from store.database import Reader, Row, Write, fields
from store.errors import Refused, UnknownName
from store.ids import new_id
from store.json_text import dump, load
from store.lookup import find_id
from store.rows import Release, Step

ENDED = ("completed", "aborted", "failed")
_STRUCTURED = ("plan", "evidence", "undo")


class PlannedStep(Protocol):
    """What a plan's step must say to be recorded."""

    @property
    def kind(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def host(self) -> str | None: ...
    @property
    def args(self) -> dict[str, Any]: ...


def open_release(  # noqa: PLR0913 (one keyword for each thing a release is made of)
    tx: Write,
    *,
    endpoint: str,
    kind: str,
    from_version: int | None,
    to_version: int,
    settings_revision: int,
    actor: str,
    reason: str = "",
    basis: str = "",
    plan: dict[str, Any] | None = None,
    evidence: dict[str, Any] | None = None,
    undo: dict[str, Any] | None = None,
    via: str | None = None,
    job_id: str | None = None,
) -> Release:
    """Open a release as pending.

    Raises:
        Refused: another one of the endpoint is under way; the message names it.
        UnknownName: there is no such endpoint.
    """
    stands = active(tx, endpoint)
    if stands is not None:
        raise Refused(
            f"{endpoint} already has a release under way: {stands.kind} to version {stands.to_version},"
            f" {stands.state} ({stands.id[:12]})",
            f"wait for it, or modeldeck releases abort {endpoint}",
        )
    id = new_id(tx.clock)
    values = {
        "id": id,
        "endpoint": endpoint,
        "kind": kind,
        "from_version": from_version,
        "to_version": to_version,
        "state": "pending",
        "verdict": "",
        "reason": reason,
        "detail": "",
        "basis": basis,
        "plan": dump(plan or {}),
        "evidence": dump(evidence or {}),
        "undo": dump(undo or {}),
        "settings_revision": settings_revision,
        "actor": actor,
        "via": via,
        "job_id": job_id,
        "requested_at": tx.at,
    }
    names = ", ".join(values)
    made = tx.execute(
        f"INSERT INTO release (model, {names}) SELECT model, {', '.join(f':{name}' for name in values)}"
        " FROM endpoint WHERE name = :endpoint",
        values,
    )
    if not made:
        raise UnknownName(f"no endpoint {endpoint!r}", "modeldeck endpoints lists them")
    opened = release(tx, id)
    body = {"kind": kind, "from": from_version, "to": to_version, "settings_revision": settings_revision}
    _record(tx, "release.requested", opened, actor=actor, via=via, reason=reason, body=body)
    return opened


def set_job(tx: Write, release_id: str, job_id: str) -> Release:
    """Name the job that works on a release."""
    tx.execute("UPDATE release SET job_id = :job WHERE id = :id", {"job": job_id, "id": release_id})
    return release(tx, release_id)


def add_steps(tx: Write, release_id: str, plan_steps: Sequence[PlannedStep]) -> None:
    """Record the steps of a plan as pending, numbered from 1."""
    tx.execute_many(
        "INSERT INTO step (release_id, number, kind, title, host, args, state, verdict, observed)"
        " VALUES (:release, :number, :kind, :title, :host, :args, 'pending', '', '{}')",
        [
            {
                "release": release_id,
                "number": number,
                "kind": step.kind,
                "title": step.title,
                "host": step.host,
                "args": dump(step.args),
            }
            for number, step in enumerate(plan_steps, 1)
        ],
    )


def set_step(
    tx: Write,
    release_id: str,
    number: int,
    state: str,
    verdict: str = "",
    observed: dict[str, Any] | None = None,
) -> Step:
    """Move a step on. Without `observed` what was seen stays; an end that is passed on again keeps its first time."""
    tx.execute(
        "UPDATE step SET state = :state, verdict = :verdict, observed = coalesce(:observed, observed),"
        " started_at = CASE WHEN :state = 'pending' THEN NULL ELSE coalesce(started_at, :at) END,"
        " ended_at = CASE WHEN :state IN ('done', 'skipped', 'failed') THEN coalesce(ended_at, :at) END"
        " WHERE release_id = :release AND number = :number",
        {
            "release": release_id,
            "number": number,
            "state": state,
            "verdict": verdict,
            "observed": None if observed is None else dump(observed),
            "at": tx.at,
        },
    )
    return next(step for step in steps(tx, release_id) if step.number == number)


def set_state(  # noqa: PLR0913 (one keyword for each thing that may change with the state)
    tx: Write,
    id: str,
    state: str,
    *,
    verdict: str = "",
    detail: str = "",
    evidence: dict[str, Any] | None = None,
    actor: str | None = None,
    reason: str = "",
    via: str | None = None,
) -> Release:
    """Move a release on, with its event. Without `evidence` what was gathered stays. The state it is in is no move.

    Raises:
        Refused: it has ended already, or would go back to pending.
    """
    before = release(tx, id)
    if (before.state in ENDED and state != before.state) or state == "pending" != before.state:
        raise Refused(f"the release of {before.endpoint} is {before.state}", "open a new one")
    tx.execute(
        "UPDATE release SET state = :state, verdict = :verdict, detail = :detail,"
        " evidence = coalesce(:evidence, evidence),"
        " started_at = CASE WHEN :state = 'running' THEN coalesce(started_at, :at) ELSE started_at END,"
        " ended_at = CASE WHEN :state IN ('completed', 'aborted', 'failed') THEN coalesce(ended_at, :at) END"
        " WHERE id = :id",
        {
            "id": id,
            "state": state,
            "verdict": verdict,
            "detail": detail,
            "evidence": None if evidence is None else dump(evidence),
            "at": tx.at,
        },
    )
    after = release(tx, id)
    if after.state != before.state:
        body = {"kind": after.kind, "from": after.from_version, "to": after.to_version, "verdict": verdict}
        if detail:
            body["detail"] = detail
        why = reason or (after.reason if state == "completed" else "")  # whoever is told of its end alone is told why
        _record(tx, f"release.{state}", after, actor=actor or after.actor, via=via, reason=why, body=body)
    return after


def mark_reverted(tx: Write, id: str, by: str) -> None:
    """Say that a completed release was undone by the release `by`."""
    tx.execute("UPDATE release SET reverted_by = :by WHERE id = :id", {"by": by, "id": id})


def active(reader: Reader, endpoint: str) -> Release | None:
    """Return the one release of an endpoint that is under way."""
    row = reader.row(
        "SELECT * FROM release WHERE endpoint = :endpoint AND state IN ('pending', 'running', 'held')",
        {"endpoint": endpoint},
    )
    return _release(row) if row else None


def under_way(reader: Reader) -> list[str]:
    """Return the endpoints that have a release under way."""
    found = reader.rows("SELECT endpoint FROM release WHERE state IN ('pending', 'running', 'held')")
    return [row["endpoint"] for row in found]


def release(reader: Reader, id: str) -> Release:
    """Return one release by id or unique prefix.

    Raises:
        UnknownName: no release begins so. Refused: several do.
    """
    row = reader.row("SELECT * FROM release WHERE id = :id", {"id": id})
    if row is None:
        row = reader.row("SELECT * FROM release WHERE id = :id", {"id": find_id(reader, "release", "release", id)})
    assert row is not None
    return _release(row)


def releases(reader: Reader, endpoint: str | None = None, limit: int = 50) -> list[Release]:
    """Return releases newest first."""
    where = "WHERE endpoint = :endpoint" if endpoint is not None else ""
    found = reader.rows(
        f"SELECT * FROM release {where} ORDER BY id DESC LIMIT :limit", {"endpoint": endpoint, "limit": limit}
    )
    return [_release(row) for row in found]


def steps(reader: Reader, id: str) -> list[Step]:
    """Return the steps of a release in order."""
    found = reader.rows("SELECT * FROM step WHERE release_id = :id ORDER BY number", {"id": id})
    return [Step(**{**dict(row), "args": load(row["args"]), "observed": load(row["observed"])}) for row in found]


def has_way_back(reader: Reader, endpoint: str) -> bool:
    """Say whether a rollback has anywhere to lead: a deploy of the champion not taken back, or a former champion."""
    row = reader.row(
        "SELECT 1 FROM alias c WHERE c.model = :endpoint AND c.name = 'champion' AND (EXISTS (SELECT 1 FROM release d"
        " WHERE d.endpoint = :endpoint AND d.kind = 'deploy' AND d.state = 'completed' AND d.reverted_by IS NULL"
        " AND d.to_version = c.version) OR EXISTS (SELECT 1 FROM release p WHERE p.endpoint = :endpoint"
        " AND p.kind = 'promote' AND p.state = 'completed' AND p.reverted_by IS NULL) AND EXISTS (SELECT 1"
        " FROM release f JOIN version v ON v.model = f.endpoint AND v.number IN (f.from_version, f.to_version)"
        " WHERE f.endpoint = :endpoint AND f.state = 'completed' AND v.number <> c.version"
        " AND v.abandoned_at IS NULL AND v.deleted_at IS NULL))",
        {"endpoint": endpoint},
    )
    return row is not None


def former_champion(reader: Reader, endpoint: str) -> int | None:
    """Return the most recent former champion that is not marked abandoned, from completed releases."""
    row = reader.row(
        "SELECT r.from_version FROM release r JOIN version v ON v.model = r.model AND v.number = r.from_version"
        " WHERE r.endpoint = :endpoint AND r.state = 'completed' AND v.abandoned_at IS NULL AND v.deleted_at IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM alias a WHERE a.model = r.model AND a.name = 'champion'"
        " AND a.version = r.from_version) ORDER BY r.ended_at DESC, r.id DESC LIMIT 1",
        {"endpoint": endpoint},
    )
    return row["from_version"] if row else None


def _record(
    tx: Write, action: str, release: Release, *, actor: str, via: str | None, reason: str, body: dict[str, Any]
) -> None:
    row = tx.row("SELECT model FROM endpoint WHERE name = :name", {"name": release.endpoint})
    assert row is not None
    events.append(
        tx,
        actor=actor,
        action=action,
        subject_kind="release",
        subject_id=release.id,
        model=row["model"],
        reason=reason,
        body=body,
        via=via,
    )


def _release(row: Row) -> Release:
    return Release(**{**fields(row, "model", "via"), **{name: load(row[name]) for name in _STRUCTURED}})
