"""What monitoring says, as data: a verdict per window and version, and the findings a person should look at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from engine.measures.intervals import wilson
from engine.monitoring.performance import Performance
from store.rows import EPOCH, Window

ERROR_SHARE = 0.01  # of answers failed, beyond doubt
REFUSED_SHARE = 0.2  # of rows refused, beyond doubt
NAMED = 5  # features that a finding names
KEPT = 20  # windows that a finding lists


@dataclass(frozen=True, slots=True)
class Verdict:
    """One window of one version, as computed now. `is_news` says that no ended look has told of it yet."""

    window: Window
    refused: int
    performance: Performance
    is_news: bool
    drifted: tuple[dict[str, Any], ...] = field(default=())  # comparisons that moved and matter, worst first

    @property
    def failing(self) -> bool:
        """Whether more than the bearable share of rows failed, beyond sampling noise."""
        return self.window.errors > 0 and wilson(self.window.errors, self.window.rows)[0] > ERROR_SHARE

    @property
    def refusing(self) -> bool:
        """Whether callers send what the model refuses, beyond sampling noise."""
        asked = self.window.rows + self.refused
        return self.refused > 0 and wilson(self.refused, asked)[0] > REFUSED_SHARE


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to look at: at most one of a kind and version per look, with its evidence."""

    model: str
    kind: str  # drift, performance, errors, data
    key: str
    severity: str  # warning, critical
    title: str
    evidence: dict[str, Any]


def findings(verdicts: Sequence[Verdict]) -> list[Finding]:
    """Return what is new in these verdicts; each finding shows the newest window it holds for and lists the others."""
    news = sorted((one for one in verdicts if one.is_news), key=lambda one: one.window.to_at)
    versions = sorted({(one.window.model, one.window.version) for one in news})
    found: list[Finding] = []
    for model, version in versions:
        mine = [one for one in news if (one.window.model, one.window.version) == (model, version)]
        found += _of(mine, "performance", "critical", (one for one in mine if one.performance.worse), _performance)
        found += _of(mine, "outcomes", "critical", (one for one in mine if one.performance.vanished), _vanished)
        found += _of(mine, "errors", "critical", (one for one in mine if one.failing), _errors)
        found += _of(mine, "data", "warning", (one for one in mine if one.refusing), _refused)
        found += _of(mine, "drift", "warning", (one for one in mine if one.drifted), _drift)
    return found


def _of(mine: list[Verdict], name: str, severity: str, shown: Iterable[Verdict], tell: Any) -> list[Finding]:
    hits = list(shown)
    if not hits:
        return []
    newest = hits[-1]
    window = newest.window
    title, evidence = tell(newest)
    return [
        Finding(
            model=window.model,
            kind="performance" if name == "outcomes" else name,
            key=f"{name}:{window.model}@{window.version}",
            severity=severity,
            # What is wrong comes first: lists cut the end of a title.
            title=f"v{window.version} {title}; {_span(window)}",
            evidence={
                "window": window.id,
                "version": window.version,
                "from_at": window.from_at,
                "to_at": window.to_at,
                "rows": window.rows,
                **evidence,
                "windows": [one.window.id for one in hits[-KEPT:]],
                "windows_found": len(hits),
                "windows_looked": len(mine),
            },
        )
    ]


def _performance(verdict: Verdict) -> tuple[str, dict[str, Any]]:
    worse = verdict.performance.worse
    then = worse["holdout"]
    band = f" against {then['low']:.4g} to {then['high']:.4g}" if then["low"] is not None else ""
    title = (
        f"{worse['metric']} {worse['value']:.4g}, holdout promised {then['value']:.4g} "
        f"({worse['low']:.4g} to {worse['high']:.4g}{band}); {_labels(verdict)}"
    )
    return title, {**worse, "coverage": verdict.window.coverage}


def _vanished(verdict: Verdict) -> tuple[str, dict[str, Any]]:
    gone = verdict.performance.vanished
    told = ", ".join(f"no outcome {one['class']!r} (training {one['training_share']:.1%})" for one in gone)
    metric = verdict.performance.metrics.get(verdict.performance.primary, {})
    evidence = {
        "vanished": list(gone),
        "labels": verdict.performance.labels,
        "coverage": verdict.window.coverage,
        "metric": verdict.performance.primary,
        "note": metric.get("note", ""),
    }
    return f"{told} among {verdict.performance.labels} labels", evidence


def _errors(verdict: Verdict) -> tuple[str, dict[str, Any]]:
    window = verdict.window
    return f"{window.errors} of {window.rows} rows failed ({window.errors / window.rows:.1%})", {
        "errors": window.errors
    }


def _refused(verdict: Verdict) -> tuple[str, dict[str, Any]]:
    asked = verdict.window.rows + verdict.refused
    title = (
        f"{verdict.refused} of {asked} requests refused ({verdict.refused / asked:.1%}): callers send what does not fit"
    )
    return title, {"refused": verdict.refused}


def _drift(verdict: Verdict) -> tuple[str, dict[str, Any]]:
    told = ", ".join(str(one["name"]) for one in verdict.drifted[:NAMED])
    more = len(verdict.drifted) - NAMED
    kept = ("name", "kind", "test", "effect", "threshold", "psi", "js", "p_adjusted", "importance", "weight", "n")
    features = [{name: one.get(name) for name in kept} for one in verdict.drifted]
    worst = verdict.drifted[0]
    title = f"drift in {told}{f' and {more} more' if more > 0 else ''}; {worst['name']} {worst['effect']:.2f}"
    return f"{title} (bearable {worst['threshold']:.2f})", {"features": features}


def _labels(verdict: Verdict) -> str:
    coverage = verdict.window.coverage
    share = f", {coverage:.0%} of rows" if coverage is not None else ""
    return f"{verdict.performance.labels} labels{share}"


def _span(window: Window) -> str:
    first, last = (EPOCH + timedelta(microseconds=at) for at in (window.from_at, window.to_at))
    if window.from_at % 86_400_000_000 == 0 and window.to_at % 86_400_000_000 == 0:
        return f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"
    return f"{first:%Y-%m-%d %H:%M} to {last:%H:%M}"
