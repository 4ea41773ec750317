"""What a model file may say of its alerts: [alerts.NAME]."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from engine.settings.alerts import BUILT_IN, KINDS, AlertRule, make_rule
from engine.settings.sections import Column, Duration, Section

Count = Annotated[int, Field(ge=1, le=100)]
_SHARES = ("errors", "data", "quality")
_UNITS = {"latency_p99": "ms", "freshness": "s"}


class AlertTable(Section):
    """[alerts.NAME]: what is not said is as usual for what it is on."""

    on: Literal[
        "drift", "prediction_drift", "performance", "estimated", "outcomes", "errors", "latency_p99", "data", "volume",
        "no_data", "quality", "freshness", "fairness",
    ]  # fmt: skip
    feature: Column | None = None
    importance: Annotated[float, Field(ge=0, le=1)] | None = None
    harm: bool | None = None
    threshold: Annotated[float, Field(ge=0)] | None = None
    clear: Annotated[float, Field(ge=0)] | None = None
    severity: Literal["warning", "critical"] | None = None
    times: Count | None = None
    of: Count | None = None
    clear_windows: Count | None = None
    cooldown: Duration | None = None
    enabled: bool = True

    @model_validator(mode="after")
    def _holds_together(self) -> AlertTable:
        if self.on not in ("drift", "quality") and self.feature is not None:
            raise ValueError(f'feature belongs to on = "drift", not to {self.on}')
        if self.on not in ("drift", "prediction_drift") and self.harm is not None:
            raise ValueError(f"harm and importance belong to drift, not to {self.on}")
        if self.on not in ("drift", "prediction_drift", "quality") and self.importance is not None:
            raise ValueError(f"harm and importance belong to drift, not to {self.on}")
        if self.threshold is None and KINDS[self.on].threshold is None:
            raise ValueError(f"{self.on} needs a threshold, in {_UNITS[self.on]}")
        if self.threshold == 0 and self.on != "no_data":
            raise ValueError("a threshold of 0 is reached by every window")
        if self.on in _SHARES and self.threshold is not None and self.threshold >= 1:
            raise ValueError(f"the threshold of {self.on} is a share of rows below 1, such as 0.05 for 5 %")
        if self.on in ("performance", "estimated") and self.threshold is not None and self.threshold < 1:
            raise ValueError(f"the threshold of {self.on} is how many times the holdout's loss, such as 1.1")
        if (self.times or 1) > (self.of or self.times or 1):
            raise ValueError(f"times = {self.times} is more than of = {self.of} windows")
        rule = self._rule()
        wrong_side = rule.clear < rule.threshold if rule.kind.is_low else rule.clear > rule.threshold
        if wrong_side:
            side = "below" if rule.kind.is_low else "above"
            raise ValueError(f"clear = {rule.clear:g} is {side} the threshold {rule.threshold:g}: it would flap")
        return self

    def _rule(self) -> AlertRule:
        said = self.model_dump(exclude_none=True, exclude={"on", "threshold", "clear", "cooldown"})
        if self.cooldown is not None:
            said["cooldown_s"] = self.cooldown
        if self.times is not None and self.of is None:
            said["of"] = self.times
        return make_rule(self.on, threshold=self.threshold, clear=self.clear, **said)

    def section(self) -> AlertRule:
        """Return the frozen rule."""
        return self._rule()


def named_for_built_in(tables: Any) -> Any:
    """Let a table of a built-in rule's name leave out `on`: it says how that one is to differ."""
    if not isinstance(tables, dict):
        return tables
    return {
        name: {"on": name, **table} if isinstance(table, dict) and name in BUILT_IN else table
        for name, table in tables.items()
    }
