"""Approvals: who has to say yes to a version, and who did."""

from __future__ import annotations

from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class ApprovalAnswer:
    """What one person answered to a request."""

    actor: str
    answer: str  # granted, refused, withdrawn
    reason: str
    via: str | None
    answered_at: int


@dataclass(frozen=True, slots=True)
class Approval:
    """A request to let a version take traffic, bound to what spoke for it then; or a second look at an emergency."""

    id: str
    model: str
    version: int
    kind: str  # approval, second look
    state: str  # open, granted, refused, withdrawn, lapsed, used
    asked: int  # how many people have to grant it
    role: str  # the least role of who may
    users: tuple[str, ...]  # the only ones who may; empty: everybody of that role
    evidence_hash: str
    settings_hash: str
    champion_generation: int
    requested_by: str
    requested_at: int
    reason: str
    via: str | None
    due_at: int | None  # of a second look: until when
    release_id: str | None  # the release that it let through
    ended_at: int | None
    detail: str  # why it ended
    card_hash: str | None = None  # the blob of the version's card as it was when this was requested
    answers: tuple[ApprovalAnswer, ...] = ()

    @property
    def granted(self) -> tuple[ApprovalAnswer, ...]:
        """The answers that say yes."""
        return tuple(one for one in self.answers if one.answer == "granted")
