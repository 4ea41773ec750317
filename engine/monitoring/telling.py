"""The title and the evidence of a finding, by what its rule is on. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from engine.monitoring.performance import Performance
from engine.monitoring.rules import Signal
from engine.settings.alerts import AlertRule
from store.rows import EPOCH, Window

NAMED = 5  # features that a finding names
_KEPT = ("name", "kind", "test", "effect", "threshold", "psi", "js", "p_adjusted", "importance", "weight", "n", "pairs")

Told = tuple[str, dict[str, Any]]


def tell(rule: AlertRule, window: Window, performance: Performance, signal: Signal) -> Told:
    """Return what is wrong in one line, and its evidence."""
    return _TELLS[rule.on](rule, window, performance, signal)


def span(window: Window) -> str:
    """Return when a window was, in UTC."""
    first, last = (EPOCH + timedelta(microseconds=at) for at in (window.from_at, window.to_at))
    if window.from_at % 86_400_000_000 == 0 and window.to_at % 86_400_000_000 == 0:
        return f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"
    return f"{first:%Y-%m-%d %H:%M} to {last:%H:%M}"


def _performance(rule: AlertRule, window: Window, performance: Performance, signal: Signal) -> Told:
    worse = signal.evidence
    then = worse["holdout"]
    band = f" against {then['low']:.4g} to {then['high']:.4g}" if then["low"] is not None else ""
    estimated = rule.on == "estimated"
    name = f"estimated {worse['metric']}" if estimated else worse["metric"]
    on = f"{worse['n']} rows without outcomes" if estimated else _labels(window, performance)
    title = (
        f"{name} {worse['value']:.4g}, holdout promised {then['value']:.4g} "
        f"({worse['low']:.4g} to {worse['high']:.4g}{band}); {on}"
    )
    if "harder" in worse:
        title += f", of rows {worse['harder']:.2g} times as hard"
    return title, {**worse, "coverage": window.coverage}


def _vanished(rule: AlertRule, window: Window, performance: Performance, signal: Signal) -> Told:
    gone = performance.vanished
    told = ", ".join(f"no outcome {one['class']!r} (training {one['training_share']:.1%})" for one in gone)
    metric = performance.metrics.get(performance.primary, {})
    evidence = {
        "vanished": list(gone),
        "labels": performance.labels,
        "coverage": window.coverage,
        "metric": performance.primary,
        "note": metric.get("note", ""),
    }
    return f"{told} among {performance.labels} labels", evidence


def _errors(rule: AlertRule, window: Window, performance: Performance, signal: Signal) -> Told:
    share = window.errors / window.rows
    return f"{window.errors} of {window.rows} rows failed ({share:.1%})", {"errors": window.errors}


def _refused(rule: AlertRule, window: Window, performance: Performance, signal: Signal) -> Told:
    told = window.metrics["refused"]
    refused = round(told["value"] * told["n"])
    title = f"{refused} of {told['n']} requests refused ({told['value']:.1%}): callers send what does not fit"
    return title, {"refused": refused}


def _quality(rule: AlertRule, window: Window, performance: Performance, signal: Signal) -> Told:
    found = signal.evidence["columns"]
    worst = found[0]
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    title = f"{worst['name']}: {worst['fault']} {worst['share']:.1%} of rows, usual {worst['usual']:.1%}{more}"
    return title, {"columns": found[:NAMED]}


def _fairness(rule: AlertRule, window: Window, performance: Performance, signal: Signal) -> Told:
    told = dict(signal.evidence)
    limit = told.pop("limit_is")
    apart = f"{told['value']:.4g} ({told['low']:.4g} to {told['high']:.4g}), allowed {limit:g}"
    title = f"{told['measure']} of {told['column']} is apart by {apart}: {told['lowest']} to {told['highest']}"
    return title, {**told, "allowed": limit}


def _freshness(rule: AlertRule, window: Window, performance: Performance, signal: Signal) -> Told:
    told = window.quality["freshness"]
    return f"the newest row was {signal.value:.0f} s old, bearable {rule.threshold:g} s", {"freshness": told}


def _latency(rule: AlertRule, window: Window, performance: Performance, signal: Signal) -> Told:
    return f"p99 {signal.value:.4g} ms, bearable {rule.threshold:g} ms", {"latency_p99_ms": signal.value}


def _volume(rule: AlertRule, window: Window, performance: Performance, signal: Signal) -> Told:
    told = signal.evidence
    return f"{told['volume']} rows, {signal.value:.0%} of the usual {told['usual']:.0f}", dict(told)


def _no_data(rule: AlertRule, window: Window, performance: Performance, signal: Signal) -> Told:
    return f"{signal.value:.0f} rows came: nothing can be judged", {}


def _drift(rule: AlertRule, window: Window, performance: Performance, signal: Signal) -> Told:
    from engine.monitoring.watched import PREDICTION

    only = PREDICTION if rule.on == "prediction_drift" else rule.feature
    mine = [
        one
        for one in window.features
        if one["drifted"]
        and only in ("", one["name"])
        and (one["importance"] is None or one["importance"] >= rule.importance)
    ]
    names = ", ".join(_named(one) for one in mine[:NAMED])
    more = f" and {len(mine) - NAMED} more" if len(mine) > NAMED else ""
    worst = mine[0]
    title = f"drift in {names}{more}; {worst['name']} {worst['effect']:.2f} (bearable {worst['threshold']:.2f})"
    evidence: dict[str, Any] = {"features": [{name: one.get(name) for name in _KEPT} for one in mine]}
    known = signal.evidence.get("harm")
    if known:
        if known.get("vanished"):
            title += "; a class that training knew is gone from the outcomes"
        else:
            promised = known["holdout"]["value"]
            title += f"; {known['source']} {known['metric']} {known['value']:.4g}, promised {promised:.4g}"
        evidence["harm"] = {name: value for name, value in known.items() if name != "is"}
    return title, evidence


def _named(one: dict[str, Any]) -> str:
    """Return a feature's name; of inputs that no longer go together the two that tell most."""
    pairs = one.get("pairs") or ()
    return f"{one['name']} ({' with '.join(pairs[0]['columns'])})" if pairs else str(one["name"])


def _labels(window: Window, performance: Performance) -> str:
    share = f", {window.coverage:.0%} of rows" if window.coverage is not None else ""
    return f"{performance.labels} labels{share}"


_TELLS: dict[str, Callable[[AlertRule, Window, Performance, Signal], Told]] = {
    "drift": _drift,
    "prediction_drift": _drift,
    "performance": _performance,
    "estimated": _performance,
    "outcomes": _vanished,
    "errors": _errors,
    "data": _refused,
    "quality": _quality,
    "fairness": _fairness,
    "freshness": _freshness,
    "latency_p99": _latency,
    "volume": _volume,
    "no_data": _no_data,
}
