"""The pulse: everything the first screen shows, from the registry and one small file, a few reads per model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.operations.alerts import worst_first
from engine.operations.common import NoRequest
from engine.operations.deck import Counts, Pulse, PulseModel, PulseRequest
from engine.service.context import ServiceContext
from engine.service.handlers.alert_detail import with_left
from engine.service.handlers.changed import (
    HOUSEKEEPING,
    change_reason,
    change_words,
    newest_change,
    serving_since,
    settings_changes,
)
from engine.service.lock import holder
from engine.service.traffic import day_traffic
from store.database import Reader
from store.errors import Refused
from store.rows import Alert, Alias, Deployment, Event, Fault, Model, Release, Replica, RouteSpan, Window

DAY_US = 86_400_000_000
WINDOWS = 60  # columns of a sparkline
EVENTS = 30
ALERTS = "alert."  # shown apart
FAILED = ("failed", "abandoned")
UNJUDGED = "no data"  # a window's verdict where its rows are too few


def pulse(context: ServiceContext, request: PulseRequest) -> Pulse:
    """Gather the pulse."""
    from store import events, jobs, models, notifying, settings

    if request.most < 0:
        raise Refused("--most cannot be below 0", "0 is every model")

    database, now = context.deck.database, context.deck.clock.now()
    with database.reading() as reader:
        body = settings.applied_body(reader)
        look = _look(reader, body, day_traffic(context.deck.workspace))
        total = models.count(reader)
        chosen = models.models(reader) if not 0 < request.most < total else _foremost(look, request.most)
        rows = tuple(_model(look, model) for model in chosen)
        ended = jobs.jobs(reader, limit=200, states=FAILED)
        return Pulse(
            deck=body.get("name", context.deck.workspace.root.name),
            daemon=_daemon(context),
            now_at=now,
            models=rows,
            alerts=tuple(look.alerts),
            events=tuple(events.events(reader, limit=EVENTS, without=(*HOUSEKEEPING, ALERTS))),
            jobs_queued=len(jobs.queued(reader)),
            jobs_running=len(jobs.running(reader)),
            jobs_failed_24h=sum(1 for job in ended if (job.ended_at or 0) > now - DAY_US),
            undelivered=notifying.undelivered(reader, now - DAY_US),
            total=total,
        )


def _foremost(look: _Look, most: int) -> list[Model]:
    """Return the models that ask for a look, then those that serve, then others by name, as many as are asked for."""
    from store import models, releases

    asking = {alert.model for alert in look.alerts if alert.model} | set(releases.under_way(look.reader))
    serving = {row.endpoint for row in look.deployments} | {model for model, name in look.aliases if name == "champion"}
    names = dict.fromkeys((*sorted(asking), *sorted(serving), *models.first_names(look.reader, most)))
    found = (models.model(look.reader, name) for name in list(names)[:most])
    return [model for model in found if model.deleted_at is None]


def counts(context: ServiceContext, _request: NoRequest) -> Counts:
    """Count what the line at the top says; one model or ten thousand, it costs the same."""
    from store import alerts, jobs, notifying, settings

    now = context.deck.clock.now()
    with context.deck.database.reading() as reader:
        name = settings.applied_body(reader).get("name")
        ended = jobs.jobs(reader, limit=200, states=FAILED)
        return Counts(
            deck=name or context.deck.workspace.root.name,
            daemon=_daemon(context),
            jobs_queued=len(jobs.queued(reader)),
            jobs_running=len(jobs.running(reader)),
            jobs_failed_24h=sum(1 for job in ended if (job.ended_at or 0) > now - DAY_US),
            alerts=len(alerts.alerts(reader, open_only=True)),
            undelivered=notifying.undelivered(reader, now - DAY_US),
        )


def _daemon(context: ServiceContext) -> str:
    if context.transport == "socket":
        return "running"
    found = holder(context.deck.workspace)
    return "running" if found is not None and found.role == "daemon" else "stopped"


@dataclass(frozen=True, slots=True)
class _Look:
    """What all models share, read once."""

    reader: Reader
    settings: dict[str, Any]  # applied models by name
    aliases: dict[tuple[str, str], Alias]
    deployments: list[Deployment]
    replicas: list[Replica]
    spans: list[RouteSpan]
    alerts: list[Alert]
    traffic: dict[str, tuple[int, int]]  # rows and errors of the last day
    faults: list[Fault]
    settings_changes: dict[str, Event]  # the newest that changed each model


def _look(reader: Reader, body: Mapping[str, Any], traffic: dict[str, tuple[int, int]]) -> _Look:
    from store import alerts, deployments, faults, models, routes

    return _Look(
        reader=reader,
        settings=body.get("models", {}),
        aliases={(alias.model, alias.name): alias for alias in models.aliases(reader)},
        deployments=list(deployments.deployments(reader)),
        replicas=list(deployments.replicas(reader)),
        spans=list(routes.route_history(reader, limit=500)),
        alerts=worst_first(with_left(reader, alerts.alerts(reader, open_only=True))),
        traffic=traffic,
        faults=faults.standing(reader),
        settings_changes=settings_changes(reader),
    )


def _model(look: _Look, model: Model) -> PulseModel:
    from store import releases, watching

    windows = list(watching.windows(look.reader, model.name, limit=WINDOWS))
    champion = [window for window in windows if window.version == model.champion]
    judged = next((window for window in champion if window.verdict != UNJUDGED), None)
    newest = champion[0] if champion else None
    metric = _metric_name(look.settings.get(model.name), model.task)
    change = newest_change(look.reader, model.name, look.settings_changes)
    told = _told(champion, metric, _least(look.settings.get(model.name)))
    rows, errors = look.traffic.get(model.name, (0, 0))
    return PulseModel(
        model=model.name,
        task=model.task,
        champion=model.champion,
        since_at=serving_since(look.spans, model.name, model.champion, look.aliases.get((model.name, "champion"))),
        challenger=model.challenger,
        health=_health(look, model),
        release=_release_line(look.reader, releases.active(look.reader, model.name)),
        rows_24h=rows,
        errors_24h=errors,
        latency_p99_ms=newest.latency_p99_ms if newest else None,
        verdict=judged.verdict if judged else UNJUDGED,
        judged_from_at=judged.from_at if judged else None,
        judged_to_at=judged.to_at if judged else None,
        judged_rows=judged.rows if judged else 0,
        drift=_drift(judged),
        drifted=_drifted(judged),
        metric=metric,
        metric_value=_value(told, metric) if told else None,
        metric_n=told.metrics[metric].get("n") if told else None,
        metric_from_at=told.from_at if told else None,
        metric_reference=_promised(look.reader, model, metric),
        coverage=(judged or newest).coverage if newest else None,
        metric_history=tuple(_values(champion, metric)),
        volume_history=tuple(float(count) for count in _volumes(windows)),
        alerts=sum(1 for alert in look.alerts if alert.model == model.name),
        last_change=change_words(change) if change else "",
        last_change_at=change.at if change else None,
        last_change_by=change.actor if change else "",
        last_change_reason=change_reason(look.reader, change) if change else "",
        faults=_faults(look, model),
        undeployed=_undeployed(look, model),
        returnable=model.champion is not None and releases.has_way_back(look.reader, model.name),
    )


def _health(look: _Look, model: Model) -> str:
    serving = {
        row.id: row
        for row in look.deployments
        if row.endpoint == model.name and row.desired == "serving" and row.weight
    } or {row.id: row for row in look.deployments if row.endpoint == model.name and row.desired == "serving"}
    if not serving:
        return "not deployed" if model.champion is None else "stopped"
    states = [replica.state for replica in look.replicas if replica.deployment_id in serving]
    wanted = sum(row.replicas for row in serving.values())
    if states.count("ready") >= wanted:
        return "ready"
    return "unready" if "unready" in states or "exited" in states else "starting"


def _faults(look: _Look, model: Model) -> tuple[str, ...]:
    hosts = {row.host for row in look.deployments if row.endpoint == model.name and row.desired != "stopped"}
    return tuple(one.detail for one in look.faults if one.host in hosts and one.model in (None, model.name))


def _undeployed(look: _Look, model: Model) -> tuple[str, ...]:
    """Return in which settings the servers that serve differ from what is applied; an image is looked at by deploy."""
    from engine.settings.model import ModelSettings
    from engine.settings.started import differing, terms_of
    from store import settings

    applied = look.settings.get(model.name)
    mine = [row for row in look.deployments if row.endpoint == model.name]
    serving = {row.host: row for row in mine if row.desired == "serving" and row.role == "champion"}
    if applied is None or not serving:
        return ()
    now = ModelSettings.from_body(applied)
    there = {row.host for row in mine if row.desired != "stopped"}
    found = dict.fromkeys(["deploy.hosts"] if there ^ set(now.deploy.hosts) else [])
    for revision in {row.settings_revision for row in serving.values()}:
        body = settings.get(look.reader, revision).body["models"].get(model.name)
        if body is not None and body != applied:
            found.update(
                dict.fromkeys(one.name for one in differing(terms_of(ModelSettings.from_body(body)), terms_of(now)))
            )
    return tuple(found)


def _release_line(reader: Reader, release: Release | None) -> str:
    from store import releases

    if release is None:
        return ""
    steps = releases.steps(reader, release.id)
    current = next((step for step in steps if step.state in ("running", "held")), None)
    shared = (step for step in reversed(steps) if step.kind in ("weight", "ab") and step.started_at)
    weight = next((step.args.get("weight") for step in shared), 0)
    said = f"v{release.to_version} {weight} %"
    if release.state == "held":
        return f"{said}, held: {release.detail}" if release.detail else f"{said}, held"
    return f"{said}, {current.title}" if current else said


def _drift(window: Window | None) -> str:
    if window is None or window.verdict == UNJUDGED:
        return "no data"
    return "drift" if window.verdict == "drift" or _drifted(window) else "ok"


def _drifted(window: Window | None) -> tuple[str, ...]:
    rows = [row for row in window.features if row.get("drifted")] if window else []
    return tuple(str(row["name"]) for row in sorted(rows, key=lambda row: -float(row.get("psi") or 0.0)))


def _told(windows: list[Window], metric: str, least: int) -> Window | None:
    """Return the newest window that tells the metric from labels enough to judge by."""
    for window in windows:
        entry = window.metrics.get(metric)
        if window.verdict != UNJUDGED and entry and entry.get("value") is not None and (entry.get("n") or 0) >= least:
            return window
    return None


def _least(settings: dict[str, Any] | None) -> int:
    return int(((settings or {}).get("monitor") or {}).get("min_rows") or 0)


def _promised(reader: Reader, model: Model, metric: str) -> float | None:
    """Return what the holdout of the champion promised."""
    from store import versions

    if model.champion is None:
        return None
    entry = versions.version(reader, model.name, model.champion).evaluation.get("holdout", {}).get(metric)
    return entry.get("value") if isinstance(entry, dict) else entry


def _metric_name(settings: dict[str, Any] | None, task: str) -> str:
    chosen = settings["train"]["metric"] if settings else ""
    return chosen or {"classification": "log_loss", "ranking": "ndcg_at_10"}.get(task, "mae")


def _value(window: Window, metric: str) -> float | None:
    entry = window.metrics.get(metric)
    return entry.get("value") if entry else None


def _values(windows: list[Window], metric: str) -> list[float]:
    values = (_value(window, metric) for window in reversed(windows) if window.verdict != UNJUDGED)
    return [value for value in values if value is not None]


def _volumes(windows: list[Window]) -> list[int]:
    """Return rows per span of time, over versions, oldest first."""
    spans: dict[int, int] = {}
    for window in windows:
        spans[window.from_at] = spans.get(window.from_at, 0) + window.rows
    return [spans[start] for start in sorted(spans)]
