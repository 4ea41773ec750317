"""What the [deploy] table of a model file may say."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from engine.settings.model import DeploySettings, JudgeSettings, RolloutStep, SplitSettings
from engine.settings.sections import Duration, Name, Section


class RolloutTable(Section):
    """One entry of deploy.rollout."""

    weight: Annotated[int, Field(ge=1, le=100)]
    hold: Duration = 0.0


class DetectTable(Section):
    """[deploy] detect: the harm that each weight step must be able to see."""

    errors: Annotated[float, Field(gt=0, le=0.9)] | None = None
    predictions: Annotated[float, Field(gt=0, le=1)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> DetectTable:
        if self.errors is None and self.predictions is None:
            raise ValueError("give at least one of errors, predictions")
        return self


def _off(value: Any) -> Any:
    """Take false for nothing: TOML has no word for it."""
    return None if value is False else value


class JudgeTable(Section):
    """[deploy] judge: from where on live answers are too different, or too wrong; false judges neither."""

    predictions: Annotated[float | None, Field(ge=0.05, le=0.9), BeforeValidator(_off)] = 0.2
    metric: Annotated[float | None, Field(ge=1.0), BeforeValidator(_off)] = 1.1
    labels: Annotated[int, Field(ge=30)] = 100
    then: Literal["abort", "hold"] = "abort"

    def section(self) -> JudgeSettings:
        """Return the frozen section."""
        return JudgeSettings(**self.model_dump())


class SplitTable(Section):
    """[deploy] split: the new version's fixed share of an A/B, for how long, or until how many rows of it."""

    weight: Annotated[int, Field(ge=1, le=99)] = 50
    period: Annotated[Duration, Field(alias="for")] = 86_400.0
    samples: Annotated[int, Field(ge=1)] | None = None

    @field_validator("period")
    @classmethod
    def _some_time(cls, period: float) -> float:
        if period <= 0:
            raise ValueError('give it some time, such as "2d"')
        return period

    def section(self) -> SplitSettings:
        """Return the frozen section."""
        return SplitSettings(self.weight, self.period, self.samples)


class DeployTable(Section):
    """[deploy]"""

    hosts: Annotated[list[Name], Field(min_length=1)] = ["local"]
    replicas: Annotated[int, Field(ge=1, le=64)] = 1
    min_samples: Annotated[int, Field(ge=0)] = 200
    max_wait: Duration = 900.0
    rollout: list[RolloutTable] | None = None
    strategy: Literal["canary", "blue-green", "shadow", "ab"] = "canary"
    split: SplitTable = SplitTable()
    detect: DetectTable | None = None
    memory_mb: Annotated[int, Field(ge=64)] | None = None
    queue_ms: Annotated[int, Field(ge=1, le=600_000)] | None = None
    judge: JudgeTable = JudgeTable()

    @model_validator(mode="after")
    def _an_ab_has_a_split_and_no_steps(self) -> DeployTable:
        if self.strategy == "ab" and self.rollout is not None:
            raise ValueError(
                'an A/B has one fixed split: leave rollout out and say split = { weight = 50, for = "2d" }'
            )
        if self.strategy != "ab" and "split" in self.model_fields_set:
            raise ValueError('split belongs to strategy = "ab"')
        return self

    @model_validator(mode="after")
    def _detects_more_than_it_forgives(self) -> DeployTable:
        seen, forgiven = self.detect and self.detect.predictions, self.judge.predictions
        if seen and not forgiven:
            raise ValueError("detect.predictions needs judge.predictions, which is false")
        if seen and forgiven and seen <= forgiven:
            raise ValueError("detect.predictions must be more than judge.predictions, which is forgiven")
        return self

    @model_validator(mode="after")
    def _blue_green_has_one_step(self) -> DeployTable:
        if self.strategy == "blue-green" and self.rollout is not None and len(self.rollout) > 1:
            raise ValueError('a blue-green rollout switches all at once: leave rollout out, or say strategy = "canary"')
        return self

    @field_validator("rollout")
    @classmethod
    def _rises_to_all(cls, rollout: list[RolloutTable] | None) -> list[RolloutTable] | None:
        weights = [step.weight for step in rollout or []]
        if rollout is not None and (weights != sorted(set(weights)) or weights[-1:] != [100]):
            raise ValueError("weights must rise from step to step and end with 100")
        return rollout

    def section(self) -> DeploySettings:
        """Return the frozen section."""
        chosen: dict[str, Any] = {}
        if self.rollout is None and self.strategy == "blue-green":
            chosen["rollout"] = (RolloutStep(100),)
        elif self.rollout is not None:
            chosen["rollout"] = tuple(RolloutStep(step.weight, step.hold) for step in self.rollout)
        return DeploySettings(
            hosts=tuple(self.hosts),
            replicas=self.replicas,
            min_samples=self.min_samples,
            max_wait_s=self.max_wait,
            strategy=self.strategy,
            memory_mb=self.memory_mb,
            queue_ms=self.queue_ms,
            detect_errors=self.detect.errors if self.detect else None,
            detect_predictions=self.detect.predictions if self.detect else None,
            judge=self.judge.section(),
            split=self.split.section(),
            **chosen,
        )
