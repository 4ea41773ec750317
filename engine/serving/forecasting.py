"""What a forecast knows of the past: lags of each series as of a moment. Class paths and parameters are permanent.

A value is known for a row at time t if it is not later than the row's origin: in training a moment drawn at most the
horizon before t, in serving the end of the history, or the whole horizon before t where the history goes on beyond.
So no feature is ever newer than its row, and a model is fitted for every distance at which it will be asked.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin

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


class SeriesHistory(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Lags and levels of the target by series, from a frame with the series' columns and a time column.

    `season_us` and `horizon_us` are microseconds. Fitted state is one array of values per series on the grid of the
    commonest step. Null where nothing is known.
    """

    def __init__(self, time: str, series: tuple[str, ...] = (), season_us: int = 7 * DAY_US, horizon_us: int = DAY_US):
        self.time = time
        self.series = series
        self.season_us = season_us
        self.horizon_us = horizon_us

    def fit(self, frame: pd.DataFrame, target: Any) -> SeriesHistory:
        """Learn the values of every series."""
        times = _micros(frame[self.time])
        self.step_us_ = _step(times, self._names(frame))
        self.start_us_ = int(times.min())
        self.names_: list[str] = []
        self.values_: list[Any] = []
        self.extend(frame, target)
        return self

    def extend(self, frame: pd.DataFrame, target: Any) -> SeriesHistory:
        """Remember values of later rows too. What was learned from values, as by an estimator behind, stays."""
        slots = self._slots(frame)
        known = dict(zip(self.names_, self.values_, strict=True))
        for name, rows in _rows_by_name(self._names(frame)).items():
            mine = slots[rows]
            before = known.get(name, np.zeros(0))
            grown = np.full(max(int(mine.max()) + 1, len(before)), np.nan)
            grown[: len(before)] = before
            grown[mine[mine >= 0]] = np.asarray(target, dtype=np.float64)[rows][mine >= 0]
            known[name] = grown
        self.names_, self.values_ = sorted(known), [known[name] for name in sorted(known)]
        return self

    def forget(self, from_us: int) -> SeriesHistory:
        """Know no value of a time or later (microseconds), so that what is asked then is asked as of before it."""
        kept = max(0, -(-(from_us - self.start_us_) // self.step_us_))
        self.values_ = [values[:kept] if kept else np.full(1, np.nan) for values in self.values_]
        return self

    def fit_transform(self, frame: pd.DataFrame, target: Any = None, **_more: Any) -> Any:
        """Learn, and return the features of each row as of a moment drawn within the horizon before it."""
        self.fit(frame, target)
        most = max(1, self.horizon_us // self.step_us_)
        distances = np.random.default_rng(7).integers(1, most + 1, len(frame))
        slots = self._slots(frame)
        return self._features(frame, slots, slots - distances)

    def transform(self, frame: pd.DataFrame) -> Any:
        """Return (rows, 11) float64."""
        slots = self._slots(frame)
        most = max(1, self.horizon_us // self.step_us_)
        ends = {name: len(values) - 1 for name, values in zip(self.names_, self.values_, strict=True)}
        last = np.array([ends.get(name, -1) for name in self._names(frame)], dtype=np.int64)
        return self._features(frame, slots, np.where(slots > last, last, slots - most))

    def get_feature_names_out(self, _names: Any = None) -> Any:
        """Return the names of the features."""
        return np.array(NAMES, dtype=object)

    def _names(self, frame: pd.DataFrame) -> list[str]:
        if not self.series:
            return [""] * len(frame)
        columns = [frame[name].tolist() for name in self.series]
        return ["\x1f".join(map(str, values)) for values in zip(*columns, strict=True)]

    def _slots(self, frame: pd.DataFrame) -> Any:
        return (_micros(frame[self.time]) - self.start_us_) // self.step_us_

    def _features(self, frame: pd.DataFrame, slots: Any, origins: Any) -> Any:
        made = np.full((len(frame), len(NAMES)), np.nan)
        known = dict(zip(self.names_, self.values_, strict=True))
        for name, rows in _rows_by_name(self._names(frame)).items():
            values = known.get(name)
            if values is not None:
                made[rows, :8] = self._lags(values, slots[rows], origins[rows])
        most = max(1, self.horizon_us // self.step_us_)
        made[:, 8] = np.clip(slots - origins, 1, most)
        times = _micros(frame[self.time])
        made[:, 9] = (times % DAY_US) / 3_600_000_000
        made[:, 10] = (times // DAY_US + 3) % 7  # 1 January 1970 was a Thursday, Monday is 0
        return made

    def _lags(self, values: Any, slots: Any, origins: Any) -> Any:
        season = max(1, self.season_us // self.step_us_)
        day = max(1, DAY_US // self.step_us_)
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


def histories(model: Any) -> list[SeriesHistory]:
    """Return the histories that a fitted pipeline knows of the past by; a model that is no forecast has none."""
    steps = getattr(model, "steps", None) or [("", None)]
    transformers = [one[1] for one in getattr(steps[0][1], "transformers_", ())]
    inner = [one.steps[0][1] if hasattr(one, "steps") else one for one in transformers]
    return [one for one in inner if isinstance(one, SeriesHistory)]


class SeasonalNaive(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """The value of the last known season, else the mean: the baseline of every forecast.

    Source: Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 3rd edition, section 5.2.
    """

    def fit(self, table: Any, target: Any) -> SeasonalNaive:
        """Learn the mean."""
        self.mean_ = float(np.mean(target)) if len(target) else 0.0
        self.width_ = int(np.shape(table)[1])
        return self

    def predict(self, table: Any) -> Any:
        """Return the first column of a history, the mean where it is null."""
        last = np.asarray(table, dtype=np.float64)[:, 0]
        return np.where(np.isfinite(last), last, self.mean_)


class SeasonalChange(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """The last known season and what another estimator says will be different; `estimator` learns the difference.

    Where nothing changes it answers as the season did, to the last digit, which trees over values do not.
    """

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, table: Any, target: Any) -> SeasonalChange:
        """Learn mean and differences."""
        from sklearn.base import clone

        table = np.asarray(table, dtype=np.float64)
        self.usual_ = SeasonalNaive().fit(table, target)
        self.known_ = np.isfinite(table).any(axis=0)  # of a short history some lags are never known
        self.change_ = clone(self.estimator).fit(table[:, self.known_], target - self.usual_.predict(table))
        return self

    def predict(self, table: Any) -> Any:
        """Return the season plus the change."""
        table = np.asarray(table, dtype=np.float64)
        return self.usual_.predict(table) + self.change_.predict(table[:, self.known_])


def _micros(series: pd.Series) -> Any:
    return series.to_numpy(dtype="datetime64[us]").astype(np.int64)


def _step(times: Any, names: list[str]) -> int:
    """Return the commonest distance between neighbours of one series, in microseconds; a day where there is none."""
    steps: list[Any] = []
    for rows in _rows_by_name(names).values():
        apart = np.diff(np.unique(times[rows]))
        steps.append(apart)
    every = np.concatenate(steps) if steps else np.zeros(0, dtype=np.int64)
    if not len(every):
        return DAY_US
    found, counts = np.unique(every, return_counts=True)
    return int(found[counts.argmax()])


def _rows_by_name(names: list[str]) -> dict[str, Any]:
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
