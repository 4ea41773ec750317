"""What an alert may do by itself, where the applied settings say so: abort or roll back, never promote.

`[policy] rollback = ["errors", "performance"]` in a model file names the findings. The actor is `policy:`, accountable
is who applied the settings. It heeds new, critical alerts only, and only while the version they are about is being
released or serves; and never twice in a row: a second alert after a rollback by policy says that the version was not
the cause, and waits for a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from store.errors import Refused, UnknownName

if TYPE_CHECKING:
    from engine.deck import Deck
    from engine.settings.model import ModelSettings
    from store.rows import Alert, Release

ACTOR = "policy:rollback"


def heed(deck: Deck, settings: ModelSettings, alerts: Sequence[Alert]) -> Release | None:
    """Return the release that a new alert has opened or aborted, None where policy has nothing to do."""
    for alert in alerts:
        if alert.model is not None and alert.severity == "critical" and _found(alert) in settings.policy_rollback:
            done = take_back(deck, alert.model, alert)
            if done is not None:
                return done
    return None


def _found(alert: Alert) -> str:
    """Return what an alert is on: its rule's, whatever that is called."""
    return str(alert.evidence.get("on") or alert.key.partition(":")[0])


def take_back(deck: Deck, model: str, alert: Alert) -> Release | None:
    """Roll back the version an alert is about, or abort its release; None where it is neither, or was done just now."""
    from engine.release import abort, preview_rollback, submit_rollback
    from store import models, releases

    version, reason = alert.evidence.get("version"), f"alert {alert.id[:12]}: {alert.title}"
    active = releases.active(deck.database, model)
    try:
        if active is not None:
            if active.to_version != version or active.kind == "rollback":
                return None  # the alert is about another version: the release is judged by its own steps
            return abort(deck, model, reason=reason, actor=ACTOR)
        champion = models.alias(deck.database, model, "champion")
        last = next(iter(releases.releases(deck.database, endpoint=model, limit=1)), None)
        if champion is None or champion.version != version or (last is not None and last.actor == ACTOR):
            return None
        shown = preview_rollback(deck, model)  # what was looked at is what is done, or nothing
        return submit_rollback(deck, model, basis=shown.basis, reason=reason, actor=ACTOR)
    except (Refused, UnknownName):
        return None  # nothing to go back to, or a person was quicker: the alert stands
