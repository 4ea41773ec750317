"""What is wrong with hosts and what runs there, as the record tells it: found, asked to be mended, cleared.

The newest event of a fault is its state; there is no other table to disagree with the record.
"""

from __future__ import annotations

from store import events
from store.database import Reader, Row, Write
from store.json_text import load
from store.rows import Fault

KIND = "fault"
CONNECTION = "connection"  # the key of a host that does not answer
_FOUND, _ASKED, _CLEARED = "fault.found", "fault.converge", "fault.cleared"


def found(tx: Write, host: str, key: str, detail: str, *, model: str | None = None) -> None:
    """Write that something is wrong on a host; `key` names what."""
    events.append(
        tx,
        actor=f"reconciler:{host}",
        action=_FOUND,
        subject_kind=KIND,
        subject_id=f"{host}/{key}",
        model=model,
        reason=detail,
        body={"host": host, "key": key, "detail": detail, "since_at": tx.at},
    )


def cleared(tx: Write, fault: Fault, how: str) -> None:
    """Write that it is over, and how that came."""
    events.append(
        tx,
        actor=f"reconciler:{fault.host}",
        action=_CLEARED,
        subject_kind=KIND,
        subject_id=f"{fault.host}/{fault.key}",
        model=fault.model,
        reason=how,
        body={"host": fault.host, "key": fault.key},
    )


def ask(tx: Write, fault: Fault, *, actor: str, reason: str = "", via: str | None = None) -> None:
    """Write that somebody wants it mended; the host's reconciler acts on it."""
    events.append(
        tx,
        actor=actor,
        via=via,
        action=_ASKED,
        subject_kind=KIND,
        subject_id=f"{fault.host}/{fault.key}",
        model=fault.model,
        reason=reason,
        body={"host": fault.host, "key": fault.key, "detail": fault.detail, "since_at": fault.since_at},
    )


def standing(reader: Reader, host: str | None = None) -> list[Fault]:
    """Return the faults that stand, oldest first; of one host where given. Every look of a reconciler asks for them."""
    read = reader.remembered(standing, lambda: _standing(reader))
    return [fault for fault in read if host is None or fault.host == host]


def _standing(reader: Reader) -> list[Fault]:
    rows = reader.rows(
        "SELECT seq, action, model, body FROM event WHERE action <> :cleared AND seq IN"
        " (SELECT max(seq) FROM event WHERE subject_kind = :kind GROUP BY subject_id) ORDER BY seq",
        {"cleared": _CLEARED, "kind": KIND},
    )
    return [_fault(row) for row in rows]


def silent(reader: Reader, host: str) -> Fault | None:
    """Return the fault of a host that does not answer, None while it does."""
    row = reader.row(
        "SELECT seq, action, model, body FROM event WHERE subject_kind = :kind AND subject_id = :id"
        " ORDER BY seq DESC LIMIT 1",
        {"kind": KIND, "id": f"{host}/{CONNECTION}"},
    )
    return _fault(row) if row is not None and row["action"] != _CLEARED else None


def _fault(row: Row) -> Fault:
    body = load(row["body"])
    asked = row["seq"] if row["action"] == _ASKED else None
    return Fault(body["host"], body["key"], row["model"], body["detail"], body["since_at"], asked)
