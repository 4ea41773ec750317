"""Erasures: whom they are about by keyed tokens alone, what they found, and what was decided, each with its event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from store import events
from store.database import Reader, Row, Write
from store.ids import new_id
from store.json_text import dump, load
from store.lookup import find_id
from store.rows import Erasure, ErasureDecision, ErasureItem

Sought = Mapping[str, tuple[str, ...]]  # column -> tokens of the value

_ROWS = "(SELECT coalesce(sum(i.rows), 0) FROM erasure_item i WHERE i.erasure_id = e.id AND i.kind <> 'segment')"


@dataclass(frozen=True, slots=True)
class Standing:
    """Whose rows are to stay out of a model's data; `ended_at` is None while what there is is being erased."""

    id: str
    sought: dict[str, tuple[str, ...]]
    key_id: str
    models: tuple[str, ...]
    ended_at: int | None


def begin(
    tx: Write, *, sought: Sought, key_id: str, models: Iterable[str], reason: str, actor: str, via: str | None = None
) -> Standing:
    """Record that an erasure was asked for; from here on every ingest of these models leaves such rows out."""
    made = Standing(new_id(tx.clock), dict(sought), key_id, tuple(models), None)
    tx.execute(
        "INSERT INTO erasure (id, state, sought, key_id, models, reason, actor, via, asked_at) VALUES"
        " (:id, 'running', :sought, :key, :models, :reason, :actor, :via, :at)",
        {
            "id": made.id,
            "sought": dump({column: list(tokens) for column, tokens in sought.items()}),
            "key": key_id,
            "models": dump(list(made.models)),
            "reason": reason,
            "actor": actor,
            "via": via,
            "at": tx.at,
        },
    )
    body = {"columns": sorted(sought), "models": list(made.models)}
    _record(tx, made.id, "erasure.asked", actor, reason, body, via)
    return made


def give_job(tx: Write, id: str, job_id: str) -> None:
    """Say which job works on an erasure."""
    tx.execute("UPDATE erasure SET job_id = :job WHERE id = :id", {"job": job_id, "id": id})


def found(tx: Write, id: str, items: Iterable[tuple[str, str, str, int]]) -> None:
    """Record places (kind, model, name, rows) before they are rewritten; rows that came since add to those erased."""
    tx.execute_many(
        "INSERT INTO erasure_item (erasure_id, kind, model, name, rows, state, at) VALUES"
        " (:id, :kind, :model, :name, :rows, 'found', :at) ON CONFLICT (erasure_id, kind, model, name) DO UPDATE SET"
        " rows = CASE WHEN erasure_item.state = 'erased' THEN erasure_item.rows ELSE 0 END + excluded.rows,"
        " state = 'found', at = excluded.at",
        [
            {"id": id, "kind": kind, "model": model, "name": name, "rows": rows, "at": tx.at}
            for kind, model, name, rows in items
        ],
    )


def erased(tx: Write, id: str, kind: str, model: str, name: str, replaced_by: str | None = None) -> None:
    """Say that a place holds no such row any more."""
    tx.execute(
        "UPDATE erasure_item SET state = 'erased', replaced_by = :by, at = :at"
        " WHERE erasure_id = :id AND kind = :kind AND model = :model AND name = :name",
        {"id": id, "kind": kind, "model": model, "name": name, "by": replaced_by, "at": tx.at},
    )


def finish(tx: Write, id: str, actor: str) -> Erasure:
    """Say that a last look found nothing; its event names every content that was replaced, and counts the rest."""
    tx.execute(
        "UPDATE erasure_item SET state = 'erased', at = :at WHERE erasure_id = :id AND state = 'found'",
        {"id": id, "at": tx.at},
    )
    tx.execute("UPDATE erasure SET state = 'done', ended_at = :at WHERE id = :id", {"id": id, "at": tx.at})
    done, rows = erasure(tx, id), items(tx, id)
    counts: dict[str, int] = {}
    for item in rows:
        counts[item.kind] = counts.get(item.kind, 0) + item.rows
    replaced = {item.name: item.replaced_by for item in rows if item.replaced_by}
    _record(tx, id, "erasure.done", actor, "", {"rows": counts, "replaced": replaced})
    return done


