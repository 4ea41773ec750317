"""What [train] of a model file may say, as pydantic models."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator

from engine.settings.model import TrainSettings
from engine.settings.sections import Duration, Section, Share

TYPE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


class ConstraintsTable(Section):
    """[train.constraints]: what a candidate may take at most to be chosen, by what the search measures of it."""

    latency_ms: Annotated[float, Field(gt=0)] | None = None
    size_mb: Annotated[float, Field(gt=0)] | None = None
    fairness_difference: Annotated[float, Field(gt=0)] | None = (
        None  # the far end of its interval, as the gate reads it
    )


class TrainTable(Section):
    """[train]"""

    estimator: str = "auto"
    metric: str = ""
    time_budget: Duration = 60.0
    folds: Annotated[int, Field(ge=2, le=20)] = 3
    holdout: Share = 0.2
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 7
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    trials: Annotated[int, Field(ge=0, le=100_000)] = 60
    memory_mb: Annotated[int, Field(ge=16)] | None = None
    constraints: ConstraintsTable = ConstraintsTable()
    interval: Annotated[float, Field(ge=0.5, le=0.99)] | None = None
    window: Duration | None = None
    half_life: Duration | None = None
    select: Literal["report", "drop", "off"] = "report"
    trusted: list[str] = []
    warm_start: bool = False

    @field_validator("time_budget")
    @classmethod
    def _some_time(cls, budget: float) -> float:
        if budget <= 0:
            raise ValueError('give it some time, such as "15s"')
        return budget

    @field_validator("window", "half_life")
    @classmethod
    def _longer_than_nothing(cls, value: float | None) -> float | None:
        if value is not None and value <= 0:
            raise ValueError('must be above zero, such as "90d"')
        return value

    @field_validator("trusted")
    @classmethod
    def _types_by_dotted_name(cls, trusted: list[str]) -> list[str]:
        for name in trusted:
            if not TYPE.fullmatch(name):
                raise ValueError(f'{name!r} names no type: write module and class, such as "lightgbm.basic.Booster"')
        return sorted(set(trusted))

    def section(self) -> TrainSettings:
        """Return the frozen section."""
        return TrainSettings(
            estimator=self.estimator,
            metric=self.metric,
            time_budget_s=self.time_budget,
            folds=self.folds,
            holdout=self.holdout,
            seed=self.seed,
            workers=self.workers,
            trials=self.trials,
            memory_mb=self.memory_mb,
            constraints=self.constraints.model_dump(exclude_none=True),
            interval=self.interval,
            window_s=self.window,
            half_life_s=self.half_life,
            select=self.select,
            trusted=tuple(self.trusted),
            warm_start=self.warm_start,
        )
