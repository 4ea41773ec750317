"""Reactions to what monitoring found: each finding becomes an alert, or counts one up that is open already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from engine.deck import Deck
from store.database import Fence


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
                actor=actor,
            )
            if is_new:
                new.append(alert.id)
    return new
