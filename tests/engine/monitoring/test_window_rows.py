"""One pass counts what reading everything would: over files, segments not collected yet, and retried requests."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from engine.deck import Deck
from engine.measures import drift
from engine.monitoring.collect import collect
from engine.monitoring.layout import parts
from engine.monitoring.predictions import read_versions
from engine.monitoring.reference import Reference, reference_of
from engine.monitoring.window_rows import read_windows
from store import versions
from store.rows import microseconds

MIDNIGHT = microseconds("2026-02-01T00:00:00Z")
HOUR_US = 3_600_000_000
FIRST = MIDNIGHT // HOUR_US


@pytest.fixture
def reference(deck: Deck, serving: Any) -> Reference:
    """The reference of `rates` version 1."""
    return reference_of(deck, serving(), versions.version(deck.database, "rates", 1))


def assert_counted(deck: Deck, reference: Reference, hours: int, version: int = 1) -> None:
    """Compare each hour with what reading it whole and comparing its columns gives."""
    keys = [(version, FIRST + hour) for hour in range(hours)]
    found = read_windows(deck, "rates", "received", HOUR_US, dict.fromkeys(keys, reference))
    span = (MIDNIGHT, MIDNIGHT + hours * HOUR_US)
    whole = read_versions(deck, "rates", *span)[version]
    whole = whole.filter(pc.equal(whole["status"], 200))
    assert sum(len(one.rows) for one in found.values()) == len(whole)
    for key, one in found.items():
        times = one.rows["received_at"]
        start = key[1] * HOUR_US
        assert start <= pc.min(times).as_py() <= pc.max(times).as_py() < start + HOUR_US
        here = pc.and_(pc.greater_equal(whole["received_at"], start), pc.less(whole["received_at"], start + HOUR_US))
        rows = whole.filter(here)
        assert one.rows["prediction_id"].to_pylist() == rows["prediction_id"].to_pylist()
        assert not [name for name in one.rows.column_names if name.startswith("features.")]
        for name, profile in reference.profiles.items():
            assert drift.against(profile, one.tallies[name]) == profile.compare(rows[f"features.{name}"]), name


def test_collected_and_uncollected_rows_are_counted_once(deck: Deck, reference: Reference, traffic: Any, made: Any):
    traffic.send(made.rates_rows(500, 3), at=MIDNIGHT, every_s=20)
    collect(deck)
    traffic.send(made.rates_rows(200, 4, lead_time=60.0), at=MIDNIGHT + HOUR_US // 2, every_s=20)
    traffic.send(made.rates_rows(50, 5), at=MIDNIGHT, every_s=20, kind="golden")
    traffic.refuse(7, at=MIDNIGHT, status=500)
    assert_counted(deck, reference, 3)


def test_a_request_that_was_retried_counts_once(deck: Deck, reference: Reference, traffic: Any, made: Any):
    lines, _ = traffic.lines(made.rates_rows(100, 6), [{"value": 1.0}] * 100, at=MIDNIGHT)
    for replica in ("r1", "r2"):
        traffic.write(lines, folder=replica)
    keys = {(1, FIRST): reference}
    found = read_windows(deck, "rates", "received", HOUR_US, keys)[1, FIRST]
    assert len(found.rows) == found.tallies["guests"].counts.sum() == 100
    assert_counted(deck, reference, 1)


def test_files_of_another_shape_are_united(deck: Deck, reference: Reference, traffic: Any, made: Any):
    for number in range(3):
        traffic.send(made.rates_rows(100, number), at=MIDNIGHT + number * HOUR_US // 4, every_s=5)
        collect(deck)
    first, second, _ = parts(deck.workspace, "rates", None, None)[1]
    pq.write_table(pq.ParquetFile(first).read().drop_columns(["features.segment", "error"]), first)
    table = pq.ParquetFile(second).read()
    at = table.column_names.index("features.guests")
    pq.write_table(table.set_column(at, "features.guests", table["features.guests"].cast(pa.string())), second)
    found = read_windows(deck, "rates", "received", HOUR_US, {(1, FIRST): reference})[1, FIRST]
    assert len(found.rows) == 300
    assert found.tallies["segment"].counts.sum() == 200
    assert found.tallies["guests"].counts.sum() == 300


def test_windows_without_a_reference_have_rows_alone(deck: Deck, reference: Reference, traffic: Any, made: Any):
    traffic.send(made.rates_rows(30), at=MIDNIGHT)
    found = read_windows(deck, "rates", "received", HOUR_US, {(1, FIRST): None, (1, FIRST + 5): None, (9, FIRST): None})
    assert list(found) == [(1, FIRST)]
    assert (len(found[1, FIRST].rows), found[1, FIRST].tallies) == (30, {})
