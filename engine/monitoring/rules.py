"""What a rule says of a window: breach, clear, between the two, or no data. Pure, over windows as they are kept.

A rule holds when enough of its newest windows breach, and is clear when enough in a row do not: so one bad window need
not wake anybody, and what wavers about a threshold neither opens nor ends. Windows without data are never harm, and
never the end of it: they are passed over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

from engine.measures.intervals import wilson
from engine.monitoring.performance import WORSE_BY, against_holdout, realised_against_holdout
from engine.monitoring.watched import PREDICTION
from engine.settings.alerts import AlertRule
from engine.settings.model import FairnessLimit
from store.rows import ESTIMATED, FAIRNESS, PLAIN, Version, Window

USUAL = 20  # spans before one whose median volume is what is usual
FEWEST = 5  # of them below which nothing is usual yet
BACK = 200  # windows that are looked back over for clear ones


@dataclass(frozen=True, slots=True)
class Signal:
    """What one rule says of one window, and the figures it rests on."""

    state: str  # breach, clear, between, no data
    value: float | None = None
    evidence: dict[str, Any] = field(default_factory=dict)
    note: str = ""  # why a breach is none: it is told beside the window


@dataclass(frozen=True, slots=True)
class Facts:
    """What a window is read against: its version, the metric it was chosen by, labels that judge, volume per span."""

    version: Version
    primary: str
    min_rows: int
    volumes: Mapping[int, int] = field(default_factory=dict)  # from_at -> rows of all versions
    fairness: FairnessLimit | None = None  # the gate on how far groups may be apart


LEAST_ASKED = 10  # requests; of fewer nothing is said: one of one is 100 %, by somebody's first try
NO_DATA = Signal("no data")


def read(rule: AlertRule, window: Window, facts: Facts) -> Signal:
    """Say what a rule says of a window."""
    return _READS[rule.on](rule, window, facts)


def holds(rule: AlertRule, newest_first: Sequence[Window], facts: Facts) -> bool:
    """Say whether the newest window breaches, and with it enough of the newest `of`."""
    if not newest_first or read(rule, newest_first[0], facts).state != "breach":
        return False
    return breaches(rule, newest_first, facts) >= rule.times


def breaches(rule: AlertRule, newest_first: Sequence[Window], facts: Facts) -> int:
    """Count the breaches among the newest `of` windows."""
    return sum(read(rule, one, facts).state == "breach" for one in newest_first[: rule.of])


def is_clear(rule: AlertRule, newest_first: Sequence[Window], facts: Facts) -> bool:
    """Say whether the newest windows that hold data are clear, as many in a row as the rule asks for."""
    seen = 0
    for one in newest_first[:BACK]:
        state = read(rule, one, facts).state
        if state == "no data":
            continue
        if state != "clear":
            return False
        seen += 1
        if seen == rule.clear_windows:
            return True
    return False


def harm(window: Window, facts: Facts) -> dict[str, Any] | None:
    """Return how performance compares with the holdout: realised where labels judge it, else estimated; None: unknown.

    `{"is": bool, "source": "realised" or "estimated", "metric", …}` with the figures of the comparison, where the
    metric has a value. Where labels judge a window an estimate says nothing, also if they leave the metric undefined.
    """
    if _labels(window) >= facts.min_rows:
        told = realised_against_holdout(facts.primary, window.metrics, facts.version)
        if _has_vanished(window, facts):
            return {"is": True, "source": "realised", "metric": facts.primary, "vanished": True}
        return _worse("realised", told)
    return _worse(
        "estimated",
        against_holdout(facts.primary, window.metrics.get(ESTIMATED + facts.primary) or {}, facts.version),
    )


def _worse(source: str, told: dict[str, Any]) -> dict[str, Any] | None:
    if not told:
        return None
    apart = told.pop("apart")
    return {"is": apart and told["ratio"] >= WORSE_BY, "source": source, **told}


def _errors(rule: AlertRule, window: Window, facts: Facts) -> Signal:
    if not window.rows:
        return NO_DATA
    share = window.errors / window.rows
    sure = window.errors > 0 and wilson(window.errors, window.rows)[0] > rule.threshold
    return _side(share, breach=sure, clear=share <= rule.clear)


def _data(rule: AlertRule, window: Window, facts: Facts) -> Signal:
    told = window.metrics.get("refused")
    if told is None:
        return Signal("clear", 0.0) if window.rows else NO_DATA
    asked, share = int(told["n"]), float(told["value"])
    if asked < min(LEAST_ASKED, facts.min_rows):
        return NO_DATA
    sure = wilson(round(share * asked), asked)[0] > rule.threshold
    return _side(share, breach=sure, clear=share <= rule.clear)


def _quality(rule: AlertRule, window: Window, facts: Facts) -> Signal:
    if not window.quality:
        return NO_DATA
    found = [
        one
        for one in window.quality["columns"]
        if rule.feature in ("", one["name"]) and (one["importance"] is None or one["importance"] >= rule.importance)
    ]
    value = max((one["share"] - one["usual"] for one in found), default=0.0)
    sure = [one for one in found if wilson(one["rows"], one["n"])[0] - one["usual"] > rule.threshold]
    told = {"columns": sorted(sure, key=lambda one: one["usual"] - one["share"])} if sure else {}
    return _side(value, breach=bool(sure), clear=value <= rule.clear, evidence=told)


def _fairness(rule: AlertRule, window: Window, facts: Facts) -> Signal:
    """Read each gap by its interval: wholly beyond the limit is a breach, wholly within it is clear."""
    limit = facts.fairness
    if limit is None:
        return NO_DATA
    times: list[tuple[float, float, str]] = []  # the near end and the value, in times the limit, and of what
    for name, one in window.metrics.items():
        if not name.startswith(FAIRNESS) or one.get("low") is None or one["value"] is None:
            continue
        if name.startswith(f"{FAIRNESS}ratio_"):
            if limit.min_ratio is not None:
                near, value = (limit.min_ratio / max(each, 1e-9) for each in (one["high"], one["value"]))
                times.append((near, value, name))
        elif limit.max_difference is not None:
            least = max(limit.max_difference, 1e-9)
            times.append((one["low"] / least, one["value"] / least, name))
    if not times:
        return NO_DATA
    near, value, name = max(times)
    told = {**window.metrics[name], "gap": name, "column": name.removeprefix(FAIRNESS).removeprefix("ratio_")}
    told["limit_is"] = limit.min_ratio if name.startswith(f"{FAIRNESS}ratio_") else limit.max_difference
    return _side(value, breach=near > rule.threshold, clear=value <= rule.clear, evidence=told)


def _freshness(rule: AlertRule, window: Window, facts: Facts) -> Signal:
    value = (window.quality.get("freshness") or {}).get("age_s")
    if value is None:
        return NO_DATA
    return _side(value, breach=value > rule.threshold, clear=value <= rule.clear)


def _latency(rule: AlertRule, window: Window, facts: Facts) -> Signal:
    value = window.latency_p99_ms
    if value is None:
        return NO_DATA
    return _side(value, breach=value > rule.threshold, clear=value <= rule.clear)


def _performance(rule: AlertRule, window: Window, facts: Facts) -> Signal:
    entry = window.metrics.get(facts.primary) or {}
    if (entry.get("n") or 0) < facts.min_rows:
        return NO_DATA
    found = _compared(rule, realised_against_holdout(facts.primary, window.metrics, facts.version))
    if found.state == "breach" or "harder" not in found.evidence:
        return found
    plain = against_holdout(facts.primary, entry, facts.version)
    if not plain["apart"] or plain["ratio"] < rule.threshold:
        return found
    told = f"{plain['metric']} {plain['value']:.4g}, promised {plain['holdout']['value']:.4g}"
    answer, times = window.metrics[PLAIN + facts.primary]["note"], found.evidence["harder"]
    return replace(found, note=f"{told}, but {answer} would have lost {times:.2g} times what it did in the holdout")


def _estimated(rule: AlertRule, window: Window, facts: Facts) -> Signal:
    entry = window.metrics.get(ESTIMATED + facts.primary) or {}
    return _compared(rule, against_holdout(facts.primary, entry, facts.version))


def _compared(rule: AlertRule, told: dict[str, Any]) -> Signal:
    if not told:
        return NO_DATA
    apart, ratio = told.pop("apart"), told["ratio"]
    return _side(ratio, breach=apart and ratio >= rule.threshold, clear=not apart or ratio <= rule.clear, evidence=told)


def _outcomes(rule: AlertRule, window: Window, facts: Facts) -> Signal:
    if _labels(window) < facts.min_rows:
        return NO_DATA
    gone = _has_vanished(window, facts)
    return _side(float(gone), breach=gone, clear=not gone)


def _has_vanished(window: Window, facts: Facts) -> bool:
    """A window is degraded by a worse metric or by a class that is gone; the former can be told from what is kept."""
    if window.verdict != "degraded":
        return False
    told = realised_against_holdout(facts.primary, window.metrics, facts.version)
    return not (told and told["apart"] and told["ratio"] >= WORSE_BY)


def _labels(window: Window) -> int:
    """Return how many outcomes a window's metrics rest on."""
    realised = (
        one
        for name, one in window.metrics.items()
        if not name.startswith((ESTIMATED, FAIRNESS, PLAIN)) and name != "refused"
    )
    return max((one.get("n") or 0 for one in realised), default=0)


