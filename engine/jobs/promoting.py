"""Opens the release of a version that no person asked for, where `[retrain]` says so.

`promote = "when-gates-pass"` releases it. `compare = "shadow"` gives it copies of the traffic first; without the other
its release is then held for a person to decide. It is a release as any other: its gates, its steps, its verdict. It is
opened only where a champion serves: the first release of a model is a person's. The actor is `policy:retrain`;
accountable is who applied the settings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.jobs.why import why_of
from store.errors import Refused, StaleBasis, UnknownName

if TYPE_CHECKING:
    from engine.jobs.context import JobContext
    from store.rows import Version

ACTOR = "policy:retrain"


def after_training(context: JobContext, version: Version) -> dict[str, Any]:
    """Return what became of the version: the release that was opened, or one line that says why none was."""
    from engine.settings.apply import current_settings
    from store import events, models

    why = why_of(context.job)
    settings, _ = current_settings(context.deck)
    stated = settings.models.get(version.model)
    if stated is None or context.job.actor.startswith("user:"):
        return {}
    goes_on, is_shadow = stated.retrain.promote == "when-gates-pass", stated.retrain.compare == "shadow"
    if not goes_on and not is_shadow:
        return {}
    shadow = "" if not is_shadow else "goes on" if goes_on else "decides"
    if models.alias(context.deck.database, version.model, "champion") is None:
        told = f"nothing of {version.model} serves: its first release is a person's"
    else:
        try:
            return {"release": _open(context, version, why["trigger"], shadow)}
        except (Refused, StaleBasis, UnknownName) as error:
            told = error.message
    with context.deck.database.write(context.fence) as tx:
        events.append(
            tx,
            actor=ACTOR,
            action="promotion.refused",
            subject_kind="version",
            subject_id=f"{version.model}@{version.number}",
            model=version.model,
            reason=told,
            body={"job": context.job.id},
        )
    return {"not_promoted": told}


def _open(context: JobContext, version: Version, trigger: str, shadow: str) -> str:
    from engine.release import preview_promote, submit_promote

    named = (context.deck, version.model, version.number)
    shown = preview_promote(*named, shadow=shadow)
    reason = f"trained upon {trigger}, job {context.job.id[:16]}"
    return submit_promote(*named, basis=shown.basis, reason=reason, actor=ACTOR, shadow=shadow).id
