"""Reactions to what monitoring found: each finding makes an alert or counts on one; what is clear ends its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from engine.deck import Deck
from engine.settings.alerts import rules_of
from store.database import Fence

if TYPE_CHECKING:
    from engine.settings.model import ModelSettings


SPANS = 3  # with traffic, in none of which a version had any: it is left
MOST_VERSIONS = 8  # that have traffic in one span


class Finding(Protocol):
    """What a verdict says should be looked at."""

    @property
    def model(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def severity(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def evidence(self) -> dict[str, Any]: ...
    @property
    def rule(self) -> str: ...
    @property
    def cooldown_s(self) -> float: ...


def react(deck: Deck, findings: Sequence[Finding], actor: str, fence: Fence | None) -> list[str]:
    """Raise an alert per finding, with its event, in one transaction; returns the ids of the new ones."""
    from store import alerts

    new = []
    with deck.database.write(fence) as tx:
        for finding in findings:
            alert, is_new = alerts.raise_alert(
                tx,
                model=finding.model,
                kind=finding.kind,
                key=finding.key,
                severity=finding.severity,
                title=finding.title,
                evidence=finding.evidence,
                rule=finding.rule,
                cooldown_s=finding.cooldown_s,
                actor=actor,
            )
            if is_new:
                new.append(alert.id)
    return new


def end(deck: Deck, settings: ModelSettings, clear: Mapping[str, str], actor: str, fence: Fence | None) -> list[str]:
    """Resolve the alerts of a model that are clear (key -> why), whose rule is gone, or whose version traffic has left.

    Returns their ids.
    """
    from store import alerts, watching

    rules = rules_of(settings.alerts)
    recent = [one for one in watching.windows(deck.database, settings.name, limit=MOST_VERSIONS * SPANS) if one.rows]
    spans = sorted({one.to_at for one in recent}, reverse=True)[:SPANS]
    seen = {one.version for one in recent if one.to_at in spans}
    over = {}
    for one in alerts.alerts(deck.database, model=settings.name):
        version = one.evidence.get("version")
        if one.key in clear:
            over[one.id] = clear[one.key]
        elif one.rule and one.rule not in rules:
            over[one.id] = f"the settings have no rule {one.rule} any more"
        elif one.rule and rules[one.rule].kind.of_version and len(spans) == SPANS and version not in seen:
            over[one.id] = f"no traffic of v{version} in the newest {SPANS} windows of others"
    if over:
        with deck.database.write(fence) as tx:
            for id, why in over.items():
                alerts.resolve(tx, id, actor, reason=why)
    return list(over)
