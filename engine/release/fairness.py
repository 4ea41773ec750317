"""The gate on how far groups are apart: it reads the interval of the recorded gap, never the point."""

from __future__ import annotations

from typing import Any

from engine.plans import Check
from engine.settings.model import ModelSettings
from store.rows import Version


def fairness_checks(settings: ModelSettings, version: Version) -> list[Check]:
    """Ask each column of [fairness]: passed where even the far end of the interval is within the limit, failed where
    even the near end is beyond it. In between, and where fewer than two groups have enough rows, it is no data.
    """
    asked = settings.gates.fairness
    if asked is None:
        return []
    measure = asked.measure or str(version.evaluation.get("metric", ""))
    recorded = version.evaluation.get("fairness") or {}
    checks = []
    for column in settings.fairness.columns:
        gap = recorded.get(column, {}).get("gaps", {}).get(measure)
        if asked.max_difference is not None:
            checks.append(_difference(column, measure, gap, asked.max_difference))
        if asked.min_ratio is not None:
            checks.append(_ratio(column, measure, gap, asked.min_ratio))
    return checks


def _difference(column: str, measure: str, gap: Any, most: float) -> Check:
    name, required = f"{measure} between {column}", f"at most {most:g} apart"
    seen = (gap or {}).get("difference")
    if seen is None:
        return Check(name, "no data", _why(gap), required)
    verdict = "passed" if seen["high"] <= most else "failed" if seen["low"] > most else "no data"
    return Check(name, verdict, _said(seen, gap, verdict), required)


def _ratio(column: str, measure: str, gap: Any, least: float) -> Check:
    name, required = f"{measure} ratio between {column}", f"at least {least:g}"
    seen = (gap or {}).get("ratio")
    if seen is None:
        return Check(name, "no data", _why(gap), required)
    verdict = "passed" if seen["low"] >= least else "failed" if seen["high"] < least else "no data"
    return Check(name, verdict, _said(seen, gap, verdict), required)


def _said(seen: dict[str, float], gap: dict[str, Any], verdict: str) -> str:
    told = f"{seen['value']:.4g} [{seen['low']:.4g}, {seen['high']:.4g}], {gap['lowest']} to {gap['highest']}"
    return f"{told}: the rows do not tell" if verdict == "no data" else told


def _why(gap: Any) -> str:
    if gap is None:
        return "not measured: train again"
    return str(gap.get("note") or "not defined for these values")
