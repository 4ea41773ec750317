"""The collector loses no acknowledged row and counts none twice, wherever it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest

from engine.deck import Deck
from engine.monitoring import merge, segments
from engine.monitoring.collect import CollectReport, collect
from engine.monitoring.predictions import read
from engine.monitoring.watermark import read_watermark
from engine.serving.record import Arrival
from store.errors import StorageUnwritable
from store.rows import microseconds

NOON = microseconds("2026-02-01T12:00:00Z")
DAY_US = 86_400_000_000


class Killed(BaseException):
    """Stands for kill -9: nothing after it runs."""


@pytest.fixture(autouse=True)
def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "SETTLED_AFTER_S", -1.0)


@pytest.fixture
def rates(serving: Any) -> Any:
    return serving()


def parquet_files(deck: Deck) -> list[Path]:
    return sorted((deck.workspace.predictions / "parquet").rglob("*.parquet"))


def test_closed_segment_becomes_parquet_by_endpoint_version_and_day(deck: Deck, rates: Any, traffic: Any, made: Any):
    sent = traffic.send(made.rates_rows(20), at=NOON)
    report = collect(deck)
    assert (report.segments, report.rows) == (1, 20)
    assert [path.parent.as_posix().partition("parquet/")[2] for path in parquet_files(deck)] == ["rates/1/2026-02-01"]
    assert list(deck.workspace.segments.rglob("*.jsonl")) == []
    table = read(deck, "rates")
    assert table["prediction_id"].to_pylist() == sent
    assert str(table.schema.field("features.lead_time").type) == "double"
    assert str(table.schema.field("features.guests").type) == "int64"


def test_rows_around_midnight_fall_on_the_day_of_their_id(deck: Deck, rates: Any, traffic: Any, made: Any):
    traffic.send(made.rates_rows(10), at=NOON + DAY_US // 2 - 5_000_000)
    collect(deck)
    assert [path.parent.name for path in parquet_files(deck)] == ["2026-02-01", "2026-02-02"]


def test_collecting_again_changes_nothing(deck: Deck, rates: Any, traffic: Any, made: Any):
    traffic.send(made.rates_rows(20), at=NOON)
    collect(deck)
    before = [(path.name, path.stat().st_mtime_ns) for path in parquet_files(deck)]
    assert collect(deck) == CollectReport()
    assert [(path.name, path.stat().st_mtime_ns) for path in parquet_files(deck)] == before


def test_nothing_served_yet_is_nothing_to_collect(deck: Deck):
    assert collect(deck) == CollectReport()
    assert len(read(deck, "rates")) == 0


@pytest.mark.parametrize("point", ["parquet", "watermark", "deleted"])
def test_kill_between_two_acts_neither_loses_nor_repeats_a_row(
    deck: Deck, rates: Any, traffic: Any, made: Any, point: str
):
    sent = traffic.send(made.rates_rows(30), at=NOON) + traffic.send(made.rates_rows(30, 3), at=NOON + 60_000_000)

    def die(reached: str) -> None:
        if reached == point:
            raise Killed

    with pytest.raises(Killed):
        collect(deck, reached=die)
    assert read(deck, "rates")["prediction_id"].to_pylist() == sent
    collect(deck)
    assert read(deck, "rates")["prediction_id"].to_pylist() == sent
    assert sum(pq.ParquetFile(path).metadata.num_rows for path in parquet_files(deck)) == 60
    assert list(deck.workspace.segments.rglob("*.jsonl")) == []


def test_collector_killed_with_minus_nine_at_any_moment_loses_nothing(deck: Deck, rates: Any, traffic: Any, made: Any):
    sent = [one for number in range(20) for one in traffic.send(made.rates_rows(50, number), at=NOON + number * 10**8)]
    collector = (
        "import sys; from pathlib import Path; from engine.deck import Deck; from engine.workspace import Workspace\n"
        "from store.artifacts import Artifacts; from store.clock import SystemClock\n"
        "from store.database import open_database; from engine.monitoring.collect import collect\n"
        "w = Workspace(Path(sys.argv[1])); clock = SystemClock()\n"
        "collect(Deck(w, open_database(w.registry, clock), Artifacts(w.artifacts), clock),"
        " reached=lambda point: print(point, flush=True))\n"
    )
    for lines_seen in (1, 5, 9):
        process = subprocess.Popen(
            [sys.executable, "-c", collector, str(deck.workspace.root)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(lines_seen):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert read(deck, "rates")["prediction_id"].to_pylist() == sent
    collect(deck)
    assert read(deck, "rates")["prediction_id"].to_pylist() == sent
    assert sum(pq.ParquetFile(path).metadata.num_rows for path in parquet_files(deck)) == len(sent)


def test_torn_last_line_waits_until_it_is_whole(deck: Deck, rates: Any, traffic: Any, made: Any):
    rows = made.rates_rows(10)
    lines, ids = traffic.lines(rows, [{"value": 1.0}] * 10, at=NOON)
    log, lock = made.open_log(deck.workspace.segments / "r1")
    try:
        log.write(lines[:-40])
        assert read(deck, "rates")["prediction_id"].to_pylist() == ids[:-1]
        collect(deck)
        assert parquet_files(deck) == []
        log.write(lines[-40:])
        assert read(deck, "rates")["prediction_id"].to_pylist() == ids
        log.roll()
        collect(deck)
    finally:
        os.close(lock)
    assert read(deck, "rates")["prediction_id"].to_pylist() == ids


def test_open_segment_of_a_dead_server_is_collected_without_its_torn_line(
    deck: Deck, rates: Any, traffic: Any, made: Any
):
    lines, ids = traffic.lines(made.rates_rows(10), [{"value": 1.0}] * 10, at=NOON)
    traffic.write(lines[:-40], closed=False)
    report = collect(deck)
    assert report.rows == 9
    assert read(deck, "rates")["prediction_id"].to_pylist() == ids[:-1]
    assert list(deck.workspace.segments.rglob("*.open")) == []


def test_open_segment_of_a_live_server_is_left_to_it_and_read(deck: Deck, rates: Any, traffic: Any, made: Any):
    lines, ids = traffic.lines(made.rates_rows(10), [{"value": 1.0}] * 10, at=NOON)
    log, lock = made.open_log(deck.workspace.segments / "r1")
    try:
        log.write(lines)
        assert collect(deck).segments == 0
        assert read(deck, "rates")["prediction_id"].to_pylist() == ids
    finally:
        os.close(lock)


def test_same_prediction_logged_by_two_servers_counts_once(deck: Deck, rates: Any, traffic: Any, made: Any):
    rows = made.rates_rows(10)
    lines, ids = traffic.lines(rows, [{"value": 1.0}] * 10, at=NOON)
    again = b"".join(
        line.replace(b'"value":1.0', b'"value":2.0').replace(b'"received_at":', b'"received_at":1')
        for line in lines.splitlines(keepends=True)
    )
    traffic.write(lines, folder="r1")
    traffic.write(again, folder="r2")
    collect(deck)
    table = read(deck, "rates")
    assert sorted(table["prediction_id"].to_pylist()) == ids
    assert set(table["outputs.value"].to_pylist()) == {2.0}


def test_request_of_many_rows_is_as_many_rows_each_once(deck: Deck, rates: Any, traffic: Any, made: Any):
    rows = [{name: value for name, value in row.items() if name != "y"} for row in made.rates_rows(30)]
    recorder = traffic.recorder(1, "d1", "local")
    minted = traffic.lines(rows[:1], [{}], at=NOON)[1][0].removesuffix("-0")
    arrival = Arrival(minted, None, "live", NOON, 0)
    later = Arrival(arrival.request_id, None, "live", NOON + 1, 0)
    traffic.write(recorder.rows(arrival, rows, [{"value": 1.0}] * 30, orjson.dumps(rows)), folder="r1")
    traffic.write(recorder.rows(later, rows, [{"value": 2.0}] * 30), folder="r2")
    collect(deck)
    table = read(deck, "rates")
    assert table["prediction_id"].to_pylist() == [f"{arrival.request_id}-{row}" for row in range(30)]
    assert table["row"].to_pylist() == list(range(30))
    assert table["features.lead_time"].to_pylist() == [row["lead_time"] for row in rows]
    assert set(table["outputs.value"].to_pylist()) == {2.0}


def test_line_of_several_rows_that_lacks_some_is_kept_aside(deck: Deck, rates: Any, traffic: Any, made: Any):
    rows = made.rates_rows(3)
    line = traffic.recorder(1, "d1", "local").rows(Arrival("r", None, "live", NOON, 0), rows, [{"value": 1.0}] * 3)
    path = traffic.write(line.replace(b'"rows":3', b'"rows":4'))
    report = collect(deck)
    assert (report.rows, report.broken) == (0, 1)
    assert path.with_suffix(".broken").exists()


def test_line_that_is_no_json_is_counted_and_its_segment_kept_aside(deck: Deck, rates: Any, traffic: Any, made: Any):
    lines, ids = traffic.lines(made.rates_rows(3), [{"value": 1.0}] * 3, at=NOON)
    path = traffic.write(lines + b"\0\0\0\0\n")
    report = collect(deck)
    assert (report.rows, report.broken) == (3, 1)
    assert path.with_suffix(".broken").exists()
    assert read(deck, "rates")["prediction_id"].to_pylist() == ids


def test_many_small_files_of_a_day_become_one_and_no_row_goes(deck: Deck, rates: Any, traffic: Any, made: Any):
    sent = []
    for number in range(merge.FILES + 3):
        sent += traffic.send(made.rates_rows(4, number), at=NOON + number * 10_000_000)
    report = collect(deck)
    assert report.merged == merge.FILES + 3
    assert len(parquet_files(deck)) == 1
    assert read(deck, "rates")["prediction_id"].to_pylist() == sent


def test_merge_that_was_interrupted_counts_no_row_twice(
    deck: Deck, rates: Any, traffic: Any, made: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(merge, "FILES", 3)
    sent = []
    for number in range(3):
        sent += traffic.send(made.rates_rows(4, number), at=NOON + number * 10_000_000)
    monkeypatch.setattr(Path, "unlink", _unlink_segments_only(Path.unlink))
    with pytest.raises(Killed):
        collect(deck)
    monkeypatch.undo()
    assert len(parquet_files(deck)) == 4
    assert read(deck, "rates")["prediction_id"].to_pylist() == sent


def test_read_only_disk_leaves_the_segment_and_says_so(
    deck: Deck, rates: Any, traffic: Any, made: Any, monkeypatch: pytest.MonkeyPatch
):
    sent = traffic.send(made.rates_rows(5), at=NOON)

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pq, "write_table", refuse)
        with pytest.raises(StorageUnwritable, match="the disk is full"):
            collect(deck)
    assert read_watermark(deck.workspace.predictions) == {}
    assert read(deck, "rates")["prediction_id"].to_pylist() == sent
    assert not list(deck.workspace.predictions.rglob("*.tmp"))


def test_version_the_deck_does_not_know_is_collected_all_the_same(deck: Deck, rates: Any, traffic: Any, made: Any):
    traffic.send(made.rates_rows(5), at=NOON, version=99)
    collect(deck)
    assert set(read(deck, "rates")["version"].to_pylist()) == {99}


def test_large_segment_is_collected_within_seconds(deck: Deck, rates: Any, traffic: Any, made: Any):
    lines, _ = traffic.lines(made.rates_rows(2000), [{"value": 1.0}] * 2000, at=NOON, every_s=0.01)
    traffic.write(lines)
    begun = time.monotonic()
    assert collect(deck).rows == 2000
    assert time.monotonic() - begun < 5


def _unlink_segments_only(unlink: Any) -> Any:
    def run(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".parquet":
            raise Killed
        unlink(path, missing_ok=missing_ok)

    return run
