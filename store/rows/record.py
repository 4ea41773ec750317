"""The record of changes."""

from __future__ import annotations

from typing import Any

from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """One link of the hash chain."""

    seq: int
    at: int
    actor: str
    via: str | None
    action: str
    subject_kind: str
    subject_id: str
    model: str | None
    reason: str
    body: dict[str, Any]
    previous_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class PersonalRead:
    """Somebody's look at personal columns: who, by which operation or job, of what, and how they were told."""

    at: int
    actor: str
    via: str | None
    transport: str  # socket, process, job
    operation: str  # its id, or the kind of the job
    model: str  # "*" for all
    subject: str  # a snapshot, a version, a prediction, a job; "" for what the model has as a whole
    columns: tuple[str, ...]
    told: str  # statistics, masked, attributed, sought, copied, processed
