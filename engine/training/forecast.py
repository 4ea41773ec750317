"""What is forecast: which series, how far ahead, after how long the pattern comes again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from store.errors import Refused

if TYPE_CHECKING:
    from engine.serving.contract import Column
    from engine.settings.model import ModelSettings


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is forecast: the time column, the columns that tell series apart, season and horizon in microseconds.

    `clock` is the zone whose clocks the pattern follows, "" for times as they stand; those are of the zone `times_in`.
    """

    time: str
    series: tuple[str, ...]
    season_us: int
    horizon_us: int
    clock: str = ""
    times_in: str = "UTC"


def forecast_of(settings: ModelSettings, inputs: tuple[Column, ...], times_in: str) -> Forecast:
    """Return what the settings forecast; times in the model's table are of the zone `times_in`.

    Raises:
        Refused: the time or a series' column is no input.
    """
    time, told = settings.data.time_column, settings.forecast
    if time is None:
        raise Refused("a forecast needs times", "set [data] time_column")
    names = {column.name for column in inputs}
    for name in (time, *told.series):
        if name not in names:
            raise Refused(f"a forecast reads {name!r}, which is no input column", "name it in [data] features")
    spans = (round(told.season_s * 1e6), round(told.horizon_s * 1e6))
    return Forecast(time, told.series, *spans, told.time_zone, times_in)
