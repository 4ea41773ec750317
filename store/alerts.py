"""Alerts: raised by what looks, counted while they stand, taken, snoozed and resolved. Each change with its event.

Of one key at most one alert is not resolved. One that resolved by itself and comes back is the same alert, reopened:
so what flaps is one alert, and is told at most once per cooldown.
"""

from __future__ import annotations

from typing import Any

from store import events, maintenance
from store.database import Reader, Row, Write
from store.errors import Refused
from store.ids import new_id
from store.json_text import dump, load
from store.lookup import find_id
from store.rows import Alert, rfc3339

WARNING_FIRST = ("warning", "critical")
STANDING = "state IN ('open', 'acknowledged', 'snoozed', 'muted')"
WEEK_US = 7 * 86_400_000_000  # what comes back later than this after it resolved is another alert
BY_ITSELF = "trigger:"  # begins the actor of what nobody did


def raise_alert(  # noqa: PLR0913 (one keyword for each field that a finding gives)
    tx: Write,
    *,
    model: str | None,
    kind: str,
    key: str,
    severity: str,
    title: str,
    evidence: dict[str, Any],
    actor: str,
    rule: str = "",
    host: str | None = None,
    cooldown_s: float = 0.0,
) -> tuple[Alert, bool]:
    """Raise an alert; (alert, it is news: opened or reopened just now).

    One of the same key that stands is counted, without an event; seen as worse it is escalated, and a person who had
    taken or snoozed it is told again. In maintenance it is muted: on record and counted, and nothing is told. One that
    resolved by itself is counted within `cooldown_s`, reopened after it, and after a week it is a new one.
    """
    seen = {"title": title, "evidence": dump(evidence), "at": tx.at}
    quiet = maintenance.active(tx, model)
    told = {"kind": kind, "key": key, "severity": severity, "title": title, "quiet": quiet is not None}
    stands = standing(tx, key)
    if stands is not None:
        return _seen_again(tx, stands, severity, seen, told, actor, quiet=quiet is not None)
    muted = "muted" if quiet else "open"
    last = _last(tx, key)
    if last is not None and _comes_back(last, tx.at):
        assert last.resolved_at is not None
        if 0 <= tx.at - last.resolved_at < cooldown_s * 1_000_000:
            tx.execute("UPDATE alert SET count = count + 1, seen_at = :at WHERE id = :id", {"at": tx.at, "id": last.id})
            return alert(tx, last.id), False
        tx.execute(
            "UPDATE alert SET state = :state, severity = :severity, count = count + 1, seen_at = :at, title = :title,"
            " evidence = :evidence, reopened = reopened + 1, reopened_at = :at, resolved_at = NULL, resolved_by = NULL,"
            " acknowledged_by = NULL, acknowledged_at = NULL, owner = NULL, maintenance_id = :maintenance"
            " WHERE id = :id",
            {**seen, "id": last.id, "state": muted, "severity": severity, "maintenance": quiet and quiet.id},
        )
        return _told(tx, last.id, "alert.muted" if quiet else "alert.reopened", actor, told), quiet is None
    id = new_id(tx.clock)
    tx.execute(
        "INSERT INTO alert (id, model, kind, key, state, severity, title, evidence, count, opened_at, seen_at, rule,"
        " host, reopened, maintenance_id) VALUES (:id, :model, :kind, :key, :state, :severity, :title, :evidence, 1,"
        " :at, :at, :rule, :host, 0, :maintenance)",
        {**seen, "id": id, "model": model, "kind": kind, "key": key, "state": muted, "severity": severity}
        | {"rule": rule, "host": host, "maintenance": quiet and quiet.id},
    )
    return _told(tx, id, "alert.muted" if quiet else "alert.opened", actor, told), quiet is None


