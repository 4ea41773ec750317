"""What settings files say of jobs and schedules: [jobs.KIND] and [schedules.NAME]."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from engine.settings.durations import seconds
from engine.settings.sections import Duration, Section
from engine.settings.triggers import EVENTS, LOOPS, read_trigger
from engine.settings.work import DEFAULTS, OTHER, JobSettings, ScheduleSettings
from store.errors import Refused

GRACE_S = 300


class JobTable(Section):
    """[jobs.KIND]: how many at once, and on what terms. What is not said is the kind's default."""

    at_once: Annotated[int, Field(ge=1, le=64)] | None = None
    per_model: Annotated[int, Field(ge=1, le=64)] | None = None
    priority: Annotated[int, Field(ge=-100, le=100)] | None = None
    retries: Annotated[int, Field(ge=0, le=20)] | None = None
    backoff: Duration | None = None
    timeout: Duration | None = None
    memory_mb: Annotated[int, Field(ge=64)] | None = None
    cpu: Duration | None = None

    @field_validator("timeout", "cpu")
    @classmethod
    def _at_least_a_second(cls, value: float | None) -> float | None:
        if value is not None and value < 1:
            raise ValueError('must be at least "1s"')
        return value

    def section(self, kind: str) -> JobSettings:
        """Return the frozen section."""
        renamed = {"backoff": "backoff_s", "timeout": "timeout_s", "cpu": "cpu_s"}
        stated = {renamed.get(name, name): value for name, value in self.model_dump(exclude_none=True).items()}
        return replace(DEFAULTS.get(kind, OTHER), **stated)


class TimesTable(Section):
    """When a job is asked for, and what becomes of the times that could not be kept."""

    cron: str | None = None
    every: str | None = None
    at: str | None = None
    after: str | None = None
    catch_up: Literal["skip", "once", "all"] = "once"
    grace: Duration | None = None
    jitter: Duration = 0.0
    overlap: Literal["skip", "queue"] = "skip"

    @model_validator(mode="after")
    def _says_when(self) -> Self:
        said = self._triggers()
        if not said and self._needs_no_time:
            return self
        if len(said) != 1:
            raise ValueError(self._ASKED)
        try:
            read_trigger(said[0], "UTC")
        except Refused as error:
            raise ValueError(error.message) from None
        if self.every is not None and self.jitter >= seconds(self.every):
            raise ValueError("a jitter must be shorter than every")
        if self.after in LOOPS.get(self.kind, ()):
            others = ", ".join(action for action in EVENTS if action not in LOOPS[self.kind])
            raise ValueError(f"a {self.kind} job itself makes {self.after}: it would never end; others: {others}")
        return self

    def _triggers(self) -> list[str]:
        said = {"cron": self.cron, "every": self.every, "at": self.at, "after": self.after}
        return [f"{word} {text}" for word, text in said.items() if text is not None]

    _ASKED: ClassVar[str] = "give exactly one of cron, every, at, after"

    @property
    def _needs_no_time(self) -> bool:
        """Whether something else than a time asks for the job."""
        return False

    @property
    def kind(self) -> str:
        """The kind of job that is asked for."""
        return "train"

    @property
    def trigger(self) -> str:
        """The trigger as one text."""
        return self._triggers()[0]

    def section(self) -> ScheduleSettings:
        """Return the frozen section; without a grace that of an interval is the interval, as nothing is late before."""
        default = ceil(seconds(self.every)) if self.every is not None else GRACE_S
        return ScheduleSettings(
            kind=self.kind,
            trigger=self.trigger,
            catch_up=self.catch_up,
            grace_s=default if self.grace is None else ceil(self.grace),
            jitter_s=ceil(self.jitter),
            overlap=self.overlap,
        )


class ScheduleTable(TimesTable):
    """[schedules.NAME]: a job of the stated kind at set times."""

    run: Literal["train", "ingest", "monitor", "test"]

    @property
    def kind(self) -> str:
        """The kind of job that is asked for."""
        return self.run
