"""What an approval is bound to: the version's evidence, the model's own settings, and the champion it would replace."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from store import models, settings
from store.database import Reader
from store.errors import Refused, UnknownName
from store.rows import Approval, Version
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Binding:
    """Three things; when any of them changes, what was approved is not what would serve."""

    evidence_hash: str
    settings_hash: str
    champion_generation: int  # 0: there never was one


def evidence_hash(version: Version | None) -> str:
    """Hash everything that speaks for a version: evaluation, artifact, golden requests, environment, decision."""
    if version is None:
        return ""
    return digest(
        {
            "artifact": version.artifact_hash,
            "golden": version.golden_hash,
            "environment": version.environment_hash,
            "bundle": version.bundle_hash,
            "evaluation": version.evaluation,
            "decision": version.decision,
        }
    )


def binding_of(reader: Reader, version: Version) -> Binding:
    """Return what an approval of a version would be bound to now.

    The settings are those of this one model: another model's file may be applied without taking an approval away.

    Raises:
        Refused: no settings are applied yet.
        UnknownName: the applied settings do not know the model.
    """
    row = settings.current(reader)
    if row is None:
        raise Refused("no settings are applied yet", "run: modeldeck apply")
    if version.model not in row.body["models"]:
        raise UnknownName(
            f"the applied settings do not know the model {version.model!r}", "apply its file: modeldeck apply"
        )
    champion = models.alias(reader, version.model, "champion")
    return Binding(
        evidence_hash(version), digest(row.body["models"][version.model]), champion.generation if champion else 0
    )


def changed(approval: Approval, now: Binding) -> str:
    """Say what has changed since an approval was requested, "" where nothing has."""
    if approval.evidence_hash != now.evidence_hash:
        return f"the evidence of v{approval.version} is another than when it was requested"
    if approval.settings_hash != now.settings_hash:
        return f"the settings of {approval.model} have changed since it was requested"
    if approval.champion_generation != now.champion_generation:
        return f"the champion of {approval.model} has moved since it was requested"
    return ""


def basis_of(approval: Approval) -> str:
    """Hash what a person sees who is to grant it: the request, what it is bound to, and who granted so far."""
    return digest(
        {
            "approval": approval.id,
            "evidence": approval.evidence_hash,
            "settings": approval.settings_hash,
            "champion_generation": approval.champion_generation,
            "granted": [one.actor for one in approval.granted],
        }
    )


def digest(value: dict[str, Any]) -> str:
    """Return the SHA-256 of a value's canonical JSON, in hexadecimal."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