def _seen_again(
    tx: Write, before: Alert, severity: str, seen: dict[str, Any], told: dict[str, Any], actor: str, *, quiet: bool
) -> tuple[Alert, bool]:
    worst = max(severity, before.severity, key=WARNING_FIRST.index)
    is_worse = worst != before.severity and not quiet
    opens = before.state == "muted" and not quiet
    values = {**seen, "id": before.id, "severity": before.severity if quiet else worst}
    tx.execute(
        "UPDATE alert SET count = count + 1, seen_at = :at, severity = :severity, title = :title,"
        " evidence = :evidence WHERE id = :id",
        values,
    )
    if opens or (is_worse and before.state != "open"):
        tx.execute(
            "UPDATE alert SET state = 'open', until_at = NULL, maintenance_id = NULL WHERE id = :id", {"id": before.id}
        )
    if opens:
        return _told(tx, before.id, "alert.opened", actor, {**told, "severity": worst}), True
    if is_worse:
        return _told(tx, before.id, "alert.escalated", actor, {**told, "severity": worst}), False
    return alert(tx, before.id), False


def _comes_back(last: Alert, at: int) -> bool:
    """Say whether an alert that is resolved is the one that comes again; one that a person resolved is over."""
    by_itself = (last.resolved_by or "").startswith(BY_ITSELF)
    return by_itself and last.resolved_at is not None and at - last.resolved_at < WEEK_US


def acknowledge(
    tx: Write,
    id: str,
    actor: str,
    *,
    owner: str | None = None,
    until_at: int | None = None,
    reason: str = "",
    via: str | None = None,
) -> Alert:
    """Take an alert on oneself, or give it to `owner`; at `until_at` (microseconds UTC) it comes back by itself.

    One that another has taken stays theirs unless `owner` says otherwise: of two who take it at once, the first has it.

    Raises:
        Refused: it is resolved, or `until_at` is over.
    """
    before = _unresolved(tx, id)
    _is_ahead(tx, until_at)
    if before.state == "acknowledged":
        theirs = owner is None and before.owner != actor
        if theirs or ((owner or actor) == before.owner and until_at in (None, before.until_at)):
            return before
    tx.execute(
        "UPDATE alert SET state = 'acknowledged', acknowledged_by = :actor, acknowledged_at = :at, owner = :owner,"
        " until_at = :until, maintenance_id = NULL WHERE id = :id",
        {"actor": actor, "at": tx.at, "owner": owner or actor, "until": until_at, "id": before.id},
    )
    body = {"key": before.key, "owner": owner or actor, **_until(until_at)}
    return _told(tx, before.id, "alert.acknowledged", actor, body, reason=reason, via=via)


def snooze(tx: Write, id: str, actor: str, until_at: int, *, reason: str = "", via: str | None = None) -> Alert:
    """Put an alert aside until a time (microseconds UTC): it is counted meanwhile, and comes back then by itself.

    Raises:
        Refused: it is resolved, or the time is over.
    """
    before = _unresolved(tx, id)
    _is_ahead(tx, until_at)
    if before.state == "snoozed" and before.until_at == until_at:
        return before
    tx.execute(
        "UPDATE alert SET state = 'snoozed', snoozed_by = :actor, until_at = :until, maintenance_id = NULL"
        " WHERE id = :id",
        {"actor": actor, "until": until_at, "id": before.id},
    )
    return _told(tx, before.id, "alert.snoozed", actor, {"key": before.key, **_until(until_at)}, reason=reason, via=via)


def resolve(tx: Write, id: str, actor: str, *, reason: str = "", via: str | None = None) -> Alert:
    """Say that an alert is over; one that is so already stays as it is.

    `quiet` in the event: it never was told, or it ends by itself in maintenance, where nothing is.
    """
    before = alert(tx, id)
    if before.state == "resolved":
        return before
    by_itself = not actor.startswith("user:")
    quiet = before.state == "muted" or (by_itself and maintenance.active(tx, before.model) is not None)
    tx.execute(
        "UPDATE alert SET state = 'resolved', resolved_by = :actor, resolved_at = :at, until_at = NULL,"
        " maintenance_id = NULL WHERE id = :id",
        {"actor": actor, "at": tx.at, "id": before.id},
    )
    body = {"key": before.key, "severity": before.severity, "title": before.title, "quiet": quiet}
    return _told(tx, before.id, "alert.resolved", actor, body, reason=reason, via=via)


def is_due(reader: Reader, at: int) -> bool:
    """Say whether `come_back` has anything to do at a time."""
    return bool(_ended(reader, at)) or bool(_unmuted(reader, at))


