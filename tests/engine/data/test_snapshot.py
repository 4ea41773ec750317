"""Snapshots: the same rows are the same snapshot, and rows that cannot be kept are refused by name."""

from __future__ import annotations

import datetime as dt
import decimal
import random

import pyarrow as pa
import pytest

from engine.data.canonical import canonical, parquet_bytes
from engine.data.snapshot import ingest
from engine.model_io.rows import read_snapshot
from engine.settings.model import DataSettings, ModelSettings
from store import events, snapshots
from store import settings as applied
from store.errors import Refused, WorkFailed
from store.rows import microseconds

LINES = [f"2026-01-{day:02d},{day % 3},{'ab'[day % 2]},{day / 2}" for day in range(1, 21)]
HEAD = "at,x,segment,y\n"


def csv(lines):
    return HEAD + "\n".join(lines) + "\n"


def test_rows_in_another_order_are_the_same_snapshot(write, take, deck):
    write("rows.csv", csv(LINES))
    first = take("rows.csv", time_column="at")
    write("rows.csv", csv(random.Random(3).sample(LINES, len(LINES))))
    assert take("rows.csv", time_column="at") == first
    taken = [event for event in events.events(deck.database) if event.action == "snapshot.taken"]
    assert [event.subject_id for event in taken] == [first.id]


def test_rows_of_another_kind_of_source_are_the_same_snapshot(write, take):
    place = write("rows.csv", csv(LINES))
    write("loading.py", f"import pandas as pd\ndef load():\n    return pd.read_csv({str(place)!r})\n")
    ids = {
        take(source, time_column="at").id
        for source in ("rows.csv", "SELECT * FROM 'rows.csv' ORDER BY y DESC", "python:loading:load")
    }
    assert len(ids) == 1


def test_one_changed_value_is_another_snapshot(write, take, deck):
    write("rows.csv", csv(LINES))
    first = take("rows.csv", time_column="at")
    write("rows.csv", csv([*LINES[:-1], "2026-01-20,2,a,11"]))
    second = take("rows.csv", time_column="at")
    assert second.id != first.id
    assert {one.id for one in snapshots.snapshots(deck.database, "rates")} == {first.id, second.id}


def test_snapshot_says_what_it_holds(write, take, deck):
    write("rows.csv", csv([*LINES, "2026-02-01,,a,1"]))
    taken = take("rows.csv", time_column="at")
    assert (taken.model, taken.rows, taken.time_column, taken.origin) == ("rates", 21, "at", "rows.csv")
    assert (taken.from_at, taken.to_at) == (microseconds("2026-01-01T00:00:00Z"), microseconds("2026-02-01T00:00:00Z"))
    columns = {column["name"]: column for column in taken.columns}
    assert columns["x"] == {
        "name": "x",
        "type": "long",
        "nulls": 1,
        "distinct": 3,
        "min": 0,
        "max": 2,
        "mean": 1.05,
        "quantiles": [0.0, 0.0, 1.0, 2.0, 2.0],
    }
    told = {"name": "segment", "type": "string", "nulls": 0, "distinct": 2, "top": [["a", 11], ["b", 10]]}
    assert columns["segment"] == told
    assert deck.artifacts.path(taken.id).stat().st_size == taken.size_bytes


def test_snapshot_reads_back_in_time_order(write, take, deck):
    write("rows.csv", csv(reversed(LINES)))
    rows = read_snapshot(deck, take("rows.csv", time_column="at").id)
    assert rows.column("y").to_pylist() == [day / 2 for day in range(1, 21)]


def test_figures_of_a_personal_column_are_left_out(write, take):
    write("rows.csv", csv(LINES))
    columns = {column["name"]: column for column in take("rows.csv", personal=("x",)).columns}
    assert columns["x"] == {"name": "x", "type": "long", "nulls": 0, "distinct": 3}


def test_features_named_leave_the_others_out(write, take, deck):
    write("rows.csv", csv(LINES))
    taken = take("rows.csv", time_column="at", features=("x",))
    assert read_snapshot(deck, taken.id).column_names == ["at", "x", "y"]


def test_snapshot_and_code_are_blobs_on_record(write, take, deck):
    write("rows.csv", csv(LINES))
    taken = take("rows.csv")
    kinds = {row["kind"]: row["hash"] for row in deck.database.rows("SELECT hash, kind FROM blob")}
    assert set(kinds) == {"snapshot", "bundle"}
    assert kinds["snapshot"] == taken.id


def test_until_keeps_the_rows_before_it(write, take):
    write("rows.csv", csv(LINES))
    taken = take("rows.csv", time_column="at", until_us=microseconds("2026-01-11T00:00:00Z"))
    assert (taken.rows, taken.to_at) == (10, microseconds("2026-01-10T00:00:00Z"))


def test_until_before_every_row_says_when_they_begin(write, take, says):
    write("rows.csv", csv(LINES))
    with pytest.raises(
        WorkFailed, check=says("no rows before 2025-12-31T00:00:00Z: its first is of 2026-01-01T00:00:00Z")
    ):
        take("rows.csv", time_column="at", until_us=microseconds("2025-12-31T00:00:00Z"))


