"""Incremental ingest: what was taken stays, what is newer comes, and a change of columns is told."""

from __future__ import annotations

import pytest

from engine.data.sources import Since
from engine.model_io.rows import read_snapshot
from store.errors import Refused
from store.rows import microseconds

HEAD = "at,x,y\n"
MORE = {"time_column": "at", "incremental": True}


def csv(days, value=1, head=HEAD):
    return head + "".join(f"2026-01-{day:02d},{day},{value}\n" for day in days)


@pytest.fixture
def days(deck):
    def of(snapshot):
        rows = read_snapshot(deck, snapshot.id).to_pylist()
        return [(row["at"].day, row["y"]) for row in rows]

    return of


def test_what_the_source_let_go_of_stays_and_what_is_newer_comes(write, take, days):
    write("rows.csv", csv(range(1, 6)))
    take("rows.csv", **MORE)
    write("rows.csv", csv(range(5, 9), value=2))
    taken = take("rows.csv", **MORE)
    assert days(taken) == [(1, 1), (2, 1), (3, 1), (4, 1), (5, 2), (6, 2), (7, 2), (8, 2)]
    write("rows.csv", csv([1], value=9))  # a source that was emptied of all but old rows
    assert take("rows.csv", **MORE) == taken


def test_lateness_reads_some_of_the_past_once_more(write, take, days):
    write("rows.csv", csv(range(1, 6)))
    take("rows.csv", **MORE)
    write("rows.csv", csv(range(1, 7), value=2))
    taken = take("rows.csv", lateness_s=2 * 86400.0, **MORE)
    assert days(taken) == [(1, 1), (2, 1), (3, 2), (4, 2), (5, 2), (6, 2)]


def test_whole_reads_everything_again(write, take, days, deck):
    write("rows.csv", csv(range(1, 6)))
    take("rows.csv", **MORE)
    write("rows.csv", csv(range(3, 6), value=2))
    assert days(take("rows.csv", whole=True, **MORE)) == [(3, 2), (4, 2), (5, 2)]


def test_rows_until_a_time_are_taken_of_both(write, take, days):
    write("rows.csv", csv(range(1, 6)))
    take("rows.csv", **MORE)
    write("rows.csv", csv(range(5, 10)))
    taken = take("rows.csv", until_us=microseconds("2026-01-07T00:00:00Z"), **MORE)
    assert [day for day, _ in days(taken)] == [1, 2, 3, 4, 5, 6]


def test_whole_numbers_become_decimals_where_they_must(write, take, days):
    write("rows.csv", csv(range(1, 3)))
    take("rows.csv", **MORE)
    write("rows.csv", csv(range(3, 5), value=2.5))
    assert days(take("rows.csv", **MORE)) == [(1, 1.0), (2, 1.0), (3, 2.5), (4, 2.5)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (csv(range(5, 9), head="at,z,y\n"), "column 'z' is not in the snapshot before"),
        (csv(range(5, 9), value="'many'"), "column 'y' held long so far and holds string now: .* --whole reads"),
        ("at,y\n2026-01-09,1\n", None),
    ],
)
def test_change_of_columns_is_told(write, take, days, text, told, says):
    write("rows.csv", csv(range(1, 6)))
    first = take("rows.csv", **MORE)
    write("rows.csv", text)
    if told is None:  # a column less that no setting names
        assert len(days(take("rows.csv", **MORE))) == first.rows + 1
        return
    with pytest.raises(Refused, check=says(told)):
        take("rows.csv", **MORE)


def test_function_is_told_since_when(write, take, deck):
    write(
        "loading.py",
        "import pathlib, pandas as pd\n"
        "def load(since=None):\n"
        f"    pathlib.Path({str(deck.workspace.root)!r}, 'asked').write_text(str(since))\n"
        "    days = pd.date_range('2026-01-01', periods=5)\n"
        "    return pd.DataFrame({'at': days, 'y': range(5)})\n",
    )
    asked = deck.workspace.root / "asked"
    take("python:loading:load", **MORE)
    assert asked.read_text() == "None"
    take("python:loading:load", **MORE)
    assert asked.read_text() == "2026-01-05 00:00:00+00:00"


def test_bound_is_before_the_time_in_any_zone():
    since = Since("at", microseconds("2026-01-10T00:00:00Z"))
    assert since.bound.isoformat() == "2026-01-08T00:00:00"
