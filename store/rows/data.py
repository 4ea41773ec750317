"""What checks found in a model's data, and what they rejected."""

from __future__ import annotations

from typing import Any

from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class DataCheck:
    """One look of a model's checks at its rows. A verdict is passed, warning or failed."""

    id: str
    model: str
    snapshot_id: str | None  # None where no row was left to keep
    settings_revision: int
    verdict: str
    rows: int  # that were looked at
    rejected: int
    findings: tuple[dict[str, Any], ...]  # {"rule", "severity", "rows", "detail"}
    actor: str
    checked_at: int


@dataclass(frozen=True, slots=True)
class QuarantineBatch:
    """Rows that checks rejected at one time. Open, until they are replayed or superseded by what the source gave."""

    id: str
    model: str
    blob_hash: str
    rows: int
    rules: dict[str, int]  # rule -> how many rows it rejected
    state: str
    actor: str
    created_at: int
    settled_at: int | None
