"""What a person saw when deciding, as one hash: submit is refused when it no longer stands. Pure."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from engine.release.facts import PromoteFacts, RollbackFacts
from store.rows import Version

if TYPE_CHECKING:
    from engine.release.deploy import DeployFacts


def evidence_hash(version: Version | None) -> str:
    """Hash everything that speaks for a version: evaluation, artifact, golden requests, environment, decision."""
    if version is None:
        return ""
    return _hash(
        {
            "artifact": version.artifact_hash,
            "golden": version.golden_hash,
            "environment": version.environment_hash,
            "bundle": version.bundle_hash,
            "evaluation": version.evaluation,
            "decision": version.decision,
        }
    )


def promote_basis(facts: PromoteFacts) -> str:
    """Hash champion generation, settings revision, evidence and target of a promotion."""
    return _hash(
        {
            "kind": "promote",
            "model": facts.here.model,
            "to": facts.to.number,
            "abandoned": facts.to.abandoned_at is not None,
            "champion_generation": facts.here.champion_generation,
            "settings_revision": facts.here.settings_revision,
            "evidence": evidence_hash(facts.to),
            **({"decides": facts.decides.id} if facts.decides is not None else {}),
        }
    )


def rollback_basis(facts: RollbackFacts) -> str:
    """Hash champion generation, settings revision, target, and the running release a rollback would abort."""
    active = facts.here.active
    return _hash(
        {
            "kind": "abort" if active else "rollback",
            "model": facts.here.model,
            "active": active.id if active else None,
            "to": facts.to.number if facts.to and not active else None,
            "champion_generation": facts.here.champion_generation,
            "settings_revision": facts.here.settings_revision,
            "evidence": evidence_hash(facts.to),
        }
    )


def deploy_basis(facts: DeployFacts) -> str:
    """Hash what a deploy starts from and leads to: what serves on each host, the settings, the version's evidence."""
    here = facts.here
    return _hash(
        {
            "kind": "deploy",
            "model": here.model,
            "champion_generation": here.champion_generation,
            "settings_revision": here.settings_revision,
            "evidence": evidence_hash(facts.champion),
            "serving": {host.name: host.serving.id if host.serving else None for host in (*here.hosts, *here.leaving)},
            "changing": [host.name for host in facts.changing],
        }
    )


def _hash(value: dict[str, Any]) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
