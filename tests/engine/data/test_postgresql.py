"""PostgreSQL as a source, against a real server: types, reading only, what is newer, a password never told."""

from __future__ import annotations

import os

import pyarrow as pa
import pytest

from engine.data.sources import Since
from store.errors import Refused
from store.rows import microseconds
from tests import postgresql

STAYS = "SELECT * FROM stays"
SETUP = """
CREATE SEQUENCE counter;
CREATE TABLE stays (at timestamptz, day date, room text, id uuid, price numeric, nights int, kept bool, "50% off" real);
INSERT INTO stays SELECT timestamptz '2026-01-01 12:00+00' + g * interval '1 day', date '2026-01-01' + g,
  CASE WHEN g % 3 = 0 THEN NULL ELSE 'room ' || g % 2 END, gen_random_uuid(), g + 0.25, g % 5, g % 2 = 0, 0.5
  FROM generate_series(0, 29) g;
"""


@pytest.fixture(scope="session")
def server():
    programs = postgresql.programs()
    if programs is None:
        if os.environ.get("MODELDECK_TEST_POSTGRESQL") == "required":
            pytest.fail("no PostgreSQL server is installed: apt-get install postgresql")
        pytest.skip("no PostgreSQL server is installed: apt-get install postgresql")
    with postgresql.running(programs) as there:
        there.run(SETUP)
        yield there


@pytest.fixture
def ask(server, read, monkeypatch):
    monkeypatch.setenv("STAYS_PASSWORD", postgresql.PASSWORD)

    def answer(query=STAYS, source=server.source, **more):
        return read(source, query=query, **{"secret": "env:STAYS_PASSWORD", **more})

    return answer


def test_columns_come_with_their_types(ask):
    table = ask()
    assert table.num_rows == 30
    assert dict(zip(table.column_names, table.schema.types, strict=True)) == {
        "at": pa.timestamp("us", "UTC"),
        "day": pa.timestamp("us"),
        "room": pa.string(),
        "id": pa.string(),
        "price": pa.float64(),
        "nights": pa.int64(),
        "kept": pa.bool_(),
        "50% off": pa.float64(),
    }
    assert table.column("price").to_pylist()[:2] == [0.25, 1.25]
    assert table.column("room").null_count == 10


@pytest.mark.parametrize("column", ["at", "day"])
def test_only_newer_rows_are_asked_for_since_a_time(ask, column):
    query = "SELECT * FROM stays WHERE room LIKE 'room%' OR room IS NULL ORDER BY at -- all"
    table = ask(query, since=Since(column, microseconds("2026-01-20T00:00:00Z")))
    assert table.column("day").to_pylist()[0].isoformat()[:10] == "2026-01-18"
    assert table.num_rows == 13


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("WITH gone AS (DELETE FROM stays RETURNING *) SELECT * FROM gone", "must not contain data-modifying"),
        ("SELECT nextval('counter')", "cannot execute nextval.* in a read-only transaction"),
        ("DELETE FROM stays", "syntax error"),
    ],
)
def test_database_is_only_read(ask, says, query, told):
    with pytest.raises(Refused, check=says(f"cannot be read: .*{told}")):
        ask(query)
    assert ask("SELECT count(*) AS n FROM stays").to_pylist() == [{"n": 30}]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"query": "SELECT prise FROM stays"}, 'cannot be read: column "prise" does not exist'),
        ({"query": "SELECT * FROM stais"}, 'relation "stais" does not exist'),
        ({"secret": "env:NOT_SET_ANYWHERE"}, "the environment variable NOT_SET_ANYWHERE is not set"),
        ({"secret": "env:WRONG_PASSWORD"}, "cannot be reached: .*authentication failed"),
        ({"source": "postgresql://reader@127.0.0.1:1/postgres"}, "cannot be reached: .*refused"),
    ],
)
def test_what_cannot_be_read_is_told_without_the_password(ask, monkeypatch, says, change, told):
    monkeypatch.setenv("WRONG_PASSWORD", "hunter3")
    with pytest.raises(Refused, check=says(told)) as refused:
        ask(**change)
    assert "hunter" not in refused.value.line()


def test_snapshot_is_of_its_rows_and_tells_no_password(server, take, monkeypatch):
    monkeypatch.setenv("STAYS_PASSWORD", postgresql.PASSWORD)
    told = {"query": "SELECT at, nights, price AS y FROM stays", "secret": "env:STAYS_PASSWORD", "time_column": "at"}
    taken = take(server.source, **told)
    assert (taken.rows, taken.origin) == (30, server.source)
    assert take(server.source, incremental=True, **told) == taken
