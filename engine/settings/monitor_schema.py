"""What [monitor] may say, as a pydantic model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from engine.settings.model import MonitorSettings
from engine.settings.sections import Duration, Section


class MonitorTable(Section):
    """[monitor]"""

    every: Duration = 300.0
    window: Duration = 3600.0
    by: Literal["received", "event"] = "received"
    lateness: Duration = 0.0
    min_rows: Annotated[int, Field(ge=1)] = 50
    min_effect: Annotated[float, Field(ge=0, lt=1)] = 0.1
    fdr: Annotated[float, Field(gt=0, le=0.2)] = 0.01

    @field_validator("every", "window")
    @classmethod
    def _at_least_a_second(cls, value: float) -> float:
        if value < 1:
            raise ValueError('must be at least "1s"')
        return value

    def section(self) -> MonitorSettings:
        """Return the frozen section."""
        return MonitorSettings(
            self.every, self.window, self.by, self.lateness, self.min_rows, self.min_effect, self.fdr
        )
