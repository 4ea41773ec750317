"""Gathers what a decision to train anew rests on. Reads of the registry alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.jobs.retrain_decision import ALARMS, US, Facts
from store import alerts, maintenance, models, releases, retraining, schedules, snapshots, versions, watching
from store.errors import UnknownName
from store.retraining import Rows
from store.rows import ESTIMATED

if TYPE_CHECKING:
    from engine.settings.retrain import RetrainSettings
    from store.database import Reader
    from store.rows import Schedule, Version

LOOKED_AT = 50  # newest windows among which the newest estimate is looked for


def schedule_of(model: str) -> str:
    """Return the id of the schedule that [retrain] makes."""
    return f"retrain:{model}"


def gather(reader: Reader, model: str, settings: RetrainSettings, now_at: int) -> Facts:
    """Return the facts of one model at a moment (microseconds UTC)."""
    newest = retraining.newest_version(reader, model)
    since = _since(reader, model, newest)
    champion = models.alias(reader, model, "champion")
    number = champion.version if champion else None
    on = set(settings.on)
    period = max(settings.cooldown_s, settings.budget_s)
    return Facts(
        model,
        settings,
        now_at,
        _schedule(reader, model),
        newest.number if newest else None,
        number,
        since,
        alerts=tuple(alerts.alerts(reader, model=model)) if on & set(ALARMS) else (),
        estimate=_estimate(reader, model, number) if "estimated" in on and number is not None else {},
        trained_on=_trained_on(reader, model, newest) if "rows" in on else None,
        newest=retraining.newest_snapshot(reader, model) if "rows" in on else None,
        outcomes=_outcomes(reader, model, since) if "outcomes" in on else (0, ()),
        upstream=models.alias(reader, settings.upstream, "champion") if settings.upstream else None,
        recent=tuple(retraining.trainings(reader, model, now_at - round(period * US))),
        live=retraining.live_training(reader, model),
        release=releases.active(reader, model),
        maintenance=maintenance.active(reader, model, now_at),
    )


def _since(reader: Reader, model: str, newest: Version | None) -> int:
    answered = retraining.answered_at(reader, model)
    return answered if answered is not None else newest.created_at if newest else 0


def _schedule(reader: Reader, model: str) -> Schedule | None:
    try:
        return schedules.schedule(reader, schedule_of(model))
    except UnknownName:
        return None


def _trained_on(reader: Reader, model: str, newest: Version | None) -> Rows | None:
    if newest is None:
        return None
    seen = snapshots.snapshot(reader, newest.snapshot_id, model)
    return Rows(seen.id, seen.rows, seen.created_at)


def _outcomes(reader: Reader, model: str, since_at: int) -> tuple[int, tuple[str, ...]]:
    count, batches = retraining.outcomes_since(reader, model, since_at)
    return count, tuple(batches)


def _estimate(reader: Reader, model: str, champion: int) -> dict[str, Any]:
    """Return the newest estimate of a version beside what its holdout promised; {} where there is none to compare."""
    from engine.monitoring.performance import worse_than_holdout

    version = versions.version(reader, model, champion)
    metric = str(version.evaluation.get("metric", ""))
    then = (version.evaluation.get("holdout") or {}).get(metric) or {}
    for window in watching.windows(reader, model, limit=LOOKED_AT):
        now = window.metrics.get(ESTIMATED + metric)
        if window.version == champion and now and None not in (now["value"], now["low"], then.get("value")):
            return {
                "window": window.id,
                "version": champion,
                "metric": metric,
                **{name: now[name] for name in ("value", "low", "high", "n")},
                "holdout": {name: then.get(name) for name in ("value", "low", "high")},
                "worse": worse_than_holdout(metric, {metric: now}, version),
                "computed_at": window.computed_at,
            }
    return {}