def decide(
    tx: Write, id: str, *, model: str, decision: str, reason: str, actor: str, via: str | None, job_id: str | None
) -> ErasureDecision:
    """Record what becomes of a model's versions; a later decision takes the place of one before, its event stays."""
    tx.execute(
        "INSERT INTO erasure_decision (erasure_id, model, decision, reason, actor, job_id, decided_at) VALUES"
        " (:id, :model, :decision, :reason, :actor, :job, :at) ON CONFLICT (erasure_id, model) DO UPDATE SET"
        " decision = excluded.decision, reason = excluded.reason, actor = excluded.actor, job_id = excluded.job_id,"
        " decided_at = excluded.decided_at",
        {
            "id": id,
            "model": model,
            "decision": decision,
            "reason": reason,
            "actor": actor,
            "job": job_id,
            "at": tx.at,
        },
    )
    _record(tx, id, "erasure.decided", actor, reason, {"decision": decision, "job": job_id}, via, model)
    return ErasureDecision(model, decision, reason, actor, job_id, tx.at)


def lift(tx: Write, id: str, *, reason: str, actor: str, via: str | None = None) -> Erasure:
    """Let such rows in again from the next ingest on; what was erased stays so."""
    tx.execute(
        "UPDATE erasure SET lifted_at = :at, lifted_by = :actor WHERE id = :id",
        {"id": id, "at": tx.at, "actor": actor},
    )
    _record(tx, id, "erasure.lifted", actor, reason, {}, via)
    return erasure(tx, id)


def erasure(reader: Reader, identity: str) -> Erasure:
    """Return one by its id or a unique beginning of it.

    Raises:
        UnknownName: there is none. Refused: several begin so.
    """
    id = find_id(reader, "erasure", "erasure", identity)
    row = reader.row(f"SELECT e.*, {_ROWS} AS rows FROM erasure e WHERE e.id = :id", {"id": id})
    assert row is not None
    return _erasure(row)


def erasures(reader: Reader, limit: int = 100) -> list[Erasure]:
    """Return what was asked for, newest first."""
    found = reader.rows(f"SELECT e.*, {_ROWS} AS rows FROM erasure e ORDER BY e.id DESC LIMIT :n", {"n": limit})
    return [_erasure(row) for row in found]


def items(reader: Reader, id: str) -> list[ErasureItem]:
    """Return the places of an erasure, by model and kind."""
    found = reader.rows(
        "SELECT kind, model, name, rows, state, replaced_by, at FROM erasure_item WHERE erasure_id = :id"
        " ORDER BY model, kind, name",
        {"id": id},
    )
    return [ErasureItem(**dict(row)) for row in found]


def decisions(reader: Reader, id: str) -> list[ErasureDecision]:
    """Return what was decided so far, by model."""
    found = reader.rows(
        "SELECT model, decision, reason, actor, job_id, decided_at FROM erasure_decision WHERE erasure_id = :id"
        " ORDER BY model",
        {"id": id},
    )
    return [ErasureDecision(**dict(row)) for row in found]


def standing(reader: Reader, model: str | None = None) -> tuple[Standing, ...]:
    """Return those that stand, oldest first; of one model where named."""
    rows = reader.rows("SELECT id, sought, key_id, models, ended_at FROM erasure WHERE lifted_at IS NULL ORDER BY id")
    known = (_standing(row) for row in rows)
    return tuple(one for one in known if model is None or model in one.models)


def of_content(reader: Reader, hash: str) -> ErasureItem | None:
    """Return by what content was changed, newest first; None where no erasure did."""
    row = reader.row(
        "SELECT kind, model, name, rows, state, replaced_by, at FROM erasure_item WHERE name = :hash"
        " ORDER BY erasure_id DESC LIMIT 1",
        {"hash": hash},
    )
    return ErasureItem(**dict(row)) if row else None


def _standing(row: Row) -> Standing:
    sought = {column: tuple(tokens) for column, tokens in load(row["sought"]).items()}
    return Standing(row["id"], sought, row["key_id"], tuple(load(row["models"])), row["ended_at"])


def _erasure(row: Row) -> Erasure:
    said = dict(row)
    del said["key_id"]
    columns = tuple(sorted(load(said.pop("sought"))))
    return Erasure(**{**said, "columns": columns, "models": tuple(load(said["models"]))})


def _record(
    tx: Write,
    id: str,
    action: str,
    actor: str,
    reason: str,
    body: Mapping[str, object],
    via: str | None = None,
    model: str | None = None,
) -> None:
    events.append(
        tx,
        actor=actor,
        via=via,
        action=action,
        subject_kind="erasure",
        subject_id=id,
        model=model,
        reason=reason,
        body=dict(body),
    )
