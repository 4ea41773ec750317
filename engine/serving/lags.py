"""What is known of a series at a moment: seasons back, levels and distance, from arrays of values by time slot.

Plain numpy, because a server answers with it whether or not the rest of the model's library is there. A value counts
for a row only if it is not later than the row's origin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

DAY_US = 86_400_000_000
SEASONS = 4  # the mean over the last so many seasons
NAMES = (
    "last_season",
    "season_before",
    "season_change",
    "mean_change",
    "last_day",
    "day_before",
    "level_season",
    "level_day",
    "distance",
    "time_of_day",
    "weekday",
)
_QUARTER_S = 900  # zones of the last fifty years change their offset at whole quarters of an hour
_ZONED = (-2_208_988_800 // _QUARTER_S, 7_258_118_400 // _QUARTER_S)  # 1900 to 2200; beyond, as at that end
_JOINED = "\x1f"  # between the parts of a series' name


@dataclass(frozen=True, slots=True)
class SeriesValues:
    """The values of every series, by slots of `step_us` microseconds from `start_us` on; null where none is known.

    Times are what the clocks of `clock` show, a zone, if one is told: the pattern of people's days moves with them.
    Times that come in are of the zone `times_in`.
    """

    start_us: int
    step_us: int
    season_us: int
    horizon_us: int
    values: Mapping[str, Any] = field(repr=False)
    clock: str = ""
    times_in: str = "UTC"

    @property
    def horizon(self) -> int:
        """Return the slots of the horizon, at least one."""
        return max(1, self.horizon_us // self.step_us)

    def shown(self, times: Any) -> Any:
        """Return what the clock shows at times as they come in (int64 microseconds)."""
        return clock_times(times, self.times_in, self.clock)

    def slots(self, times: Any) -> Any:
        """Return the slot of each time that the clock shows (int64 microseconds)."""
        return (times - self.start_us) // self.step_us

    def newest(self, names: Sequence[str], slots: Any) -> Any:
        """Return the slot as of which each row is asked: the end of its series, or the whole horizon before the row."""
        ends = {name: len(values) - 1 for name, values in self.values.items()}
        last = np.array([ends.get(name, -1) for name in names], dtype=np.int64)
        return np.where(slots > last, last, slots - self.horizon)

    def features(self, times: Any, names: Sequence[str], slots: Any, origins: Any) -> Any:
        """Return (rows, 11) float64 in the order of NAMES."""
        made = np.full((len(names), len(NAMES)), np.nan)
        for name, rows in rows_by_name(names).items():
            values = self.values.get(name)
            if values is not None:
                made[rows, :8] = self._lags(values, slots[rows], origins[rows])
        made[:, 8] = np.clip(slots - origins, 1, self.horizon)
        made[:, 9] = (times % DAY_US) / 3_600_000_000
        made[:, 10] = (times // DAY_US + 3) % 7  # 1 January 1970 was a Thursday, Monday is 0
        return made

    def _lags(self, values: Any, slots: Any, origins: Any) -> Any:
        season = max(1, self.season_us // self.step_us)
        day = max(1, DAY_US // self.step_us)
        newest = slots - -(-(slots - origins) // season) * season  # the same phase, not later than the origin
        newest_day = slots - -(-(slots - origins) // day) * day
        seasons = np.stack([_at(values, newest - back * season, origins) for back in range(SEASONS)])
        counted = np.isfinite(seasons)
        sums = np.where(counted, seasons, 0.0).sum(axis=0)
        mean = np.divide(sums, counted.sum(axis=0), out=np.full(len(slots), np.nan), where=counted.any(axis=0))
        return np.column_stack(
            [
                seasons[0],
                seasons[1],
                seasons[1] - seasons[0],
                mean - seasons[0],
                _at(values, newest_day, origins),
                _at(values, newest_day - day, origins),
                _level(values, origins, season),
                _level(values, origins, day),
            ]
        )


def clock_times(times: Any, times_in: str, clock: str) -> Any:
    """Return what clocks in the zone `clock` show at times of the zone `times_in`, as int64 microseconds.

    Without a clock, or with the same, times stand as they are. Of an hour that clocks show twice, the first is meant.
    """
    if not clock or clock == times_in or not len(times):
        return times
    quarters, places = np.unique(np.clip(times // (_QUARTER_S * 1_000_000), *_ZONED), return_inverse=True)
    source, target = ZoneInfo(times_in), ZoneInfo(clock)
    offsets = []
    for quarter in quarters.tolist():
        at = datetime.fromtimestamp(quarter * _QUARTER_S, UTC).replace(tzinfo=source)
        there, here = at.astimezone(target).utcoffset(), at.utcoffset()
        assert there is not None
        assert here is not None
        offsets.append(round((there - here).total_seconds() * 1e6))
    return times + np.array(offsets, dtype=np.int64)[places]


def series_names(columns: Sequence[Sequence[Any]], count: int) -> list[str]:
    """Return the name of each row's series; without columns there is one series, without a name."""
    if not columns:
        return [""] * count
    return [_JOINED.join(map(str, values)) for values in zip(*columns, strict=True)]


def rows_by_name(names: Sequence[str]) -> dict[str, Any]:
    """Return the places of each name's rows, by name."""
    if not names:
        return {}
    array = np.array(names, dtype=object)
    return {str(name): np.flatnonzero(array == name) for name in sorted(set(names))}


def _at(values: Any, slots: Any, origins: Any) -> Any:
    """Return values by slot; null before the first, after the last, and after the origin whatever was asked."""
    inside = (slots >= 0) & (slots < len(values)) & (slots <= origins)
    return np.where(inside, values[np.clip(slots, 0, len(values) - 1)], np.nan)


def _level(values: Any, origins: Any, span: int) -> Any:
    """Return the mean of what is known of the `span` slots up to each origin."""
    known = np.isfinite(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(known)])
    ends = np.clip(origins + 1, 0, len(values))
    begins = np.clip(origins + 1 - span, 0, len(values))
    of = counts[ends] - counts[begins]
    return np.divide(sums[ends] - sums[begins], of, out=np.full(len(origins), np.nan), where=of > 0)
