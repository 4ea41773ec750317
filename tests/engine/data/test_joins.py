"""Joins as of a row's time: never what came later, whatever the tables hold; a naive join is found out."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data import joins
from engine.data.gathering import gather
from engine.data.joins import join_as_of
from engine.settings.data import DataSettings, JoinSettings
from store.errors import Refused

ZERO = dt.datetime(2026, 1, 1)
WEATHER = JoinSettings("weather", "weather.csv", "seen", on=("place",))
NAIVE = "event.at >= known.known_at - 3600000000"  # as a join by the hour would have it


def at(seconds):
    return ZERO + dt.timedelta(seconds=seconds)


def events_of(rows):
    return pa.table(
        {
            "at": pa.array([at(second) for second, _ in rows], pa.timestamp("us")),
            "place": pa.array([place for _, place in rows], pa.string()),
        }
    )


def knowns_of(rows):
    return pa.table(
        {
            "seen": pa.array([at(second) for second, _, _ in rows], pa.timestamp("us")),
            "place": pa.array([place for _, place, _ in rows], pa.string()),
            "temp": pa.array([value for _, _, value in rows], pa.int64()),
            "seen_at": pa.array([at(second) for second, _, _ in rows], pa.timestamp("us")),  # to be looked at
        }
    )


def newer_than_event(joined, delay_s=0.0):
    """Count the rows whose joined value was not yet known at their time."""
    delay = dt.timedelta(seconds=delay_s)
    return sum(row["seen_at"] is not None and row["seen_at"] + delay > row["at"] for row in joined.to_pylist())


places = st.sampled_from(["a", "b", "c"])
seconds = st.integers(0, 7200)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(seconds, places), min_size=1, max_size=30),
    st.lists(st.tuples(seconds, places, st.integers(0, 9)), min_size=1, max_size=30),
    st.sampled_from([0.0, 90.0]),
    st.sampled_from([None, 600.0]),
)
def test_no_value_is_newer_than_its_row(events, knowns, delay_s, max_age_s):
    join = JoinSettings("weather", "w.csv", "seen", on=("place",), delay_s=delay_s, max_age_s=max_age_s)
    joined = join_as_of(events_of(events), knowns_of(knowns), join, "at", "UTC")
    assert newer_than_event(joined, delay_s) == 0
    for row, (second, place) in zip(joined.to_pylist(), events, strict=True):
        known = [one for one in knowns if one[1] == place and one[0] + delay_s <= second]
        newest = max((one[0] for one in known), default=None)
        if newest is None or (max_age_s is not None and second - newest > max_age_s):
            assert row["temp"] is None
        else:
            assert row["seen_at"] == at(newest)
            assert row["temp"] == max(one[2] for one in known if one[0] == newest)


def test_a_naive_join_is_found_out(monkeypatch):
    """The check above looks: by the hour, as such tables are often joined, rows get what came after them."""
    events = events_of([(60 * minute, "a") for minute in range(0, 180, 7)])
    knowns = knowns_of([(3600 * hour, "a", hour) for hour in range(4)])
    assert newer_than_event(join_as_of(events, knowns, WEATHER, "at", "UTC")) == 0
    monkeypatch.setattr(joins, "KNOWN", NAIVE)
    assert newer_than_event(join_as_of(events, knowns, WEATHER, "at", "UTC")) > 0


def test_times_with_and_without_offset_meet_in_the_zone_of_the_deck():
    events = pa.table({"at": pa.array([dt.datetime(2026, 7, 1, 12)], pa.timestamp("us")), "place": ["a"]})
    seen = [dt.datetime(2026, 7, 1, hour, tzinfo=dt.UTC) for hour in (9, 10, 11)]  # noon in Madrid is ten in UTC
    knowns = pa.table({"seen": pa.array(seen, pa.timestamp("us", "UTC")), "place": ["a"] * 3, "temp": [9, 10, 11]})
    assert join_as_of(events, knowns, WEATHER, "at", "Europe/Madrid").column("temp").to_pylist() == [10]
    assert join_as_of(events, knowns, WEATHER, "at", "UTC").column("temp").to_pylist() == [11]


def test_columns_are_taken_as_the_join_says():
    events, knowns = events_of([(10, "a")]), knowns_of([(5, "a", 3)])
    join = JoinSettings("weather", "w.csv", "seen", on=("place",), columns=("temp",), prefix="weather_")
    joined = join_as_of(events, knowns, join, "at", "UTC")
    assert joined.column_names == ["at", "place", "weather_temp"]
    assert joined.schema.field("weather_temp").type == pa.int64()


def test_join_without_equal_columns_takes_the_newest_of_all():
    join = JoinSettings("rates", "r.csv", "seen", columns=("temp",))
    joined = join_as_of(events_of([(10, "a"), (4, "b")]), knowns_of([(5, "x", 3), (1, "y", 2)]), join, "at", "UTC")
    assert joined.column("temp").to_pylist() == [3, 2]


@pytest.mark.parametrize(
    ("join", "told"),
    [
        ({"time_column": "sen"}, "column 'sen' is not in weather.csv: did you mean 'seen'"),
        ({"on": ("plaec",)}, "column 'plaec' is not in weather.csv: did you mean 'place'"),
        ({"columns": ("wind",)}, r"column 'wind' is not in weather\.csv"),
        ({"columns": ("place",)}, r"gives a column 'place' that is there already: give \[joins\.weather\] a prefix"),
        ({"on": ("temp",)}, r"column 'temp' is not in \[data\] source"),
    ],
)
def test_join_that_does_not_fit_is_refused(join, told, says):
    join = JoinSettings(**{"name": "weather", "source": "weather.csv", "time_column": "seen", **join})
    with pytest.raises(Refused, check=says(told)):
        join_as_of(events_of([(10, "a")]), knowns_of([(5, "a", 3)]), join, "at", "UTC")


def test_keys_of_two_types_are_refused(says):
    knowns = knowns_of([(5, "a", 3)]).set_column(1, "place", pa.array([1]))
    with pytest.raises(Refused, check=says("join weather: column 'place' is string here and long there")):
        join_as_of(events_of([(10, "a")]), knowns, WEATHER, "at", "UTC")


def test_model_reads_its_rows_joined(write, deck):
    write("flights.csv", "at,place,y\n2026-01-01T10:30:00,a,1\n2026-01-01T11:00:00,a,2\n2026-01-01T09:00:00,a,3\n")
    write("weather.csv", "seen,place,temp\n2026-01-01T10:00:00,a,5\n2026-01-01T11:00:00,a,7\n")
    data = DataSettings("flights.csv", "y", "at", joins=(WEATHER,))
    rows = gather(data, deck.workspace.root, deck.workspace, "UTC").to_pylist()
    assert [(row["y"], row["temp"]) for row in rows] == [(3, None), (1, 5), (2, 7)]


def test_snapshot_says_what_was_joined_to_what(write, take):
    write("flights.csv", "at,place,y\n2026-01-01T10:30:00,a,1\n")
    write("weather.csv", "seen,place,temp\n2026-01-01T10:00:00,a,5\n")
    taken = take("flights.csv", time_column="at", joins=(WEATHER,))
    assert taken.origin == "flights.csv + weather.csv"
    assert [column["name"] for column in taken.columns] == ["at", "place", "y", "temp"]