def _drift(rule: AlertRule, window: Window, facts: Facts) -> Signal:
    only = PREDICTION if rule.on == "prediction_drift" else rule.feature
    judged = [one for one in window.features if one["drifted"] is not None and only in ("", one["name"])]
    if not judged:
        return NO_DATA
    moved = [one for one in judged if one["drifted"]]
    mine = [one for one in moved if one["importance"] is None or one["importance"] >= rule.importance]
    size = max((_size(one) for one in mine), default=0.0)
    if size < rule.threshold or not mine:
        slight = ", ".join(str(one["name"]) for one in moved if one not in mine and _size(one) >= rule.threshold)
        told = f"{slight} matters less than {rule.importance:.0%}" if slight else ""
        return Signal("clear" if size <= rule.clear else "between", size, note=told)
    if not rule.harm:
        return Signal("breach", size)
    known = harm(window, facts)
    if known is None:
        return Signal(
            "between", size, note="whether it harms is not known: performance is neither realised nor estimated"
        )
    if not known["is"]:
        told = f"{known['source']} {known['metric']} {known['value']:.4g} is as promised"
        return Signal("clear", size, {"harm": known}, told)
    return Signal("breach", size, {"harm": known})


def _size(one: dict[str, Any]) -> float:
    """Return an effect in bearable ones."""
    if one["effect"] is None:
        return 0.0
    return float(one["effect"] / one["threshold"]) if one["threshold"] else float("inf")


