"""What checks found in a model's data, and the rows they rejected: batches here, the rows as content."""

from __future__ import annotations

from typing import Any

from store import events
from store.database import Reader, Row, Write
from store.ids import new_id
from store.json_text import dump, load
from store.lookup import find_id
from store.rows import DataCheck, QuarantineBatch


def record_check(tx: Write, found: DataCheck) -> None:
    """Record one check of a model's data, with its event."""
    tx.execute(
        "INSERT INTO data_check (id, model, snapshot_id, settings_revision, verdict, rows, rejected, findings, actor,"
        " checked_at) VALUES (:id, :model, :snapshot_id, :settings_revision, :verdict, :rows, :rejected, :findings,"
        " :actor, :checked_at)",
        {
            "id": found.id,
            "model": found.model,
            "snapshot_id": found.snapshot_id,
            "settings_revision": found.settings_revision,
            "verdict": found.verdict,
            "rows": found.rows,
            "rejected": found.rejected,
            "findings": dump(list(found.findings)),
            "actor": found.actor,
            "checked_at": found.checked_at,
        },
    )
    body = {"verdict": found.verdict, "rows": found.rows, "rejected": found.rejected}
    rules = [one["rule"] for one in found.findings]
    events.append(
        tx,
        actor=found.actor,
        action="data.checked",
        subject_kind="snapshot",
        subject_id=found.snapshot_id or "",
        model=found.model,
        body={**body, "rules": rules},
    )


def checks(reader: Reader, model: str, limit: int = 100) -> list[DataCheck]:
    """Return a model's checks, newest first."""
    found = reader.rows(
        "SELECT * FROM data_check WHERE model = :model ORDER BY checked_at DESC, id DESC LIMIT :limit",
        {"model": model, "limit": limit},
    )
    return [_check(row) for row in found]


def check_of(reader: Reader, model: str, snapshot_id: str, revision: int) -> DataCheck | None:
    """Return the newest check of a snapshot under a settings revision."""
    row = reader.row(
        "SELECT * FROM data_check WHERE model = :model AND snapshot_id = :snapshot AND settings_revision = :revision"
        " ORDER BY checked_at DESC, id DESC LIMIT 1",
        {"model": model, "snapshot": snapshot_id, "revision": revision},
    )
    return _check(row) if row else None


def quarantine(
    tx: Write, *, model: str, blob_hash: str, rows: int, rules: dict[str, int], actor: str
) -> QuarantineBatch:
    """Keep a batch of rejected rows; one that is open already, of the same rows and rules, is that batch."""
    known = tx.row(
        "SELECT * FROM quarantine WHERE model = :model AND blob_hash = :hash AND state = 'open'",
        {"model": model, "hash": blob_hash},
    )
    if known is not None:
        return _batch(known)
    batch = QuarantineBatch(new_id(tx.clock), model, blob_hash, rows, rules, "open", actor, tx.at, None)
    tx.execute(
        "INSERT INTO quarantine (id, model, blob_hash, rows, rules, state, actor, created_at) VALUES"
        " (:id, :model, :hash, :rows, :rules, 'open', :actor, :at)",
        {
            "id": batch.id,
            "model": model,
            "hash": blob_hash,
            "rows": rows,
            "rules": dump(rules),
            "actor": actor,
            "at": tx.at,
        },
    )
    events.append(
        tx,
        actor=actor,
        action="data.quarantined",
        subject_kind="quarantine",
        subject_id=batch.id,
        model=model,
        body={"rows": rows, "rules": rules},
    )
    return batch


def settle(tx: Write, batch: QuarantineBatch, state: str, actor: str) -> None:
    """Close a batch: `replayed`, or `superseded` by what the source gave since."""
    tx.execute(
        "UPDATE quarantine SET state = :state, settled_at = :at WHERE id = :id AND state = 'open'",
        {"state": state, "at": tx.at, "id": batch.id},
    )
    events.append(
        tx,
        actor=actor,
        action=f"data.{state}",
        subject_kind="quarantine",
        subject_id=batch.id,
        model=batch.model,
        body={"rows": batch.rows},
    )


def replace_rows(tx: Write, batch: QuarantineBatch, blob_hash: str, rules: dict[str, int]) -> None:
    """Put other rows in the place of a batch's, `rules` saying how many by each; an open one without any is settled."""
    rows = sum(rules.values())
    tx.execute(
        "UPDATE quarantine SET blob_hash = :hash, rows = :rows, rules = :rules,"
        " state = CASE WHEN state = 'open' AND :rows = 0 THEN 'superseded' ELSE state END,"
        " settled_at = CASE WHEN state = 'open' AND :rows = 0 THEN :at ELSE settled_at END WHERE id = :id",
        {"hash": blob_hash, "rows": rows, "rules": dump(rules), "at": tx.at, "id": batch.id},
    )


def batches(reader: Reader, model: str, *, open_only: bool = False) -> list[QuarantineBatch]:
    """Return a model's batches, newest first."""
    narrowed = "AND state = 'open'" if open_only else ""
    found = reader.rows(
        f"SELECT * FROM quarantine WHERE model = :model {narrowed} ORDER BY created_at DESC, id DESC", {"model": model}
    )
    return [_batch(row) for row in found]


def batch(reader: Reader, identity: str) -> QuarantineBatch:
    """Return one batch by a prefix of its id.

    Raises:
        UnknownName: there is none. Refused: several begin so.
    """
    row = reader.row(
        "SELECT * FROM quarantine WHERE id = :id", {"id": find_id(reader, "quarantine", "batch", identity)}
    )
    assert row is not None
    return _batch(row)


def _check(row: Row) -> DataCheck:
    found: dict[str, Any] = {**dict(row), "findings": tuple(load(row["findings"]))}
    return DataCheck(**found)


def _batch(row: Row) -> QuarantineBatch:
    found: dict[str, Any] = {**dict(row), "rules": load(row["rules"])}
    return QuarantineBatch(**found)
