"""Approvals: requested, granted or refused by others, withdrawn, lapsed, used by a release. Each change with its event.

Of one version at most one request is open or granted. Whether what it was bound to still stands is not asked here:
see `engine.governance`.
"""

from __future__ import annotations

from typing import Any

from store import events
from store.database import Reader, Row, Write
from store.errors import Refused
from store.ids import new_id
from store.json_text import dump, load
from store.lookup import find_id
from store.rows import Approval, ApprovalAnswer, rfc3339

STANDING = "state IN ('open', 'granted')"
OPEN_LOOKS = "kind = 'second look' AND state = 'open'"


def request(  # noqa: PLR0913 (one keyword for each thing that the request is bound to)
    tx: Write,
    *,
    model: str,
    version: int,
    kind: str = "approval",
    asked: int,
    role: str,
    users: tuple[str, ...],
    evidence_hash: str,
    settings_hash: str,
    champion_generation: int,
    due_at: int | None = None,
    release_id: str | None = None,
    card_hash: str | None = None,
    actor: str,
    reason: str = "",
    via: str | None = None,
) -> Approval:
    """Open a request; the caller has looked that none of this version stands."""
    id = new_id(tx.clock)
    tx.execute(
        "INSERT INTO approval (id, model, version, kind, state, asked, role, users, evidence_hash, settings_hash,"
        " champion_generation, requested_by, requested_at, reason, via, due_at, release_id, detail, card_hash)"
        " VALUES (:id, :model, :version, :kind, 'open', :asked, :role, :users, :evidence, :settings, :generation,"
        " :actor, :at, :reason, :via, :due, :release, '', :card)",
        {
            "id": id,
            "model": model,
            "version": version,
            "kind": kind,
            "asked": asked,
            "role": role,
            "users": dump(list(users)),
            "evidence": evidence_hash,
            "settings": settings_hash,
            "generation": champion_generation,
            "actor": actor,
            "at": tx.at,
            "reason": reason,
            "via": via,
            "due": due_at,
            "release": release_id,
            "card": card_hash,
        },
    )
    body = {"asked": asked, "evidence_hash": evidence_hash, **({"due": rfc3339(due_at)} if due_at else {})}
    return _told(tx, id, "approval.requested", actor, body, reason=reason, via=via)


def answer(tx: Write, id: str, said: str, *, actor: str, reason: str = "", via: str | None = None) -> Approval:
    """Write that somebody grants or refuses a request; with the last grant that is asked it is granted.

    Raises:
        Refused: it is neither open nor granted.
    """
    before = _standing(tx, id)
    tx.execute(
        "INSERT INTO approval_answer (approval_id, actor, answer, reason, via, answered_at) VALUES (:id, :actor, :said,"
        " :reason, :via, :at) ON CONFLICT (approval_id, actor) DO UPDATE SET answer = excluded.answer,"
        " reason = excluded.reason, via = excluded.via, answered_at = excluded.answered_at",
        {"id": before.id, "actor": actor, "said": said, "reason": reason, "via": via, "at": tx.at},
    )
    after = approval(tx, before.id)
    if said == "refused":
        _end(tx, before.id, "refused", f"by {actor}: {reason}" if reason else f"by {actor}")
    elif len(after.granted) >= after.asked:
        if after.kind == "second look":
            _end(tx, before.id, "granted", f"by {actor}")
        else:
            tx.execute("UPDATE approval SET state = 'granted' WHERE id = :id", {"id": before.id})
    body = {"granted": len(after.granted), "asked": after.asked}
    return _told(tx, before.id, f"approval.{said}", actor, body, reason=reason, via=via)


def take_back(tx: Write, id: str, *, actor: str, reason: str = "", via: str | None = None) -> Approval:
    """Write that somebody takes their grant back; a request that was granted is open again.

    Raises:
        Refused: it is neither open nor granted, or the actor has granted nothing.
    """
    before = _standing(tx, id)
    if not any(one.actor == actor for one in before.granted):
        raise Refused(f"{actor} has neither requested nor granted {_named(before)}", "nothing of yours to withdraw")
    tx.execute(
        "UPDATE approval_answer SET answer = 'withdrawn', reason = :reason, via = :via, answered_at = :at"
        " WHERE approval_id = :id AND actor = :actor",
        {"id": before.id, "actor": actor, "reason": reason, "via": via, "at": tx.at},
    )
    tx.execute("UPDATE approval SET state = 'open' WHERE id = :id", {"id": before.id})
    body = {"granted": len(before.granted) - 1, "asked": before.asked}
    return _told(tx, before.id, "approval.withdrawn", actor, body, reason=reason, via=via)


def withdraw(tx: Write, id: str, *, actor: str, reason: str = "", via: str | None = None) -> Approval:
    """End a request by the hand that made it."""
    before = _standing(tx, id)
    _end(tx, before.id, "withdrawn", f"by {actor}: {reason}" if reason else f"by {actor}")
    return _told(tx, before.id, "approval.withdrawn", actor, {"request": True}, reason=reason, via=via)


