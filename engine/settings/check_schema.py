"""What a model file may pin of its data: [checks] and its tables."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from engine.settings.checks import CheckSettings, ColumnCheck, FreshnessCheck, RowRule, VolumeCheck
from engine.settings.sections import Column, Duration, Name, Section

Severity = Literal["error", "warning"]
Part = Literal["type", "range", "nulls", "unique", "values"]
Bound = float | str
Count = Annotated[int, Field(ge=0)]


class ColumnCheckTable(Section):
    """[checks.columns.NAME]"""

    type: Literal["double", "long", "string", "boolean", "datetime"] | None = None
    min: Bound | None = None
    max: Bound | None = None
    nulls: Annotated[float, Field(ge=0, le=1)] | None = None
    unique: bool = False
    values: list[str | float | bool] = []
    warn: list[Part] = []

    @field_validator("min", "max")
    @classmethod
    def _is_time(cls, bound: Bound | None) -> Bound | None:
        if isinstance(bound, str):
            import datetime as dt

            try:
                dt.datetime.fromisoformat(bound)
            except ValueError:
                raise ValueError('a bound is a number, or a time such as "2026-01-31"') from None
        return bound

    def section(self) -> ColumnCheck:
        """Return the frozen section."""
        return ColumnCheck(
            self.type or "", self.min, self.max, self.nulls, self.unique, tuple(self.values), tuple(self.warn)
        )


class RowRuleTable(Section):
    """[checks.rules.NAME]"""

    expression: Column
    severity: Severity = "error"


class VolumeTable(Section):
    """[checks.rows]"""

    min: Count | None = None
    max: Count | None = None
    vs_last: Annotated[float, Field(gt=0)] | None = None
    severity: Severity = "error"

    @model_validator(mode="after")
    def _says_something(self) -> VolumeTable:
        if self.min is None and self.max is None and self.vs_last is None:
            raise ValueError("give at least one of min, max, vs_last")
        return self


class FreshnessTable(Section):
    """[checks.fresh]"""

    max_age: Duration
    severity: Severity = "error"


class ChecksTable(Section):
    """[checks]"""

    columns: dict[str, ColumnCheckTable] = {}
    rules: dict[Name, RowRuleTable] = {}
    rows: VolumeTable | None = None
    fresh: FreshnessTable | None = None
    tolerate: Annotated[float, Field(ge=0, lt=1)] = 0.0
    leakage: Literal["error", "warning", "off"] = "warning"
    repair: str = ""

    def section(self) -> CheckSettings:
        """Return the frozen section."""
        return CheckSettings(
            columns={name: one.section() for name, one in self.columns.items()},
            rules={name: RowRule(one.expression, one.severity) for name, one in self.rules.items()},
            rows=VolumeCheck(**self.rows.model_dump()) if self.rows else None,
            fresh=FreshnessCheck(self.fresh.max_age, self.fresh.severity) if self.fresh else None,
            tolerate=self.tolerate,
            leakage=self.leakage,
            repair=self.repair,
        )
