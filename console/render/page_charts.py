"""The charts of a page, as an SVG draws them: of a version, of a monitor, of an alert. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from console.render.charts import Bar, Bars, Chart, Curve, Lines, Series, fairness_charts, importance_chart
from console.render.measures import value_of
from console.render.words import DAY, day, moment, number
from engine.operations.alerts import AlertDetail
from engine.operations.watching import MonitorDetail
from store.rows import Version


def version_charts(version: Version) -> list[Chart]:
    """Return what is on record of a version: importance, fairness, learning, calibration, residuals, confusion."""
    name, evaluation = f"{version.model}@{version.number}", version.evaluation
    metric = str(evaluation.get("metric", ""))
    charts: list[Chart] = []
    if evaluation.get("importance"):
        charts.append(importance_chart(name, metric, evaluation["importance"]))
    charts += fairness_charts(name, evaluation)
    charts += _learning(name, metric, evaluation.get("learning_curve"))
    charts += _calibration(name, evaluation)
    charts += _roc(name, evaluation.get("roc"))
    charts += _residuals(name, evaluation.get("residuals"))
    charts += _confusion(name, evaluation.get("confusion"))
    return charts


def monitor_charts(detail: MonitorDetail) -> list[Chart]:
    """Return how good a model was over time, estimated and realised; a window without the figure is left out."""
    promised = number(value_of(detail.promised.get("value")))
    charts: list[Chart] = []
    for word, values in (
        ("estimated", [one.estimated for one in detail.looks]),
        ("realised", [one.realised for one in detail.looks]),
    ):
        when = [_when(one.from_at, one.to_at) for one in detail.looks]
        title = f"{detail.model} v{detail.version}: {word} {detail.metric}"
        charts += _over_time(title, f"window by window; the holdout promised {promised}", when, values)
    return charts


def alert_charts(detail: AlertDetail) -> list[Chart]:
    """Return the figure that an alert is about, window by window."""
    series = detail.series
    if series is None:
        return []
    limit = "" if series.limit is None else f"; its limit is {number(series.limit)}"
    when = [moment(one.from_at) for one in series.points]
    values = [one.value for one in series.points]
    return _over_time(f"{detail.alert.model}: {series.name}", f"window by window{limit}", when, values)


def _when(from_at: int, to_at: int) -> str:
    return day(from_at) if (to_at - from_at) % DAY == 0 else moment(from_at)


def _over_time(title: str, note: str, when: Sequence[str], values: Sequence[float | None]) -> list[Chart]:
    known = [(at, value) for at, value in zip(when, values, strict=True) if value is not None]
    if not known:
        return []
    labels, drawn = tuple(at for at, _ in known), tuple(value for _, value in known)
    return [Curve(title, note, labels, drawn, drawn, drawn)]


def _learning(name: str, metric: str, found: Any) -> list[Chart]:
    points = [one for one in found or () if isinstance(one, dict) and value_of(one) is not None]
    if len(points) < 2:
        return []
    means = tuple(value_of(one) or 0.0 for one in points)
    lows = tuple(low if (low := one.get("low")) is not None else mean for one, mean in zip(points, means, strict=True))
    highs = tuple(up if (up := one.get("high")) is not None else mean for one, mean in zip(points, means, strict=True))
    labels = tuple(f"{one['rows']:,} rows" for one in points)
    return [
        Curve(f"{name}: {metric} by rows it was fitted on", "on the holdout; 95 % interval", labels, means, lows, highs)
    ]


def _calibration(name: str, evaluation: dict[str, Any]) -> list[Chart]:
    found = evaluation.get("calibration")
    bins = found.get("bins") if isinstance(found, dict) else None
    if not bins:
        return []
    bars = [Bar(number(value_of(one["said"])), value_of(one["seen"]) or 0.0, says=f"{one['n']} rows") for one in bins]
    is_score = "residuals" not in evaluation
    what = "the share that came true, by score" if is_score else "the mean truth, by mean answer"
    return [Bars(f"{name}: said and seen", what, tuple(bars))]


def _roc(name: str, found: Any) -> list[Chart]:
    if not isinstance(found, dict) or not found.get("true_positive_rate"):
        return []
    caught = tuple(found["true_positive_rate"])
    alarmed = found["false_positive_rate"]
    note = f"share caught by share of false alarms; area {number(value_of(found.get('area')))}, by chance 0.5"
    answers = Series("what it answers", tuple(zip(alarmed, caught, strict=True)))
    return [Lines(f"{name}: ROC", note, (answers, Series("by chance", ((0.0, 0.0), (1.0, 1.0)), dotted=True)))]


def _residuals(name: str, found: Any) -> list[Chart]:
    histogram = found.get("histogram") if isinstance(found, dict) else None
    if not isinstance(histogram, dict):
        return []
    edges, counts = histogram.get("edges") or (), histogram.get("counts") or ()
    bars = [
        Bar(f"{number(low)} to {number(high)}", float(amount), says="rows")
        for low, high, amount in zip(edges, edges[1:], counts, strict=False)
    ]
    return [Bars(f"{name}: answer less truth", "rows of the holdout", tuple(bars))]


def _confusion(name: str, found: Any) -> list[Chart]:
    if not isinstance(found, dict) or not found.get("labels"):
        return []
    bars = [
        Bar(f"{true} said {said}", float(amount), says="right" if true == said else "wrong")
        for true, counts in zip(found["labels"], found["counts"], strict=True)
        for said, amount in zip(found["labels"], counts, strict=True)
        if amount
    ]
    bars.sort(key=lambda bar: -bar.value)
    return [Bars(f"{name}: true class and answer", "rows of the holdout", tuple(bars[:12]), max(0, len(bars) - 12))]