def come_back(tx: Write, actor: str) -> list[Alert]:
    """Open what was taken or snoozed until now, and what was muted by maintenance that is over; return those."""
    back = []
    for one in _ended(tx, tx.at):
        if maintenance.active(tx, one.model) is not None:
            continue
        word = (
            f"the acknowledgement of {one.owner}" if one.state == "acknowledged" else f"the snooze of {one.snoozed_by}"
        )
        back.append(_open(tx, one, "alert.reopened", actor, f"{word} has ended"))
    back += [_open(tx, one, "alert.opened", actor, "the maintenance is over") for one in _unmuted(tx, tx.at)]
    return back


def _open(tx: Write, one: Alert, action: str, actor: str, reason: str) -> Alert:
    tx.execute("UPDATE alert SET state = 'open', until_at = NULL, maintenance_id = NULL WHERE id = :id", {"id": one.id})
    body = {"kind": one.kind, "key": one.key, "severity": one.severity, "title": one.title}
    return _told(tx, one.id, action, actor, body, reason=reason)


def _ended(reader: Reader, at: int) -> list[Alert]:
    found = reader.rows(
        "SELECT * FROM alert WHERE state IN ('acknowledged', 'snoozed') AND until_at <= :at ORDER BY id", {"at": at}
    )
    return [_alert(row) for row in found]


def _unmuted(reader: Reader, at: int) -> list[Alert]:
    found = reader.rows("SELECT * FROM alert WHERE state = 'muted' ORDER BY id")
    return [one for one in map(_alert, found) if maintenance.active(reader, one.model, at) is None]


def alerts(reader: Reader, open_only: bool = True, *, model: str | None = None, limit: int = 500) -> list[Alert]:
    """Return alerts newest first; `open_only` leaves out resolved ones."""
    clauses = [STANDING] if open_only else []
    if model is not None:
        clauses.append("model = :model")
    where = f"WHERE {' AND '.join(clauses)}" if clauses else ""
    found = reader.rows(f"SELECT * FROM alert {where} ORDER BY id DESC LIMIT :limit", {"model": model, "limit": limit})
    return [_alert(row) for row in found]


def standing(reader: Reader, key: str) -> Alert | None:
    """Return the alert of a key that is not resolved."""
    row = reader.row(f"SELECT * FROM alert WHERE key = :key AND {STANDING}", {"key": key})
    return _alert(row) if row else None


def alert(reader: Reader, id: str) -> Alert:
    """Return one alert by id or unique prefix.

    Raises:
        UnknownName: no alert begins so. Refused: several do.
    """
    row = reader.row("SELECT * FROM alert WHERE id = :id", {"id": find_id(reader, "alert", "alert", id)})
    assert row is not None
    return _alert(row)


def _last(reader: Reader, key: str) -> Alert | None:
    row = reader.row("SELECT * FROM alert WHERE key = :key ORDER BY id DESC LIMIT 1", {"key": key})
    return _alert(row) if row else None


def _unresolved(reader: Reader, id: str) -> Alert:
    found = alert(reader, id)
    if found.state == "resolved":
        raise Refused(f"alert {found.id[:12]} is resolved", "it opens anew when the same thing is seen again")
    return found


def _is_ahead(tx: Write, until_at: int | None) -> None:
    if until_at is not None and until_at <= tx.at:
        raise Refused(f"{rfc3339(until_at)} is over: it is {rfc3339(tx.at)}", "name a time that is yet to come")


def _until(until_at: int | None) -> dict[str, Any]:
    return {} if until_at is None else {"until": rfc3339(until_at)}


def _told(
    tx: Write, id: str, action: str, actor: str, body: dict[str, Any], *, reason: str = "", via: str | None = None
) -> Alert:
    after = alert(tx, id)
    events.append(
        tx,
        actor=actor,
        action=action,
        subject_kind="alert",
        subject_id=after.id,
        model=after.model,
        reason=reason,
        body=body,
        via=via,
    )
    return after


def _alert(row: Row) -> Alert:
    return Alert(**{**dict(row), "evidence": load(row["evidence"])})