def lapse(tx: Write, id: str, why: str, *, actor: str) -> Approval:
    """End a request because what it was bound to is no more."""
    before = _standing(tx, id)
    _end(tx, before.id, "lapsed", why)
    return _told(tx, before.id, "approval.lapsed", actor, {"granted": len(before.granted)}, reason=why)


def use(tx: Write, id: str, release_id: str, *, actor: str) -> Approval:
    """End a granted approval with the release that it let through; one that ended meanwhile stays as it is."""
    before = approval(tx, id)
    if before.state != "granted":
        return before
    tx.execute("UPDATE approval SET release_id = :release WHERE id = :id", {"release": release_id, "id": before.id})
    _end(tx, before.id, "used", f"by release {release_id[:12]}")
    return _told(tx, before.id, "approval.used", actor, {"release": release_id})


def approvals(
    reader: Reader, *, model: str | None = None, standing_only: bool = True, limit: int = 500
) -> list[Approval]:
    """Return approvals newest first; `standing_only` leaves out those that have ended."""
    clauses = [STANDING] if standing_only else []
    if model is not None:
        clauses.append("model = :model")
    where = f"WHERE {' AND '.join(clauses)}" if clauses else ""
    found = reader.rows(
        f"SELECT * FROM approval {where} ORDER BY id DESC LIMIT :limit", {"model": model, "limit": limit}
    )
    return _with_answers(reader, found)


def newest(reader: Reader, model: str, version: int) -> Approval | None:
    """Return the newest request for a version, whatever became of it; second looks are none."""
    row = reader.row(
        "SELECT * FROM approval WHERE model = :model AND version = :version AND kind = 'approval'"
        " ORDER BY id DESC LIMIT 1",
        {"model": model, "version": version},
    )
    return next(iter(_with_answers(reader, [row] if row else [])), None)


def open_look(reader: Reader, model: str, version: int) -> Approval | None:
    """Return the second look that a version waits for, if it waits for one."""
    row = reader.row(
        f"SELECT * FROM approval WHERE model = :model AND version = :version AND {OPEN_LOOKS} ORDER BY id DESC LIMIT 1",
        {"model": model, "version": version},
    )
    return next(iter(_with_answers(reader, [row] if row else [])), None)


def overdue_looks(reader: Reader, at: int) -> list[Approval]:
    """Return the second looks that nobody has taken until they were due."""
    found = reader.rows(f"SELECT * FROM approval WHERE {OPEN_LOOKS} AND due_at <= :at ORDER BY id", {"at": at})
    return _with_answers(reader, found)


def approval(reader: Reader, id: str) -> Approval:
    """Return one approval by id or unique prefix.

    Raises:
        UnknownName: no approval begins so. Refused: several do.
    """
    row = reader.row("SELECT * FROM approval WHERE id = :id", {"id": find_id(reader, "approval", "approval", id)})
    assert row is not None
    return _with_answers(reader, [row])[0]


def _with_answers(reader: Reader, rows: list[Row]) -> list[Approval]:
    by_request: dict[str, list[ApprovalAnswer]] = {row["id"]: [] for row in rows}
    for id, answers in by_request.items():
        found = reader.rows(
            "SELECT actor, answer, reason, via, answered_at FROM approval_answer WHERE approval_id = :id"
            " ORDER BY answered_at, actor",
            {"id": id},
        )
        answers += [ApprovalAnswer(**dict(row)) for row in found]
    return [
        Approval(**{**dict(row), "users": tuple(load(row["users"])), "answers": tuple(by_request[row["id"]])})
        for row in rows
    ]


def _standing(tx: Write, id: str) -> Approval:
    found = approval(tx, id)
    if found.state not in ("open", "granted"):
        raise Refused(f"{_named(found)} is {found.state} {found.detail}".rstrip(), "request it anew")
    return found


def _named(one: Approval) -> str:
    return f"the {one.kind} of {one.model}@{one.version} ({one.id[:12]})"


def _end(tx: Write, id: str, state: str, detail: str) -> None:
    tx.execute(
        "UPDATE approval SET state = :state, ended_at = :at, detail = :detail WHERE id = :id",
        {"state": state, "at": tx.at, "detail": detail, "id": id},
    )


def _told(
    tx: Write, id: str, action: str, actor: str, body: dict[str, Any], *, reason: str = "", via: str | None = None
) -> Approval:
    after = approval(tx, id)
    events.append(
        tx,
        actor=actor,
        action=action,
        subject_kind="approval",
        subject_id=after.id,
        model=after.model,
        reason=reason,
        body={"version": after.version, "kind": after.kind, "state": after.state, **body},
        via=via,
    )
    return after
