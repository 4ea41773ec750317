"""Erasures of a person's rows, as they are told: columns, places and counts, never a value."""

from __future__ import annotations

from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Erasure:
    """One erasure. It is running until nothing was found any more, and stands until it is lifted."""

    id: str
    state: str  # running, done
    columns: tuple[str, ...]
    models: tuple[str, ...]
    rows: int  # removed or found so far, in all places
    reason: str
    actor: str
    via: str | None
    job_id: str | None
    asked_at: int
    ended_at: int | None
    lifted_at: int | None
    lifted_by: str | None


@dataclass(frozen=True, slots=True)
class ErasureItem:
    """A place that held such rows, and what took its place; `name` is a hash, a version or a file."""

    kind: str  # snapshot, segment, quarantine, golden, predictions, log, outcomes, attributions
    model: str
    name: str
    rows: int
    state: str  # found, erased
    replaced_by: str | None
    at: int


@dataclass(frozen=True, slots=True)
class ErasureDecision:
    """What becomes of a model's versions that were made of the rows."""

    model: str
    decision: str  # retrain, suppress, accept
    reason: str
    actor: str
    job_id: str | None  # the training that was asked for
    decided_at: int
