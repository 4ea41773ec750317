"""What monitoring says, as data: a verdict per window and version, the findings a person should look at, their ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine.monitoring.performance import Performance
from engine.monitoring.rules import Facts, Signal, breaches, holds, is_clear, read
from engine.monitoring.telling import span, tell
from engine.settings.alerts import AlertRule
from store.rows import Window, WindowPart

KEPT = 20  # windows that a finding lists
KINDS = {
    "prediction_drift": "drift",
    "outcomes": "performance",
    "latency_p99": "latency",
    "no_data": "volume",
}  # what a finding is called by, where it is not what its rule is on


@dataclass(frozen=True, slots=True)
class Call:
    """What one rule says of one verdict: the window's own signal, and whether the rule holds with those before it."""

    name: str
    rule: AlertRule
    signal: Signal
    holds: bool
    breaches: int  # among the newest `of`
    cleared: bool  # by the newest windows there are, whichever this one is


@dataclass(frozen=True, slots=True)
class Verdict:
    """One window of one version, as computed now. `is_news` says that no ended look has told of it yet."""

    window: Window
    performance: Performance
    is_news: bool
    predictions: tuple[str, ...] = ()  # ids of its newest answers, to be traced
    calls: tuple[Call, ...] = field(default=())
    parts: tuple[WindowPart, ...] = ()  # hosts and slices


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to look at: at most one of a rule and version per look, with its evidence."""

    model: str
    kind: str  # drift, performance, estimated, errors, data, latency, volume
    key: str
    severity: str  # warning, critical
    title: str
    evidence: dict[str, Any]
    rule: str = ""
    cooldown_s: float = 0.0


def called(
    verdicts: Sequence[Verdict],
    rules: Mapping[str, AlertRule],
    windows: Mapping[int, Sequence[Window]],
    facts: Mapping[int, Facts],
) -> list[Verdict]:
    """Return the verdicts with what each rule says; `windows` and `facts` are by version, windows newest first."""
    found = []
    for one in verdicts:
        mine, known = windows[one.window.version], facts[one.window.version]
        place = next(index for index, window in enumerate(mine) if window.from_at == one.window.from_at)
        calls = tuple(
            Call(
                name,
                rule,
                read(rule, one.window, known),
                holds(rule, mine[place:], known),
                breaches(rule, mine[place:], known),
                is_clear(rule, mine, known),
            )
            for name, rule in rules.items()
        )
        found.append(replace(one, calls=calls))
    return found


def findings(verdicts: Sequence[Verdict]) -> list[Finding]:
    """Return what is new in these verdicts; each finding shows the newest window it holds for and lists the others."""
    news = sorted((one for one in verdicts if one.is_news), key=lambda one: one.window.to_at)
    groups: dict[str, list[tuple[Verdict, Call]]] = {}
    for one in sorted(news, key=lambda one: one.window.version):
        for call in one.calls:
            groups.setdefault(key_of(one.window, call), []).append((one, call))
    return [_finding(key, mine) for key, mine in groups.items() if any(call.holds for _, call in mine)]


def ends(verdicts: Sequence[Verdict]) -> dict[str, str]:
    """Return key -> why, for the alerts that these verdicts end where they stand."""
    newest: dict[str, tuple[Verdict, Call]] = {}
    for one in sorted(verdicts, key=lambda one: one.window.to_at):
        for call in one.calls:
            newest[key_of(one.window, call)] = (one, call)
    return {
        key: f"clear in {call.rule.clear_windows} windows in a row, the newest {span(one.window)}"
        for key, (one, call) in newest.items()
        if call.cleared
    }


def key_of(window: Window, call: Call) -> str:
    """Return the key of what a rule finds: of one version, or of the model where versions are counted together."""
    about = f"{window.model}@{window.version}" if call.rule.kind.of_version else window.model
    return f"{call.name}:{about}"


def _finding(key: str, mine: list[tuple[Verdict, Call]]) -> Finding:
    by_time = sorted(mine, key=lambda pair: pair[0].window.to_at)
    hits = [(verdict, call) for verdict, call in by_time if call.holds]
    newest, call = hits[-1]
    window, rule = newest.window, call.rule
    title, evidence = tell(rule, window, newest.performance, call.signal)
    about = f"v{window.version} " if rule.kind.of_version else ""
    held = {"breaches": call.breaches, "of": rule.of} if rule.of > 1 else {}
    return Finding(
        model=window.model,
        kind=KINDS.get(rule.on, rule.on),
        key=key,
        severity=rule.severity,
        # What is wrong comes first: lists cut the end of a title.
        title=f"{about}{title}; {span(window)}",
        evidence={
            "window": window.id,
            "version": window.version,
            "from_at": window.from_at,
            "to_at": window.to_at,
            "rows": window.rows,
            **evidence,
            **held,
            "on": rule.on,
            "limit": rule.threshold,
            "predictions": list(newest.predictions),
            "windows": [one.window.id for one, _ in hits[-KEPT:]],
            "windows_found": len(hits),
            "windows_looked": len(mine),
        },
        rule=call.name,
        cooldown_s=rule.cooldown_s,
    )
