"""Rows of a snapshot to look at: which, from which files, and what of them is told."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from engine.data import sampling, snapshot
from engine.data.sampling import LONGEST, places, readable, sample_rows
from engine.model_io.segments import segments_of
from engine.settings.model import DataSettings, ModelSettings
from store.errors import CorruptArtifact, Refused, UnknownName

HOUR_US = 3_600_000_000
DATA = DataSettings("rows.csv", "x", time_column="at", personal=("guest", "gone"))


@pytest.fixture
def keep(deck, apply_settings_body):
    """Return a function that keeps a table as a snapshot of rates, whose column guest is personal."""
    revision = apply_settings_body("posts", rates={"data": DATA}).revision
    code = deck.artifacts.put_bytes(b"no code")

    def put(table: pa.Table):
        told = {"zone": "UTC", "code_hash": code, "actor": "user:anna", "fence": None}
        return snapshot.keep(deck, ModelSettings("rates", "regression", DATA), revision, table, None, **told)

    return put


def rows(count: int) -> pa.Table:
    """Hours, each with its number and a guest; every third has none."""
    hours = np.arange(count)
    guests = [None if hour % 3 == 0 else f"guest {hour}" for hour in range(count)]
    return pa.table({"at": pa.array(hours * HOUR_US, pa.timestamp("us")), "x": hours, "guest": guests})


def test_rows_are_spread_over_segments_masked_and_the_numbers_are_theirs(deck, keep):
    taken = keep(rows(60_000))
    assert len(segments_of(deck.artifacts, taken.id)) > 1
    told = sample_rows(deck, "rates", "", 30, first=False)
    assert (told["snapshot"], told["rows"], told["taken"]) == (taken.id, 60_000, "spread")
    assert (told["columns"], told["masked"]) == (["at", "x", "guest"], ["guest"])
    numbers = [one["number"] for one in told["sample"]]
    assert numbers == [place + 1 for place in places(60_000, 30, first=False)]
    assert [one["values"][1] for one in told["sample"]] == [number - 1 for number in numbers]
    assert {one["values"][2] for one in told["sample"]} == {None, "***"}
    assert "guest " not in json.dumps(told)


def test_the_first_rows_are_the_first_and_a_part_of_an_id_is_enough(deck, keep):
    taken = keep(rows(60_000))
    keep(rows(61_000))
    told = sample_rows(deck, "rates", taken.id[7:17], 3, first=True)
    assert (told["snapshot"], told["taken"]) == (taken.id, "first")
    assert [(one["number"], one["values"][1], one["values"][0]) for one in told["sample"]] == [
        (1, 0, "1970-01-01T00:00:00"),
        (2, 1, "1970-01-01T01:00:00"),
        (3, 2, "1970-01-01T02:00:00"),
    ]


def test_a_row_of_a_late_batch_of_one_file_is_read(deck, keep, monkeypatch):
    monkeypatch.setattr(sampling, "CELLS", 300)  # so that a file is many batches
    taken = keep(rows(3_000))
    assert segments_of(deck.artifacts, taken.id) == []
    told = sample_rows(deck, "rates", taken.id, 7, first=False)
    assert [one["values"][1] + 1 for one in told["sample"]] == [one["number"] for one in told["sample"]]
    assert told["sample"][-1]["number"] > 2_500


def test_what_is_not_there_or_another_models_is_refused_in_one_line(deck, keep):
    with pytest.raises(Refused, match="rates has no snapshot to look at"):
        sample_rows(deck, "rates", "", 5, first=False)
    taken = keep(rows(30))
    with pytest.raises(UnknownName, match="posts has no snapshot"):
        sample_rows(deck, "posts", taken.id, 5, first=False)
    with pytest.raises(UnknownName, match="no snapshot 'feed'"):
        sample_rows(deck, "rates", "feed", 5, first=False)


def test_damaged_bytes_are_not_shown(deck, keep):
    taken = keep(rows(3_000))
    place = deck.artifacts.path(taken.id)
    place.chmod(0o600)
    content = bytearray(place.read_bytes())
    content[200] ^= 1
    place.write_bytes(content)
    with pytest.raises(CorruptArtifact):
        sample_rows(deck, "rates", taken.id, 5, first=False)


def test_a_spread_takes_one_row_of_each_equal_part_and_the_same_ones_again():
    found = places(1003, 10, first=False)
    assert found == places(1003, 10, first=False)
    assert all(part * 1003 // 10 <= place < (part + 1) * 1003 // 10 for part, place in enumerate(found))
    assert len({after - before for before, after in pairwise(found)}) > 1  # no row of a fixed rhythm


@pytest.mark.parametrize(("rows", "limit"), [(0, 5), (3, 5), (5, 5), (9, 1)])
@pytest.mark.parametrize("first", [True, False])
def test_no_row_is_looked_at_twice_and_none_that_is_not_there(rows, limit, first):
    found = places(rows, limit, first=first)
    assert len(found) == min(rows, limit) == len(set(found))
    assert found == sorted(found)
    assert all(0 <= place < rows for place in found)
    assert not first or found == list(range(min(rows, limit)))


def test_what_json_cannot_say_is_told_as_text():
    moment = dt.datetime(2026, 1, 2, 3, tzinfo=dt.UTC)
    told = readable([moment, dt.date(2026, 1, 2), float("nan"), Decimal("1E+3"), b"\x00" * 9, {"looked_at": 5}])
    assert json.loads(json.dumps(told, allow_nan=False)) == [
        "2026-01-02T03:00:00+00:00",
        "2026-01-02",
        "nan",
        "1000",
        "9 bytes",
        '{"looked_at": 5}',
    ]
    assert readable("x" * 2000) == f"{'x' * LONGEST}… 2,000 characters"
    assert readable(list(range(2000)))[-1] == "… 2,000 in all"
