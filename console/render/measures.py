"""An evaluation's measures as text: value, interval, change against something else. Pure."""

from __future__ import annotations

from typing import Any

from console.render.cells import Span
from console.render.words import number, percent

# measures of which more is better; every other one is a loss
GAINS = frozenset(
    {
        "accuracy",
        "average_precision",
        "balanced_accuracy",
        "coverage",
        "f1",
        "interval_coverage",
        "mcc",
        "ndcg_at_10",
        "pr_auc",
        "precision",
        "r2",
        "recall",
        "recall_at_10",
        "roc_auc",
    }
)

LOSSES = frozenset({"brier", "interval_width", "log_loss", "mae", "median_error", "rmse"})


def is_gain(name: str) -> bool:
    """Say whether more of a measure is better; a budget's precision is named after the budget."""
    return name in GAINS or name.startswith("precision_at_")


def is_measure(name: str) -> bool:
    """Say whether a name is that of a measure whose better direction is known."""
    return is_gain(name) or name in LOSSES


def value_of(measure: Any) -> float | None:
    """Return the number of a measure, which is a dict with `value` or a bare number."""
    found = measure.get("value") if isinstance(measure, dict) else measure
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


def with_interval(measure: Any) -> str:
    """Return `21.40 [20.10, 22.80]`, or the note why there is no value."""
    value = value_of(measure)
    if value is None:
        note = measure.get("note") if isinstance(measure, dict) else None
        return str(note) if note else "-"
    low, high = (value_of(measure.get(edge)) for edge in ("low", "high")) if isinstance(measure, dict) else (None, None)
    if low is None or high is None:
        return number(value)
    return f"{number(value)} [{number(low)}, {number(high)}]"


def change(name: str, value: float | None, against: float | None) -> Span:
    """Return the change against another value in percent: better is ok, more than 5 % worse is a warning."""
    if value is None or against is None or against == 0:
        return ("-", "dim")
    if against < 0 or value < 0:  # a share of something below zero says nothing
        gain = value - against if is_gain(name) else against - value
        return (f"{value - against:+.3g}", "ok" if gain > 0 else "warn")
    share = value / against - 1
    worse = -share if is_gain(name) else share
    style = "warn" if worse > 0.05 else "ok" if worse < 0 else ""
    return (percent(share, signed=True), style)


def verdict_word(span: Span) -> str:
    """Return in a word what the colour of a change says, so that it is never said by colour alone."""
    return {"ok": ", better", "warn": ", worse", "bad": ", worse"}.get(span[1], "")


def primary(evaluation: dict[str, Any]) -> tuple[str, Any]:
    """Return the name and the measure of the primary metric on the holdout."""
    name = str(evaluation.get("metric", ""))
    holdout = evaluation.get("holdout")
    return name, holdout.get(name) if isinstance(holdout, dict) else None
