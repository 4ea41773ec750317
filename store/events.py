"""The record: events in a hash chain, each appended in the transaction of the change it tells of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any, NamedTuple

from store.database import Reader, Row, Write
from store.json_text import dump, load
from store.rows import Event
from store.rows.making import maker

GENESIS = "0" * 64
_BATCH = 2000
_COLUMNS = "event (seq, at, actor, via, action, subject_kind, subject_id, model, reason, body, previous_hash, hash)"
_APPEND = f"INSERT INTO {_COLUMNS} VALUES ({', '.join('?' * 12)})"
_FIELDS = ("seq", "at", "actor", "via", "action", "subject_kind", "subject_id", "model", "reason", "body")


class Told(NamedTuple):
    """One event of many to be appended at once: the keywords of `append`."""

    actor: str
    action: str
    subject_kind: str
    subject_id: str
    model: str | None = None
    reason: str = ""
    body: dict[str, Any] | None = None
    via: str | None = None


class Chain(NamedTuple):
    """What the chain proves: `verified` events up to `head`, or the first broken link."""

    ok: bool
    verified: int
    head: str
    broken_seq: int | None
    detail: str


def append(  # noqa: PLR0913 (one keyword for each field of an event)
    tx: Write,
    *,
    actor: str,
    action: str,
    subject_kind: str,
    subject_id: str,
    model: str | None = None,
    reason: str = "",
    body: dict[str, Any] | None = None,
    via: str | None = None,
) -> Event:
    """Append one event. `body` holds ids, names and numbers, never row data."""
    seq, previous = _head(tx)
    told, text = body or {}, dump(body or {})
    seq += 1
    made = _hash(previous, _canonical(seq, tx.at, actor, via, action, subject_kind, subject_id, model, reason, text))
    tx.put(_APPEND, (seq, tx.at, actor, via, action, subject_kind, subject_id, model, reason, text, previous, made))
    event: Event = maker(Event)(
        seq, tx.at, actor, via, action, subject_kind, subject_id, model, reason, told, previous, made
    )
    return event


def append_many(tx: Write, told: Iterable[Told]) -> None:
    """Append events in their order, a hundred to a statement."""
    seq, previous = _head(tx)
    links = []
    for actor, action, kind, id, model, reason, body, via in told:
        seq, before, text = seq + 1, previous, dump(body or {})
        previous = _hash(before, _canonical(seq, tx.at, actor, via, action, kind, id, model, reason, text))
        links.append((seq, tx.at, actor, via, action, kind, id, model, reason, text, before, previous))
    tx.insert(_COLUMNS, links)


def link_hash(fields: dict[str, Any], previous: str) -> str:
    """Return sha256 over the previous hash and the canonical JSON of an event's fields (`body` as its stored text)."""
    return _hash(previous, dump(fields))


def _hash(previous: str, fields: str) -> str:
    return hashlib.sha256(f"{previous}\n{fields}".encode()).hexdigest()


def _canonical(  # noqa: PLR0913, PLR0917 (a place for each field of an event)
    seq: int,
    at: int,
    actor: str,
    via: str | None,
    action: str,
    subject_kind: str,
    subject_id: str,
    model: str | None,
    reason: str,
    body: str,
) -> str:
    """Return what `dump` makes of these fields, a third as costly; whoever verifies asks `dump` itself."""
    return (
        f'{{"action":{_quoted(action)},"actor":{_quoted(actor)},"at":{at:d},"body":{_quoted(body)},'
        f'"model":{_text(model)},"reason":{_quoted(reason)},"seq":{seq:d},"subject_id":{_quoted(subject_id)},'
        f'"subject_kind":{_quoted(subject_kind)},"via":{_text(via)}}}'
    )


def _text(value: str | None) -> str:
    return "null" if value is None else _quoted(value)


def _head(reader: Reader) -> tuple[int, str]:
    """Return number and hash of the newest event."""
    last = reader.tuples("SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1")
    return (int(last[0][0]), str(last[0][1])) if last else (0, GENESIS)


def events(
    reader: Reader,
    *,
    limit: int = 100,
    before_seq: int | None = None,
    model: str | None = None,
    subject: tuple[str, str] | None = None,
    without: Sequence[str] = (),
    scheduled_jobs: bool = True,
) -> list[Event]:
    """Return events newest first; `subject` is (kind, id), `without` the beginnings of actions left out.

    `scheduled_jobs=False` leaves out the jobs that schedules started, and those that send notifications: every one of
    them makes three events.
    """
    kind, subject_id = subject or (None, None)
    wanted = [
        clause
        for clause, given in (
            ("seq < :before", before_seq),
            ("model = :model", model),
            ("subject_kind = :kind AND subject_id = :subject", kind),
        )
        if given is not None
    ]
    left_out = {f"without{number}": beginning for number, beginning in enumerate(without)}
    wanted += [f"substr(action, 1, {len(text)}) <> :{name}" for name, text in left_out.items()]
    if not scheduled_jobs:
        wanted.append(
            "NOT (substr(action, 1, 4) = 'job.' AND (substr(actor, 1, 9) = 'schedule:' OR actor = 'trigger:notify'))"
        )
    where = f"WHERE {' AND '.join(wanted)}" if wanted else ""
    source = "event_by_subject" if subject else "event_by_model" if model is not None else "event"
    found = reader.rows(
        f"SELECT * FROM {source} {where} ORDER BY seq DESC LIMIT :limit",
        {"before": before_seq, "model": model, "kind": kind, "subject": subject_id, "limit": limit, **left_out},
    )
    return [_event(row) for row in found]


