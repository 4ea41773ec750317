"""Approvals as a deck would answer them: one that waits, one that was used, and what granting would come to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sample_releases import PLAN

from engine.plans import Plan, PlanStep, Preview
from store.rows import Approval, ApprovalAnswer

MINUTE = 60_000_000


def approvals(now: int) -> tuple[Approval, ...]:
    """Return them, the newest first."""
    waiting = Approval(
        id="0193c3b2a1d070008abc000000000001",
        model="nightly-rates",
        version=3,
        kind="approval",
        state="open",
        asked=2,
        role="approver",
        users=(),
        evidence_hash="e" * 64,
        settings_hash="5" * 64,
        champion_generation=2,
        requested_by="user:anna",
        requested_at=now - 20 * MINUTE,
        reason="half the error on weekends",
        via=None,
        due_at=None,
        release_id=None,
        ended_at=None,
        detail="",
        card_hash=f"sha256:{'c' * 64}",
        answers=(ApprovalAnswer("user:ben", "granted", "looked at the slices", None, now - 10 * MINUTE),),
    )
    used = replace(
        waiting,
        id="0193c3b2a1d070008abc000000000000",
        version=2,
        state="used",
        detail="by release 0193a1b2c3d0",
        ended_at=now - 60 * MINUTE,
        requested_at=now - 90 * MINUTE,
    )
    return (waiting, used)


GRANT = Plan(
    kind="grant",
    endpoint="nightly-rates",
    from_version=2,
    to_version=3,
    summary="nightly-rates: approval of v3, granted by user:ben",
    undo="modeldeck approvals withdraw nightly-rates 3",
    steps=(
        PlanStep("grant", "grant 2 of 2 of the approval of v3, asked by user:anna: half the error"),
        PlanStep("granted", "it may be promoted; nothing moves by itself"),
    ),
    differences=PLAN.differences,
    checks=PLAN.checks,
)


def approval_answers(now: int) -> dict[str, Any]:
    """Return what a deck answers of approvals, by operation."""
    waiting, used = approvals(now)
    return {
        "approvals.list": (waiting, used),
        "approvals.request": waiting,
        "approvals.preview_grant": Preview(GRANT, "basis-5"),
        "approvals.grant": replace(waiting, state="granted"),
    }
