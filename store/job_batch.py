"""Many jobs asked for in one transaction: what a tick of the scheduler writes, in a few statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from store import events
from store.database import Reader, Write
from store.ids import new_id
from store.jobs import NO_TERMS, terms_of
from store.json_text import dump
from store.rows import Terms

_SAME = "state, reason, attempt, progress_text, result, requested_at"  # for all jobs of a batch
_COLUMNS = f"job ({_SAME}, id, kind, model, args, actor, settings_revision, dedupe_key, {', '.join(Terms.__slots__)})"


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
    terms = {id(one): tuple(terms_of(one).values()) for one in {id(ask.terms): ask.terms for ask in asks}.values()}
    tx.insert(
        _COLUMNS,
        [
            (job_id, ask.kind, ask.model, dump(ask.args), ask.actor, ask.settings_revision, ask.dedupe_key)
            + terms[id(ask.terms)]
            for job_id, ask in zip(ids, asks, strict=True)
        ],
        shared=("queued", "", 0, "", "{}", tx.at),
    )
    events.append_many(
        tx,
        [
            events.Told(ask.actor, "job.requested", "job", job_id, ask.model, body={"kind": ask.kind, "args": ask.args})
            for job_id, ask in zip(ids, asks, strict=True)
        ],
    )
    return ids
