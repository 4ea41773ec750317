"""Which windows make an alert: the rules of `[alerts.NAME]`, as applied, and those that hold where a file says none.

Standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """What a rule of this kind looks at, and what it says where the file does not.

    `clear` is a share of the threshold: below it (above it, for `is_low`) a window is clear. None: must be said.
    """

    threshold: float | None
    clear: float
    severity: str
    of_version: bool = True  # False: over all versions, as traffic that moves between them is no change
    is_low: bool = False  # what is low is bad
    needs_harm: bool = False


# threshold: drift in bearable effects, performance as the ratio of losses to the holdout's, shares of rows, ms, s,
# rows, fairness in times the gate's limit
KINDS: dict[str, Kind] = {
    "drift": Kind(1.0, 0.8, "warning", needs_harm=True),
    "prediction_drift": Kind(1.0, 0.8, "warning", needs_harm=True),
    "performance": Kind(1.1, 0.97, "critical"),
    "estimated": Kind(1.1, 0.97, "warning"),
    "outcomes": Kind(0.001, 1.0, "critical"),
    "errors": Kind(0.01, 0.5, "critical"),
    "latency_p99": Kind(None, 0.9, "warning"),
    "data": Kind(0.2, 0.5, "warning"),
    "quality": Kind(0.05, 0.5, "warning"),
    "fairness": Kind(1.0, 0.9, "warning"),
    "freshness": Kind(None, 0.9, "warning"),
    "volume": Kind(0.5, 1.3, "warning", of_version=False, is_low=True),
    "no_data": Kind(0.0, 1.0, "warning", of_version=False, is_low=True),
}
COOLDOWN_S = 3600.0
CLEAR_WINDOWS = 3
IMPORTANCE = 0.01  # share of a version's importance below which a moved feature alone is no drift of the window


@dataclass(frozen=True, slots=True)
class AlertRule:
    """One rule: `times` breaches among the newest `of` windows open an alert, `clear_windows` clear ones resolve it."""

    on: str
    threshold: float
    clear: float
    severity: str
    feature: str = ""  # of drift and quality: this one alone
    importance: float = IMPORTANCE
    harm: bool = False  # an alert only where performance, realised or else estimated, is worse; a note otherwise
    times: int = 1
    of: int = 1
    clear_windows: int = CLEAR_WINDOWS
    cooldown_s: float = COOLDOWN_S
    enabled: bool = True

    @property
    def kind(self) -> Kind:
        """What it looks at."""
        return KINDS[self.on]


def make_rule(on: str, *, threshold: float | None = None, clear: float | None = None, **said: Any) -> AlertRule:
    """Return a rule with what is not said filled in.

    Raises:
        ValueError: the kind has no usual threshold and none is given.
    """
    kind = KINDS[on]
    least = kind.threshold if threshold is None else threshold
    if least is None:
        raise ValueError(f"{on} needs a threshold")
    filled = {"severity": kind.severity, "harm": kind.needs_harm, **said}
    return AlertRule(on, least, least * kind.clear if clear is None else clear, **filled)


BUILT_IN: dict[str, AlertRule] = {
    name: make_rule(name) for name in ("performance", "outcomes", "errors", "data", "drift", "fairness")
}


def rules_of(stated: Mapping[str, AlertRule]) -> dict[str, AlertRule]:
    """Return the rules that hold by name: the built-in ones, and over them what a file says."""
    return {name: rule for name, rule in {**BUILT_IN, **stated}.items() if rule.enabled}


def from_body(body: Mapping[str, Any]) -> dict[str, AlertRule]:
    """Rebuild what a file stated from a settings body."""
    return {name: AlertRule(**stated) for name, stated in sorted(body.items())}