def _volume(rule: AlertRule, window: Window, facts: Facts) -> Signal:
    before = [rows for at, rows in sorted(facts.volumes.items()) if at < window.from_at][-USUAL:]
    usual = median(before) if len(before) >= FEWEST else 0
    if not usual:
        return NO_DATA
    share = facts.volumes[window.from_at] / usual
    told = {"volume": facts.volumes[window.from_at], "usual": usual}
    return _side(share, breach=share < rule.threshold, clear=share >= rule.clear, evidence=told)


def _no_data(rule: AlertRule, window: Window, facts: Facts) -> Signal:
    rows = facts.volumes[window.from_at]
    return _side(float(rows), breach=rows <= rule.threshold, clear=rows > rule.clear or rows > rule.threshold)


def _side(value: float, *, breach: bool, clear: bool, evidence: dict[str, Any] | None = None) -> Signal:
    return Signal("breach" if breach else "clear" if clear else "between", value, evidence or {})


_READS = {
    "drift": _drift,
    "prediction_drift": _drift,
    "performance": _performance,
    "estimated": _estimated,
    "outcomes": _outcomes,
    "errors": _errors,
    "data": _data,
    "quality": _quality,
    "fairness": _fairness,
    "freshness": _freshness,
    "latency_p99": _latency,
    "volume": _volume,
    "no_data": _no_data,
}
