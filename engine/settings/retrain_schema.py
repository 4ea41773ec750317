"""What [retrain] of a model file may say, as a pydantic model."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from engine.settings.retrain import RetrainSettings, read_budget
from engine.settings.sections import Duration, Name
from engine.settings.work_schema import TimesTable

NUMBERS = {"rows": "rows = 5000", "outcomes": "outcomes = 1000", "upstream": 'upstream = "other-model"'}
USUAL = RetrainSettings()


class RetrainTable(TimesTable):
    """[retrain]: trainings at set times, upon what monitoring finds, or both."""

    _ASKED: ClassVar[str] = 'give on = ["drift", …], or exactly one of cron, every, at, after, or both'

    on: list[Literal["drift", "performance", "estimated", "rows", "outcomes", "upstream"]] = []
    rows: Annotated[int, Field(ge=1)] | None = None
    outcomes: Annotated[int, Field(ge=1)] | None = None
    upstream: Name | None = None
    cooldown: Duration = USUAL.cooldown_s
    budget: str = USUAL.budget_text
    promote: Literal["never", "when-gates-pass"] = "never"
    rollback: Literal["never", "on-drop"] = "never"
    compare: Literal["replay", "shadow"] | None = None

    @field_validator("on")
    @classmethod
    def _each_once(cls, on: list[str]) -> list[str]:
        if len(set(on)) < len(on):
            raise ValueError("name each once")
        return on

    @field_validator("budget")
    @classmethod
    def _is_a_budget(cls, budget: str) -> str:
        read_budget(budget)
        return budget

    @model_validator(mode="after")
    def _numbers_go_with_their_triggers(self) -> RetrainTable:
        for name, example in NUMBERS.items():
            stated = getattr(self, name) is not None
            if name in self.on and not stated:
                raise ValueError(f"on names {name!r}: say which with {example}")
            if stated and name not in self.on:
                raise ValueError(f'{name} does nothing unless on names it: on = ["{name}"]')
        if not self.on and {"cooldown", "budget"} & self.model_fields_set:
            raise ValueError("cooldown and budget hold back what on names: a set time is kept as it is written")
        return self

    @property
    def _needs_no_time(self) -> bool:
        return bool(self.on)

    @property
    def trigger(self) -> str:
        """The trigger as one text: the set time where there is one."""
        return next(iter(self._triggers()), f"on {', '.join(self.on)}")

    def retrain_section(self) -> RetrainSettings:
        """Return the rest, as a frozen section."""
        budget, period = read_budget(self.budget)
        return RetrainSettings(
            on=tuple(self.on),
            rows=self.rows or 0,
            outcomes=self.outcomes or 0,
            upstream=self.upstream or "",
            cooldown_s=self.cooldown,
            budget=budget,
            budget_s=period,
            promote=self.promote,
            rollback=self.rollback,
            compare=self.compare or "",
        )
