"""What the log answers: spans, versions, kinds, and a deployment's live figures."""

from __future__ import annotations

from typing import Any

import pytest

from engine.deck import Deck
from engine.monitoring.collect import collect
from engine.monitoring.inventory import take_inventory
from engine.monitoring.outcomes import received_since
from engine.monitoring.predictions import connect, live_stats, read, read_versions
from store.rows import microseconds

NOON = microseconds("2026-02-01T12:00:00Z")
HOUR = 3_600_000_000


@pytest.fixture(autouse=True)
def _rates(serving: Any) -> None:
    serving()


@pytest.mark.parametrize("collected", [True, False])
def test_span_is_half_open_and_by_received_time(deck: Deck, traffic: Any, made: Any, collected: bool):
    sent = traffic.send(made.rates_rows(10), at=NOON)
    if collected:
        collect(deck)
    found = read(deck, "rates", NOON + 2_000_000, NOON + 5_000_000)
    assert found["prediction_id"].to_pylist() == sent[2:5]


@pytest.mark.parametrize("collected", [True, False])
def test_span_by_event_time_finds_rows_of_another_year(deck: Deck, traffic: Any, made: Any, collected: bool):
    rows = [{**row, "arrival": f"2017-06-{day:02d}"} for day, row in enumerate(made.rates_rows(20), 1)]
    sent = traffic.send(rows, at=NOON)
    if collected:
        collect(deck)
    first, last = microseconds("2017-06-03T00:00:00Z"), microseconds("2017-06-05T00:00:00Z")
    assert read(deck, "rates", first, last, by="event")["prediction_id"].to_pylist() == sent[2:4]


def test_rows_half_collected_and_half_in_segments_are_one_answer(deck: Deck, traffic: Any, made: Any):
    sent = traffic.send(made.rates_rows(10), at=NOON)
    collect(deck)
    sent += traffic.send(made.rates_rows(10, 4), at=NOON + HOUR)
    assert read(deck, "rates")["prediction_id"].to_pylist() == sent


def test_versions_keep_their_own_columns(deck: Deck, traffic: Any, made: Any):
    traffic.send(made.rates_rows(5), at=NOON)
    traffic.send([{**row, "floor": 3} for row in made.rates_rows(5)], at=NOON + HOUR, version=2)
    collect(deck)
    tables = read_versions(deck, "rates")
    assert "features.floor" not in tables[1].column_names
    assert tables[2]["features.floor"].to_pylist() == [3] * 5
    assert len(read(deck, "rates", version=2)) == 5
    assert len(read(deck, "rates", version=7)) == 0


def test_only_live_rows_are_read_unless_asked(deck: Deck, traffic: Any, made: Any):
    traffic.send(made.rates_rows(5), at=NOON)
    traffic.send(made.rates_rows(5), at=NOON + HOUR, kind="golden")
    assert len(read(deck, "rates")) == 5
    assert len(read(deck, "rates", kinds=("live", "golden"))) == 10


def test_value_of_another_type_within_a_version_is_still_readable(deck: Deck, traffic: Any, made: Any):
    traffic.send(made.rates_rows(3), at=NOON)
    collect(deck)
    traffic.send([{**row, "lead_time": "token"} for row in made.rates_rows(3)], at=NOON + HOUR)
    assert len(read(deck, "rates")) == 6
    collect(deck)
    assert len(read(deck, "rates")) == 6


def test_duckdb_downloads_no_extension():
    with connect() as connection:
        names = ["autoinstall_known_extensions", "autoload_known_extensions"]
        assert [connection.sql(f"SELECT current_setting('{name}')").fetchall()[0][0] for name in names] == [
            False,
            False,
        ]


@pytest.mark.parametrize("collected", [True, False])
def test_live_stats_tell_rows_errors_and_latency_of_one_deployment(
    deck: Deck, traffic: Any, made: Any, collected: bool
):
    traffic.send(made.rates_rows(20), at=NOON, deployment="d1")
    traffic.send(made.rates_rows(7), at=NOON, deployment="d2")
    traffic.refuse(3, at=NOON, status=500)
    traffic.refuse(4, at=NOON, status=422)
    if collected:
        collect(deck)
    seen = live_stats(deck, "rates", "d1", NOON)
    assert (seen["rows"], seen["errors"], seen["refused"]) == (23, 3, 4)
    assert len(seen["latencies_ms"]) == 23
    assert seen["latency_p99_ms"] >= 0
    assert seen["outputs"]["value"]["n"] == 20
    assert live_stats(deck, "rates", "d1", NOON + 10_000_000)["rows"] == 10
    assert live_stats(deck, "rates", "d3", NOON)["rows"] == 0


def test_failure_that_another_server_answered_hurts_nobody(deck: Deck, traffic: Any, made: Any):
    sent = traffic.send(made.rates_rows(2), at=NOON, deployment="d2")
    retried = sent[0].rpartition("-")[0]
    lines, _ = traffic.lines(made.rates_rows(1), [{"value": 1.0}], at=NOON)
    failed = traffic.recorder().refusal
    from engine.serving.record import Arrival

    traffic.write(lines + failed(Arrival(retried, None, "live", NOON, 0), 503, "not ready"), folder="r3")
    assert live_stats(deck, "rates", "d1", NOON)["errors"] == 0
    seen, _, _ = take_inventory(deck, "rates", HOUR, "received", from_us=None, arrived=received_since(deck, "rates", 0))
    assert [one.errors for one in seen.values()] == [0]


def test_failed_requests_fall_into_the_event_window_of_their_neighbours(deck: Deck, traffic: Any, made: Any):
    traffic.send([{**row, "arrival": "2017-06-03"} for row in made.rates_rows(5)], at=NOON)
    traffic.refuse(2, at=NOON + 10_000_000, status=500)
    seen, newest_event, newest = take_inventory(
        deck, "rates", 24 * HOUR, "event", from_us=None, arrived=received_since(deck, "rates", 0)
    )
    assert list(seen) == [(1, microseconds("2017-06-03T00:00:00Z") // (24 * HOUR))]
    assert next(iter(seen.values())).errors == 2
    assert newest_event == microseconds("2017-06-03T00:00:00Z")
    assert newest == NOON + 10_000_001
