"""SQLite as a source: opened for reading only, its loose types told apart."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from engine.data.sources import Since
from store.errors import Refused, WorkFailed
from store.rows import microseconds

STAYS = "SELECT at, room, price FROM stays"


@pytest.fixture
def stays(deck):
    place = deck.workspace.root / "stays.db"
    with closing(sqlite3.connect(place)) as connection:
        connection.execute("CREATE TABLE stays (at TEXT, room TEXT, price)")
        rows = [(f"2026-01-{day:02d}T12:00:00", "ab"[day % 2], day if day % 2 else day + 0.5) for day in range(1, 11)]
        connection.executemany("INSERT INTO stays VALUES (?, ?, ?)", [*rows, ("2026-01-11T12:00:00", None, None)])
        connection.execute("CREATE TABLE mixed AS SELECT 1 AS x UNION ALL SELECT 'one'")
        connection.commit()
    return place


@pytest.mark.parametrize("source", ["sqlite:stays.db", "sqlite://{}", "sqlite:{}"])
def test_rows_of_a_query_are_read(stays, read, source):
    table = read(source.format(stays), query=STAYS + ";")
    assert table.num_rows == 11
    assert table.slice(0, 2).to_pylist() == [
        {"at": "2026-01-01T12:00:00", "room": "b", "price": 1.0},
        {"at": "2026-01-02T12:00:00", "room": "a", "price": 2.5},
    ]
    assert table.column("price").null_count == 1


def test_only_newer_rows_are_read_since_a_time(stays, read):
    table = read("sqlite:stays.db", query=STAYS, since=Since("at", microseconds("2026-01-10T00:00:00Z")))
    assert table.column("at").to_pylist()[0] == "2026-01-08T12:00:00"


def test_file_that_is_only_read_stays_as_it_was(stays, read, says):
    before = stays.read_bytes()
    with pytest.raises(Refused, check=says("cannot be read: attempt to write a readonly database")):
        read("sqlite:stays.db", query="DELETE FROM stays RETURNING *")
    assert stays.read_bytes() == before


@pytest.mark.parametrize(
    ("source", "query", "kind", "told"),
    [
        ("sqlite:absent.db", STAYS, Refused, r"source sqlite:absent\.db does not exist: expected .*/absent\.db"),
        ("sqlite:stays.db", "SELECT prise FROM stays", Refused, "cannot be read: no such column: prise"),
        ("sqlite:rows.csv", STAYS, Refused, "cannot be read: file is not a database"),
        (
            "sqlite:stays.db",
            "SELECT x FROM mixed",
            WorkFailed,
            "mixed types: 'x' holds int and str: cast it in the query",
        ),
        ("sqlite:stays.db", "SELECT at, at FROM stays", Refused, "gives two columns named 'at'"),
    ],
)
def test_query_that_cannot_be_answered_is_told(stays, write, read, says, source, query, kind, told):
    write("rows.csv", "x,y\n1,2\n" * 400)
    with pytest.raises(kind, check=says(told)):
        read(source, query=query)
