"""What is wrong with hosts and what runs there, as the record tells it: found, asked to be mended, cleared.

The newest event of a fault is its state; there is no other table to disagree with the record.
"""

from __future__ import annotations

from store import events
from store.database import Reader, Write
from store.rows import Event, Fault

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
    return [_fault(last) for last in events.newest_of_each(reader, KIND) if last.action != _CLEARED]


def silent(reader: Reader, host: str) -> Fault | None:
    """Return the fault of a host that does not answer, None while it does."""
    last = events.newest(reader, KIND, f"{host}/{CONNECTION}")
    return _fault(last) if last is not None and last.action != _CLEARED else None


def _fault(told: Event) -> Fault:
    body = told.body
    asked = told.seq if told.action == _ASKED else None
    return Fault(body["host"], body["key"], told.model, body["detail"], body["since_at"], asked)
