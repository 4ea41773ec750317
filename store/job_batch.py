"""Many jobs asked for in one transaction: what a tick of the scheduler writes, in a few statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from store import events
from store.database import Reader, Write
from store.ids import new_id
from store.jobs import INSERT, NO_TERMS, terms_of
from store.json_text import dump
from store.rows import Terms


@dataclass(frozen=True, slots=True)
class Ask:
    """One job to be asked for; no live job of its key may exist."""

    kind: str
    model: str
    args: dict[str, Any]
    actor: str
    settings_revision: int
    dedupe_key: str
    terms: Terms = NO_TERMS


def live_keys(reader: Reader) -> dict[str, tuple[str, str]]:
    """Return (id, state) of each job with a key that waits or runs."""
    found = reader.rows(
        "SELECT dedupe_key, id, state FROM job WHERE state IN ('queued', 'running') AND dedupe_key IS NOT NULL"
    )
    return {row["dedupe_key"]: (row["id"], row["state"]) for row in found}


def enqueue_many(tx: Write, asks: Sequence[Ask]) -> list[str]:
    """Ask for all of them, each with its event, and return their ids."""
    ids = [new_id(tx.clock) for _ in asks]
    columns = {id(one): terms_of(one) for one in {id(ask.terms): ask.terms for ask in asks}.values()}
    tx.execute_many(
        INSERT,
        (
            {
                "id": job_id,
                "kind": ask.kind,
                "model": ask.model,
                "args": dump(ask.args),
                "actor": ask.actor,
                "via": None,
                "settings_revision": ask.settings_revision,
                "dedupe_key": ask.dedupe_key,
                "at": tx.at,
                **columns[id(ask.terms)],
            }
            for job_id, ask in zip(ids, asks, strict=True)
        ),
    )
    events.append_many(
        tx,
        (
            {
                "actor": ask.actor,
                "action": "job.requested",
                "subject_kind": "job",
                "subject_id": job_id,
                "model": ask.model,
                "body": {"kind": ask.kind, "args": ask.args},
            }
            for job_id, ask in zip(ids, asks, strict=True)
        ),
    )
    return ids
