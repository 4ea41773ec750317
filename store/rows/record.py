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
