"""What follows a promotion in an emergency: an alert at once, and a second look by somebody else within a set time."""

from __future__ import annotations

from typing import Any

from engine.governance.approvals import ACTOR, asked_of
from engine.governance.binding import binding_of
from store import alerts, approvals
from store.database import Write
from store.rows import Approval, Release, Version, rfc3339

SECOND_US = 1_000_000


def ask_for(tx: Write, version: Version, release: Release, via: str | None = None) -> Approval:
    """Ask for a second look at an emergency, and say loudly that there was one."""
    asked, now = asked_of(tx, version.model), binding_of(tx, version)
    look = approvals.request(
        tx,
        model=version.model,
        version=version.number,
        kind="second look",
        asked=1,
        role=asked.role,
        users=asked.users,
        evidence_hash=now.evidence_hash,
        settings_hash=now.settings_hash,
        champion_generation=now.champion_generation,
        due_at=tx.at + round(asked.second_look_s * SECOND_US),
        release_id=release.id,
        actor=release.actor,
        reason=release.reason,
        via=via,
    )
    by = release.actor.removeprefix("user:")
    _raise(tx, look, "warning", f"{look.model}@{look.version} took traffic without approval, by {by}")
    return look


def escalate_overdue(tx: Write) -> list[Approval]:
    """Make the alerts critical of second looks that nobody took in time, and return those looks."""
    late = approvals.overdue_looks(tx, tx.at)
    for look in late:
        assert look.due_at is not None
        stands = alerts.standing(tx, alert_key(look))
        if stands is None or stands.severity != "critical":
            told = f"nobody looked at {look.model}@{look.version}, which took traffic without approval, in time"
            _raise(tx, look, "critical", told)
    return late


def after_answer(tx: Write, look: Approval, *, actor: str) -> None:
    """Let the alert follow the answer: a yes resolves it, a no makes it critical until somebody goes back."""
    if look.state == "granted":
        stands = alerts.standing(tx, alert_key(look))
        if stands is not None:
            alerts.resolve(tx, stands.id, actor, reason="somebody else has looked at it")
    elif look.state == "refused":
        told = f"{look.model}@{look.version} took traffic without approval, and the second look says no"
        _raise(tx, look, "critical", f"{told}: modeldeck rollback {look.model}")


def _raise(tx: Write, look: Approval, severity: str, title: str) -> None:
    evidence: dict[str, Any] = {
        "approval": look.id,
        "release": look.release_id,
        "version": look.version,
        "reason": look.reason,
        "due": rfc3339(look.due_at) if look.due_at else None,
    }
    alerts.raise_alert(
        tx,
        model=look.model,
        kind="approval",
        key=alert_key(look),
        severity=severity,
        title=title,
        evidence=evidence,
        actor=ACTOR,
    )


def alert_key(look: Approval) -> str:
    """Return the key of the alert that stands while a second look is open."""
    return f"second look:{look.id}"
