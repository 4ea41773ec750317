"""Two snapshots with rows in common share the files that hold them, and read back as if each were one file."""

from __future__ import annotations

import tarfile
import time
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.data import segments
from engine.data.canonical import parquet_bytes
from engine.keeping import gc
from engine.keeping.backup import create
from engine.model_io.rows import read_snapshot
from engine.model_io.segments import segments_of
from store import blobs, deletion, runs
from store.errors import CorruptArtifact
from store.things import run_thing

HOUR_US = 3_600_000_000


def rows(count: int, first: int = 0) -> pa.Table:
    """Hours with a number each that no neighbour tells."""
    hours = np.arange(first, first + count)
    return pa.table(
        {"at": pa.array(hours * HOUR_US, pa.timestamp("us")), "x": (hours * 2654435761 % 1000003).astype(np.float64)}
    )


def times(table: pa.Table) -> np.ndarray:
    return table["at"].cast(pa.int64()).to_numpy()


def put(deck, table: pa.Table) -> segments.Stored:
    return segments.store(deck.artifacts, table, times(table))


def names(deck, stored: segments.Stored) -> list[str]:
    return [one["hash"] for one in segments_of(deck.artifacts, stored.id)]


def test_a_small_table_is_one_parquet_file_as_ever(deck):
    stored = put(deck, rows(2_000))
    assert segments_of(deck.artifacts, stored.id) == []
    assert deck.artifacts.read(stored.id) == parquet_bytes(rows(2_000))
    assert read_snapshot(deck, stored.id).equals(rows(2_000))


def test_rows_that_come_later_leave_all_segments_but_the_last(deck):
    first, second = put(deck, rows(100_000)), put(deck, rows(110_000))
    assert names(deck, second)[: len(names(deck, first)) - 1] == names(deck, first)[:-1]
    assert second.new_bytes < 0.35 * second.size_bytes
    assert read_snapshot(deck, second.id).equals(rows(110_000))
    assert read_snapshot(deck, first.id).equals(rows(100_000))


@pytest.mark.parametrize("taken", [range(50_000, 50_001), range(10), range(30_000, 30_100)])
def test_rows_taken_out_anywhere_change_the_segments_around_them_alone(deck, taken):
    whole = rows(200_000)
    kept = np.ones(200_000, dtype=bool)
    kept[list(taken)] = False
    first, second = put(deck, whole), put(deck, whole.filter(pa.array(kept)))
    common = set(names(deck, first)) & set(names(deck, second))
    assert len(common) >= len(names(deck, first)) - 3 > 3


def test_same_rows_are_the_same_id_and_nothing_new(deck):
    first = put(deck, rows(100_000))
    again = put(deck, rows(100_000))
    assert (again.id, again.new_bytes) == (first.id, 0)


def test_segments_are_neither_too_short_nor_too_long():
    """Whether each row has a time of its own, many share one, or all do."""
    for each in (np.arange(300_000), np.arange(300_000) // 5_000, np.zeros(300_000, dtype=np.int64)):
        starts = segments.cuts(each.astype(np.int64) * HOUR_US)
        sizes = np.diff([*starts, 300_000])
        assert starts[0] == 0
        assert sizes.max() <= segments.MOST
        assert sizes[:-1].min() >= segments.LEAST
        assert 8 < len(sizes) < 60
    assert segments.cuts(np.zeros(0, dtype=np.int64)) == [0]


def test_a_segment_that_is_damaged_is_named(deck):
    stored = put(deck, rows(100_000))
    broken = names(deck, stored)[1]
    deck.artifacts.path(broken).write_bytes(b"PAR1")
    with pytest.raises(CorruptArtifact, match=broken):
        read_snapshot(deck, stored.id)


@pytest.fixture
def two(deck, take, write, clock, monkeypatch):
    """Two snapshots of a growing source, the older needed by a deleted run alone, both old enough to be removed."""
    kept = []
    for count in (60_000, 70_000):
        clock.advance(60)
        sink = pa.BufferOutputStream()
        pq.write_table(rows(count), sink)
        write("rows.parquet", sink.getvalue().to_pybytes())
        kept.append(take("rows.parquet", time_column="at", target="x"))
        with deck.database.write() as tx:
            run = runs.start_run(tx, model="rates", actor="user:anna", settings_revision=1, snapshot_id=kept[-1].id)
            runs.finish_run(tx, run.id, "finished")
            if len(kept) == 1:
                deletion.delete(tx, run_thing(tx, run.id), actor="user:anna")
    monkeypatch.setattr(gc, "time", SimpleNamespace(time=lambda: time.time() + 10_000))
    return [(one, {part["hash"] for part in segments_of(deck.artifacts, one.id)}) for one in kept]


def test_a_collection_keeps_the_segments_of_what_stays_and_removes_the_others(deck, two, clock):
    (older, older_parts), (newer, newer_parts) = two
    assert older_parts & newer_parts
    clock.advance(60)
    gc.collect(deck, 0, dry_run=False, actor="user:anna")
    assert read_snapshot(deck, newer.id).num_rows == 70_000
    left = set(deck.artifacts.hashes())
    assert older.id not in left
    assert older_parts & left == older_parts & newer_parts != older_parts
    assert {row["hash"] for row in blobs.present(deck.database) if row["kind"] == "segment"} == newer_parts


def test_a_snapshot_that_cannot_be_read_keeps_every_segment(deck, two, clock):
    (_, older_parts), (newer, newer_parts) = two
    clock.advance(60)
    deck.artifacts.path(newer.id).write_bytes(b"{}")
    gc.collect(deck, 0, dry_run=False, actor="user:anna")
    assert older_parts | newer_parts <= set(deck.artifacts.hashes())


def test_a_backup_holds_the_segments(deck, two, tmp_path):
    made = create(deck, tmp_path / "deck.backup")
    assert made.left_out == ()
    with tarfile.open(made.file) as tar:
        members = {name.replace("/", "") for name in tar.getnames()}
    for _, parts in two:
        assert all(any(name.endswith(part.removeprefix("sha256:")) for name in members) for part in parts)
