"""How good a model is over time, from its stored windows: what was promised, estimated and realised. Light reads."""

from __future__ import annotations

from typing import Any

from engine.operations.watching import Look, MonitorDetail
from engine.service.handlers.alert_detail import with_left
from store.database import Reader
from store.rows import ESTIMATED, Window

LOOKS = 60  # newest windows of the version that are shown
READ = 600  # windows of all versions among which they are
BETTER_WHEN_GREATER = (
    *("r2", "interval_coverage", "roc_auc", "average_precision", "accuracy", "balanced_accuracy", "f1", "precision"),
    *("recall", "ndcg_at_10", "recall_at_10"),
)


def detail_of(reader: Reader, model: str) -> MonitorDetail:
    """Gather it.

    Raises:
        UnknownName: nothing watches the model yet.
    """
    from store import alerts, deployments, versions, watching

    monitor = watching.monitor(reader, model)
    windows = watching.windows(reader, model, limit=READ)
    number = windows[0].version if windows else None
    mine = [one for one in windows if one.version == number][:LOOKS]
    evaluation = versions.version(reader, model, number).evaluation if number is not None else {}
    metric = str(evaluation.get("metric") or "")
    estimates = (one.metrics[ESTIMATED + metric] for one in mine if ESTIMATED + metric in one.metrics)
    return MonitorDetail(
        model,
        monitor,
        number,
        metric,
        is_better_when_greater(metric),
        (evaluation.get("holdout") or {}).get(metric) or {},
        tuple(_look(one, metric) for one in reversed(mine)),
        next((one for one in mine if one.features), None),
        next(estimates, {}),
        tuple(with_left(reader, alerts.alerts(reader, model=model))),
        hosts=tuple(watching.window_parts(reader, model, "host", version=number)),
        slices=tuple(watching.window_parts(reader, model, "slice", version=number)),
        has_left=(model, number) in deployments.left(reader),
    )


def is_better_when_greater(metric: str) -> bool:
    """Say whether more of a metric is better; the table of metrics itself would load numpy."""
    return metric in BETTER_WHEN_GREATER or metric.startswith("precision_at_")


def _look(one: Window, metric: str) -> Look:
    realised, estimated = (value_of(one, name) for name in (metric, ESTIMATED + metric))
    return Look(one.from_at, one.to_at, one.rows, one.verdict, one.coverage, realised, estimated)


def value_of(one: Window, name: str) -> float | None:
    """Return a window's metric; None where it has none."""
    value: Any = (one.metrics.get(name) or {}).get("value")
    return float(value) if isinstance(value, int | float) else None
