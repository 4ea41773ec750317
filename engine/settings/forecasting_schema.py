"""[forecast] of a model file as a person writes it."""

from __future__ import annotations

from pydantic import Field, field_validator

from engine.settings.forecasting import DAY_S, ForecastSettings
from engine.settings.sections import Column, Duration, Section, TimeZone


class ForecastTable(Section):
    """[forecast]"""

    series: tuple[Column, ...] = Field(default=(), strict=False)
    horizon: Duration = DAY_S
    season: Duration = 7 * DAY_S
    time_zone: TimeZone | None = None

    @field_validator("horizon", "season")
    @classmethod
    def _some_time(cls, value: float) -> float:
        if value < 1:
            raise ValueError('must be at least "1s"')
        return value

    def section(self) -> ForecastSettings:
        """Return the frozen section."""
        return ForecastSettings(self.series, self.horizon, self.season, self.time_zone or "")
