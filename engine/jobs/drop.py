"""Takes the champion back where its realised performance fell beyond what its predecessor showed.

`[retrain] rollback = "on-drop"` asks for it.
The newest window of the champion whose outcomes came is compared with the last windows of the version that a rollback
would lead to, from when that one served. A drop is real where the champion's whole interval lies beyond the worst end
of all of theirs, and its loss is a tenth above their median at least. Both are of different times: a world that changed
meanwhile would have hit the predecessor too. So it is done once, never twice in a row, and an alert tells at once.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engine.jobs import policy
from engine.jobs.reactions import react
from engine.monitoring.verdicts import Finding
from store.errors import Refused, UnknownName

if TYPE_CHECKING:
    from engine.deck import Deck
    from engine.settings.model import ModelSettings
    from store.database import Fence
    from store.rows import Release, Window

BEFORE = 10  # windows of the predecessor that are compared with
LOOKED_AT = 1000  # newest windows of the model among which they are
WORSE_BY = 1.1  # ratio of losses from which somebody would act


def heed_drop(deck: Deck, settings: ModelSettings, seen: Sequence[Window], fence: Fence | None) -> Release | None:
    """Roll back and raise an alert where one of the windows just computed shows a drop; None where none does."""
    if settings.retrain.rollback != "on-drop" or not seen:
        return None
    found = _drop(deck, settings, seen)
    if found is None:
        return None
    from store import alerts

    for raised in react(deck, [found], policy.ACTOR, fence):  # none where it is told already: a person knows
        return policy.take_back(deck, settings.name, alerts.alert(deck.database, raised))
    return None


def _drop(deck: Deck, settings: ModelSettings, seen: Sequence[Window]) -> Finding | None:
    from engine.monitoring.losses import primary_metric
    from engine.release.facts import gather_rollback
    from store import models, versions, watching

    alias = models.alias(deck.database, settings.name, "champion")
    mine = [one for one in seen if alias is not None and one.version == alias.version]
    if not mine:
        return None
    try:
        former = gather_rollback(deck.database, settings.name).to
    except (Refused, UnknownName):
        return None
    if former is None or alias is None or former.number == alias.version:
        return None
    champion = versions.version(deck.database, settings.name, alias.version)
    metric = primary_metric(settings, champion)
    theirs = [
        one for one in watching.windows(deck.database, settings.name, limit=LOOKED_AT) if one.version == former.number
    ]
    for window in sorted(mine, key=lambda one: one.to_at, reverse=True):
        evidence = drop(metric, window, theirs, settings.deploy.judge.labels)
        if evidence:
            return _finding(settings.name, window, former.number, evidence)
    return None


def drop(metric: str, now: Window, before: Sequence[Window], labels: int) -> dict[str, Any]:
    """Return the evidence of a drop, {} where there is none or too little to say.

    `before` are the predecessor's windows, newest first; a window of fewer than `labels` outcomes is not used.
    """
    from engine.measures.intervals import ratio_of_losses
    from engine.measures.metrics import Measured, find

    mine = _figures(metric, now, labels)
    known = [(one, figures) for one in before if (figures := _figures(metric, one, labels))][:BEFORE]
    if not mine or not known:
        return {}
    if find(metric).greater_is_better:
        worst = min(figures["low"] for _, figures in known)
        beyond = mine["high"] < worst
    else:
        worst = max(figures["high"] for _, figures in known)
        beyond = mine["low"] > worst
    usual = statistics.median(figures["value"] for _, figures in known)
    ratio = ratio_of_losses(metric, Measured(mine["value"]), Measured(usual))
    if not beyond or ratio is None or ratio < WORSE_BY:
        return {}
    return {
        "metric": metric,
        **mine,
        "usual": usual,
        "worst": worst,
        "former_windows": [one.id for one, _ in known],
        "ratio": float(f"{ratio:.4g}"),
    }


def _figures(metric: str, window: Window, labels: int) -> dict[str, Any]:
    found = window.metrics.get(metric) or {}
    figures: dict[str, Any] = {name: found.get(name) for name in ("value", "low", "high", "n")}
    return figures if None not in figures.values() and figures["n"] >= labels else {}


def _finding(model: str, window: Window, former: int, evidence: dict[str, Any]) -> Finding:
    title = (
        f"v{window.version} {evidence['metric']} {evidence['value']:.4g} ({evidence['low']:.4g} to "
        f"{evidence['high']:.4g}), beyond v{former}'s worst {evidence['worst']:.4g}; {evidence['n']} labels"
    )
    told = {"version": window.version, "former": former, "window": window.id, "rows": window.rows}
    return Finding(model, "performance", f"drop:{model}@{window.version}", "critical", title, {**told, **evidence})