def test_until_without_a_time_column_is_refused(write, take, says):
    write("rows.csv", csv(LINES))
    with pytest.raises(Refused, check=says(r"until a time: name \[data\] time_column")):
        take("rows.csv", until_us=microseconds("2026-01-11T00:00:00Z"))


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"target": "yy"}, "column 'yy' is not in rows.csv"),
        ({"target": "segmnt"}, "column 'segmnt' is not in rows.csv: did you mean 'segment'"),
        ({"time_column": "att"}, "column 'att' is not in rows.csv: did you mean 'at'"),
        ({"id_column": "identity"}, "column 'identity' is not in rows.csv: it has at, x, segment, y"),
        ({"features": ("x", "segments")}, "column 'segments' is not in rows.csv: did you mean 'segment'"),
        ({"time_column": "x"}, r"the time column holds int64, not times: name another \[data\] time_column"),
        ({"time_column": "segment"}, "the time column 'segment' holds text that is no time: write 2026-01-31"),
    ],
)
def test_column_that_does_not_fit_is_refused_and_nothing_is_kept(write, take, deck, data, told, says):
    write("rows.csv", csv(LINES))
    with pytest.raises(Refused, check=says(told)):
        take("rows.csv", **data)
    assert snapshots.snapshots(deck.database, "rates") == []


def test_time_that_is_missing_is_refused(write, take, says):
    write("rows.csv", csv([*LINES, ",1,a,2"]))
    with pytest.raises(Refused, check=says("the time column holds 1 nulls: fill or leave out those rows")):
        take("rows.csv", time_column="at")


@pytest.mark.parametrize("content", ["", HEAD, "x\n"])
def test_source_without_rows_fails_the_work(write, take, content, says):
    write("rows.csv", content)
    with pytest.raises(WorkFailed, check=says(r"source rows\.csv gave no rows")):
        take("rows.csv", time_column="at")


def test_time_without_offset_is_in_the_zone_of_the_deck(deck, write, settings_body):
    body = {**settings_body("rates"), "time_zone": "Europe/Madrid"}
    with deck.database.write() as tx:
        revision = applied.apply(tx, body, "user:anna", "moved")[0].revision
    write("rows.csv", "at,y\n2026-07-01T12:00:00,1\n2026-01-01T12:00:00,2\n")
    settings = ModelSettings("rates", "regression", DataSettings("rows.csv", "y", "at"))
    taken = ingest(deck, settings, revision, actor="user:anna")
    assert taken.from_at == microseconds("2026-01-01T11:00:00Z")
    assert taken.to_at == microseconds("2026-07-01T10:00:00Z")


def test_numbers_that_are_not_finite_become_null():
    made = canonical(pa.table({"x": [1.5, float("nan"), float("inf"), -float("inf"), None]}), None)
    assert sorted(made.column("x").to_pylist(), key=str) == [1.5, None, None, None, None]


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pa.array([1, 2], pa.int8()), pa.int64()),
        (pa.array([1, 2], pa.uint64()), pa.int64()),
        (pa.array([1, 2], pa.float32()), pa.float64()),
        (pa.array([decimal.Decimal("1.5")]), pa.float64()),
        (pa.array([True]), pa.bool_()),
        (pa.array(["a"]).dictionary_encode(), pa.string()),
        (pa.array(["a"], pa.large_string()), pa.string()),
        (pa.array(["a"], pa.string_view()), pa.string()),
        (pa.array([None]), pa.string()),
        (pa.array([dt.date(2026, 1, 1)]), pa.timestamp("us")),
        (pa.array([dt.datetime(2026, 1, 1)], pa.timestamp("ns")), pa.timestamp("us")),
        (pa.array([0], pa.timestamp("s", "Europe/Madrid")), pa.timestamp("us", "UTC")),
    ],
)
def test_column_takes_its_plain_form(column, kind):
    assert canonical(pa.table({"x": column}), None).column("x").type == kind


@pytest.mark.parametrize(
    ("column", "told"),
    [
        (pa.array([b"a"]), "column 'x' holds binary: give numbers, text, true/false or times"),
        (pa.array([[1]]), "column 'x' holds list<"),
        (pa.array([{"a": 1}]), "column 'x' holds struct<"),
        (pa.array([2**63], pa.uint64()), "column 'x' holds whole numbers beyond 64 bits"),
    ],
)
def test_column_without_a_plain_form_is_refused(column, told, says):
    with pytest.raises(Refused, check=says(told)):
        canonical(pa.table({"x": column}), None)


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["2026-01-02", "2026-01-01T10:00:00"], pa.timestamp("us")),
        (["2026-01-02T00:00:00Z", "2026-01-01T10:00:00Z"], pa.timestamp("us", "UTC")),
        (["2026-01-02T01:00:00+02:00", "2026-01-01T12:00:00+02:00"], pa.timestamp("us", "UTC")),
    ],
)
def test_times_written_as_text_are_parsed_and_ordered(texts, kind):
    made = canonical(pa.table({"at": texts}), "at").column("at")
    assert made.type == kind
    assert made.to_pylist() == sorted(made.to_pylist())


def test_times_with_and_without_offset_are_not_mixed(says):
    with pytest.raises(Refused, check=says("the time column 'at' holds text that is no time")):
        canonical(pa.table({"at": ["2026-01-02T00:00:00Z", "2026-01-01T10:00:00"]}), "at")


def test_bytes_depend_on_rows_alone():
    table = pa.table({"x": [1, 2, 3]})
    pieces = pa.concat_tables([table.slice(0, 1), table.slice(1)]).replace_schema_metadata({"made": "today"})
    assert parquet_bytes(canonical(pieces, None)) == parquet_bytes(canonical(table, None))
