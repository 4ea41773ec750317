"""What a person saw when deciding, as one hash: submit is refused when it no longer stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.governance.binding import digest, evidence_hash
from engine.release.facts import PromoteFacts, RollbackFacts
from store.errors import StaleBasis

if TYPE_CHECKING:
    from engine.release.deploy_facts import DeployFacts


def promote_basis(facts: PromoteFacts) -> str:
    """Hash champion generation, settings revision, evidence and target of a promotion."""
    return digest(
        {
            "kind": "promote",
            "model": facts.here.model,
            "to": facts.to.number,
            "abandoned": facts.to.abandoned_at is not None,
            "champion_generation": facts.here.champion_generation,
            "settings_revision": facts.here.settings_revision,
            "evidence": evidence_hash(facts.to),
            **({"decides": facts.decides.id} if facts.decides is not None else {}),
            **({"approval": facts.standing.approval.id} if facts.standing.approval is not None else {}),
            **({"emergency": True} if facts.emergency else {}),
        }
    )


def rollback_basis(facts: RollbackFacts) -> str:
    """Hash champion generation, settings revision, target, and the open release that it would abort, as it is."""
    active = facts.here.active
    return digest(
        {
            "kind": "abort" if active else "rollback",
            "model": facts.here.model,
            "active": active.id if active else None,
            **({"state": active.state} if active else {}),
            "to": facts.to.number if facts.to and not active else None,
            "champion_generation": facts.here.champion_generation,
            "settings_revision": facts.here.settings_revision,
            "evidence": evidence_hash(facts.to),
        }
    )


def deploy_basis(facts: DeployFacts) -> str:
    """Hash what a deploy starts from and leads to: what serves on each host, the settings, the version's evidence."""
    here = facts.here
    return digest(
        {
            "kind": "deploy",
            "model": here.model,
            "champion_generation": here.champion_generation,
            "settings_revision": here.settings_revision,
            "evidence": evidence_hash(facts.champion),
            "serving": {host.name: host.serving.id if host.serving else None for host in (*here.hosts, *here.leaving)},
            "changing": [host.name for host in facts.changing],
            **({"approval": facts.standing.approval.id} if facts.standing.approval is not None else {}),
        }
    )


def check_basis(carried: str, now: str) -> None:
    """Compare the basis a person carried with how things stand.

    Raises:
        StaleBasis: they differ.
    """
    if carried and carried != now:
        raise StaleBasis("this changed since you looked", "look again, then decide")