def of_kind(reader: Reader, subject_kind: str, action: str, limit: int) -> list[Event]:
    """Return the events of one action about a kind of subject, newest first."""
    found = reader.rows(
        "SELECT * FROM event_by_subject WHERE subject_kind = :kind AND action = :action ORDER BY seq DESC LIMIT :limit",
        {"kind": subject_kind, "action": action, "limit": limit},
    )
    return [_event(row) for row in found]


def newest(reader: Reader, subject_kind: str, subject_id: str, *actions: str) -> Event | None:
    """Return the newest event of a subject, of one of these actions where any are given; None where there is none."""
    named = {f"action{number}": action for number, action in enumerate(actions)}
    among = f" AND action IN ({', '.join(f':{name}' for name in named)})" if named else ""
    row = reader.row(
        "SELECT * FROM event_by_subject WHERE subject_kind = :kind AND subject_id = :id"
        f"{among} ORDER BY seq DESC LIMIT 1",
        {"kind": subject_kind, "id": subject_id, **named},
    )
    return _event(row) if row else None


def newest_of_each(reader: Reader, subject_kind: str) -> list[Event]:
    """Return the newest event of every subject of a kind, oldest first."""
    found = reader.rows(
        "SELECT * FROM event WHERE seq IN"
        " (SELECT max(seq) FROM event_by_subject WHERE subject_kind = :kind GROUP BY subject_id) ORDER BY seq",
        {"kind": subject_kind},
    )
    return [_event(row) for row in found]


def head(reader: Reader) -> int:
    """Return the number of the newest event, 0 before the first."""
    row = reader.row("SELECT max(seq) AS seq FROM event")
    return int(row["seq"] or 0) if row else 0


def times(reader: Reader, action: str, model: str, after_seq: int) -> list[int]:
    """Return when an action happened to a model since an event, oldest first."""
    found = reader.rows(
        "SELECT at FROM event_by_model WHERE action = :action AND seq > :after AND model = :model ORDER BY seq",
        {"action": action, "after": after_seq, "model": model},
    )
    return [row["at"] for row in found]


def after(reader: Reader, seq: int, limit: int) -> list[Event]:
    """Return the events after one, oldest first."""
    found = reader.rows("SELECT * FROM event WHERE seq > :seq ORDER BY seq LIMIT :limit", {"seq": seq, "limit": limit})
    return [_event(row) for row in found]


def between(reader: Reader, from_at: int, to_at: int, *, model: str | None = None, limit: int) -> list[Event]:
    """Return the newest events of a span of time, both ends within it, oldest first; of one model and of none.

    The span is found by halving the record, whose times ascend but where a clock was set back.
    """
    of = "AND (model = :model OR model IS NULL)" if model is not None else ""
    found = reader.rows(
        f"SELECT * FROM event WHERE seq >= :first AND seq < :beyond AND at >= :from_at AND at <= :to_at {of}"
        " ORDER BY seq DESC LIMIT :limit",
        {
            "first": _first_since(reader, from_at),
            "beyond": _first_since(reader, to_at + 1),
            "from_at": from_at,
            "to_at": to_at,
            "model": model,
            "limit": limit,
        },
    )
    return [_event(row) for row in reversed(found)]


def _first_since(reader: Reader, at: int) -> int:
    """Return the number of the first event at or after a time, one beyond the newest where there is none."""
    low, high = 1, head(reader) + 1
    while low < high:
        middle = (low + high) // 2
        row = reader.row("SELECT at FROM event WHERE seq = :seq", {"seq": middle})
        if row is not None and row["at"] < at:
            low = middle + 1
        else:
            high = middle
    return low


def event(reader: Reader, seq: int) -> Event | None:
    """Return one event by its number."""
    row = reader.row("SELECT * FROM event WHERE seq = :seq", {"seq": seq})
    return _event(row) if row else None


def verify(reader: Reader) -> Chain:
    """Walk the chain from its first link and recompute every hash."""
    return walked(links(reader))


def links(reader: Reader) -> Iterator[dict[str, Any]]:
    """Yield the fields of every event as they are hashed, `body` as its stored text, with both hashes, oldest first."""
    after_seq = 0
    while batch := reader.rows(
        "SELECT * FROM event WHERE seq > :after ORDER BY seq LIMIT :limit", {"after": after_seq, "limit": _BATCH}
    ):
        for row in batch:
            yield {name: row[name] for name in (*_FIELDS, "previous_hash", "hash")}
        after_seq = batch[-1]["seq"]


def walked(found: Iterable[Mapping[str, Any]]) -> Chain:
    """Recompute the hash of every link, as `links` gives them."""
    verified, head = 0, GENESIS
    for row in found:
        seq = row["seq"]
        if seq != verified + 1:
            return Chain(False, verified, head, verified + 1, f"event {verified + 1} is missing")
        if row["previous_hash"] != head:
            return Chain(False, verified, head, seq, f"event {seq} does not follow event {verified}")
        if link_hash({name: row[name] for name in _FIELDS}, head) != row["hash"]:
            return Chain(False, verified, head, seq, f"event {seq} is not what was recorded")
        verified, head = seq, row["hash"]
    return Chain(True, verified, head, None, "every link holds")


def _event(row: Row) -> Event:
    return Event(**{**dict(row), "body": load(row["body"])})
