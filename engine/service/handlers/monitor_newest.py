"""What each monitor saw last, from two reads for all of them and one per version. Light reads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.operations.watching import MonitorNewest
from engine.service.handlers.monitor_detail import is_better_when_greater, value_of
from store.database import Reader
from store.rows import ESTIMATED, Monitor, Window


def newest_of(reader: Reader) -> list[MonitorNewest]:
    """Gather it, by model."""
    from store import alerts, deployments, watching
    from store.newest_windows import newest_windows

    newest, told = newest_windows(reader), newest_windows(reader, with_outcomes=True)
    standing: dict[str, list[str]] = {}
    for alert in alerts.alerts(reader, open_only=True):
        standing.setdefault(alert.model or "", []).append(alert.kind)
    gone = deployments.left(reader)
    found = [
        _newest(reader, one, newest.get(one.model), told.get(one.model), standing.get(one.model, []))
        for one in watching.monitors(reader)
    ]
    return [replace(one, has_left=True) if (one.model, one.version) in gone else one for one in found]


def _newest(
    reader: Reader, monitor: Monitor, window: Window | None, told: Window | None, alerts: list[str]
) -> MonitorNewest:
    from store import versions

    evaluation: dict[str, Any] = {}
    if window is not None:
        evaluation = versions.version(reader, window.model, window.version).evaluation
    if window is None or told is None or told.version != window.version:
        told = None  # what another version was found to be says nothing of this one
    metric = str(evaluation.get("metric") or "")
    compared = [one for one in window.features if one.get("effect") is not None] if window else []
    moved = max(compared, key=_weight, default={})
    return MonitorNewest(
        monitor.model,
        monitor.every_s,
        monitor.last_run_at,
        window.version if window else None,
        window.from_at if window else None,
        window.to_at if window else None,
        window.verdict if window else "no data",
        window.rows if window else 0,
        window.coverage if window else None,
        metric,
        is_better_when_greater(metric),
        ((evaluation.get("holdout") or {}).get(metric) or {}).get("value"),
        value_of(window, ESTIMATED + metric) if window else None,
        value_of(told, metric) if told else None,
        told.to_at if told else None,
        str(moved.get("name", "")),
        moved.get("effect"),
        moved.get("threshold"),
        sum(bool(one.get("drifted")) for one in window.features) if window else 0,
        tuple(dict.fromkeys(alerts)),
    )


def _weight(feature: dict[str, Any]) -> float:
    """Return how much a move weighs: by importance where that is known, else by its effect alone."""
    weight = feature.get("weight")
    return float(weight if weight is not None else feature["effect"])
