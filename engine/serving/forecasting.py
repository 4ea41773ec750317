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

from engine.serving.lags import DAY_US, NAMES, SeriesValues, clock_times, rows_by_name, series_names


class SeriesHistory(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Lags and levels of the target by series, from a frame with the series' columns and a time column.

    `season_us` and `horizon_us` are microseconds. Fitted state is one array of values per series on the grid of the
    commonest step. Null where nothing is known. With `clock`, a time zone, that grid is what clocks there show, and
    times are of the zone `times_in`: the same hour of the week is the same hour after clocks were changed.
    """

    clock = ""  # of versions from before there was a choice
    times_in = "UTC"

    def __init__(
        self,
        time: str,
        series: tuple[str, ...] = (),
        season_us: int = 7 * DAY_US,
        horizon_us: int = DAY_US,
        clock: str = "",
        times_in: str = "UTC",
    ) -> None:
        self.time = time
        self.clock = clock
        self.times_in = times_in
        self.series = series
        self.season_us = season_us
        self.horizon_us = horizon_us

    def fit(self, frame: pd.DataFrame, target: Any) -> SeriesHistory:
        """Learn the values of every series."""
        times = self._shown(frame)
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
        for name, rows in rows_by_name(self._names(frame)).items():
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
        from_us = int(clock_times(np.array([from_us]), self.times_in, self.clock)[0])
        kept = max(0, -(-(from_us - self.start_us_) // self.step_us_))
        self.values_ = [values[:kept] if kept else np.full(1, np.nan) for values in self.values_]
        return self

    def fit_transform(self, frame: pd.DataFrame, target: Any = None, **_more: Any) -> Any:
        """Learn, and return the features of each row as of a moment drawn within the horizon before it."""
        known = self.fit(frame, target).known()
        distances = np.random.default_rng(7).integers(1, known.horizon + 1, len(frame))
        times = self._shown(frame)
        slots = known.slots(times)
        return known.features(times, self._names(frame), slots, slots - distances)

    def transform(self, frame: pd.DataFrame) -> Any:
        """Return (rows, 11) float64."""
        known, times, names = self.known(), self._shown(frame), self._names(frame)
        slots = known.slots(times)
        return known.features(times, names, slots, known.newest(names, slots))

    def known(self) -> SeriesValues:
        """Return what the past is known by, without a frame."""
        values = dict(zip(self.names_, self.values_, strict=True))
        spans = (self.start_us_, self.step_us_, self.season_us, self.horizon_us)
        return SeriesValues(*spans, values, self.clock, self.times_in)

    def get_feature_names_out(self, _names: Any = None) -> Any:
        """Return the names of the features."""
        return np.array(NAMES, dtype=object)

    def _names(self, frame: pd.DataFrame) -> list[str]:
        return series_names([frame[name].tolist() for name in self.series], len(frame))

    def _shown(self, frame: pd.DataFrame) -> Any:
        return clock_times(_micros(frame[self.time]), self.times_in, self.clock)

    def _slots(self, frame: pd.DataFrame) -> Any:
        return (self._shown(frame) - self.start_us_) // self.step_us_


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
    for rows in rows_by_name(names).values():
        apart = np.diff(np.unique(times[rows]))
        steps.append(apart)
    every = np.concatenate(steps) if steps else np.zeros(0, dtype=np.int64)
    if not len(every):
        return DAY_US
    found, counts = np.unique(every, return_counts=True)
    return int(found[counts.argmax()])
