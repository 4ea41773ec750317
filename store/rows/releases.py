"""Releases and their steps."""

from __future__ import annotations

from typing import Any

from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Release:
    """One change of an endpoint: its plan, its verdict, its undo."""

    id: str
    endpoint: str
    kind: str  # promote, rollback, deploy
    from_version: int | None
    to_version: int
    state: str  # pending, running, held, completed, aborted, failed
    verdict: str  # passed, failed, no data, aborted, "" while open
    reason: str
    detail: str
    basis: str
    plan: dict[str, Any]
    evidence: dict[str, Any]
    undo: dict[str, Any]
    settings_revision: int
    actor: str
    job_id: str | None
    reverted_by: str | None
    requested_at: int
    started_at: int | None
    ended_at: int | None
    comments: int = 0  # that stand on it

    @property
    def is_open(self) -> bool:
        """Whether it has yet to end."""
        return self.state in ("pending", "running", "held")


@dataclass(frozen=True, slots=True)
class Step:
    """One plan step of a release, as it went."""

    release_id: str
    number: int
    kind: str
    title: str
    host: str | None
    args: dict[str, Any]
    state: str  # pending, running, done, skipped, held, failed
    verdict: str
    observed: dict[str, Any]
    started_at: int | None
    ended_at: int | None
