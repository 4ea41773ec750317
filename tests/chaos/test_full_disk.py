"""A disk that is full at any write: one clear line, nothing corrupt, and all goes on once there is room."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from counts import Report
from tiny_deck import Tiny, make_tiny

from engine.deck import Deck
from engine.keeping import backup
from engine.keeping.gc import collect
from engine.model_io.log_key import log_key
from engine.monitoring.layout import write_parquet
from engine.workspace import Workspace
from store import blobs, events, runs
from store.artifacts import Artifacts
from store.clock import FrozenClock
from store.database import open_database
from store.errors import StorageUnwritable
from store.spool import PointWriter, ingest
from store.whole import damage

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]
PAGE = 4096


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Return a function that mounts a disk of so many MB."""
    mounted: list[Path] = []

    def mount(megabytes: int) -> Path:
        place = tmp_path / "small"
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(place)]
        if subprocess.run(command, capture_output=True).returncode:
            pytest.skip("only root may mount a tmpfs")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk: Path, leave: int) -> None:
    """Leave exactly so many bytes free."""
    filler = disk / "filler"
    free = shutil.disk_usage(disk).free
    with filler.open("ab") as file, suppress(OSError):
        os.posix_fallocate(file.fileno(), filler.stat().st_size, max(free - leave, 1))


def empty(disk: Path) -> None:
    (disk / "filler").unlink(missing_ok=True)


Write = Callable[[Deck, int], object]


def to_registry(deck: Deck, turn: int) -> object:
    with deck.database.write() as tx:
        run = runs.start_run(tx, model="rates", actor="user:anna", name=str(turn))
        runs.log_points(tx, run.id, [("mae", step, 0, step / 7) for step in range(400)])
        return runs.finish_run(tx, run.id, "finished")


def to_artifacts(deck: Deck, turn: int) -> object:
    content = bytes(f"{turn} ", "ascii") * 5_000
    hash = deck.artifacts.put_bytes(content)
    with deck.database.write() as tx:
        blobs.record_blob(tx, hash, len(content), "model")
    assert deck.artifacts.read(hash) == content
    return hash


def to_spool(deck: Deck, turn: int) -> object:
    with deck.database.write() as tx:
        run = runs.start_run(tx, model="rates", actor="user:anna", name=f"spool {turn}")
    with PointWriter(deck.workspace.spool, run.id) as writer:
        writer.write([("mae", step, 0, step / 7) for step in range(400)])
    taken = ingest(deck.database, deck.workspace.spool)
    with deck.database.write() as tx:
        runs.finish_run(tx, run.id, "finished")
    assert len(runs.metric_history(deck.database, run.id, "mae")) == 400
    return taken


def to_parquet(deck: Deck, turn: int) -> object:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = deck.workspace.predictions / "parquet" / f"{turn}.parquet"
    write_parquet(pa.table({"x": [float(turn) + number * 1.37 for number in range(4_000)]}), path)
    assert pq.read_table(path).num_rows == 4_000
    return path


def to_backup(deck: Deck, turn: int) -> object:
    target = deck.workspace.root / f"{turn}.backup"
    try:
        return backup.create(deck, target)
    finally:
        target.unlink(missing_ok=True)


def to_key(deck: Deck, turn: int) -> object:
    return log_key(deck.workspace.keys / str(turn)).read_text()


def by_collection(deck: Deck, turn: int) -> object:
    for number in range(3):
        orphan = deck.artifacts.put_bytes(f"{turn} {number}".encode())
        os.utime(deck.artifacts.place(orphan), (0, 0))
    found = collect(deck, 0, dry_run=False, actor="user:anna")
    assert sum(item.verdict == "removed" for item in found) >= 3
    return found


@pytest.mark.parametrize(
    "write",
    [to_registry, to_artifacts, to_spool, to_parquet, to_backup, to_key, by_collection],
    ids=lambda w: w.__name__,
)
def test_at_any_write(
    write: Write, small: Callable[[int], Path], clock: FrozenClock, empty_registry: Path, report: Report
) -> None:
    disk = small(8)
    workspace = Workspace(disk / "deck")
    workspace.state.mkdir(parents=True, mode=0o700)
    (workspace.root / "deck.toml").write_text('name = "test"\n')
    shutil.copyfile(empty_registry, workspace.registry)
    database = open_database(workspace.registry, clock)
    deck = Deck(workspace, database, Artifacts(workspace.artifacts), clock)
    with database.write() as tx:
        tx.execute(
            "INSERT INTO settings_revision (revision, hash, body, actor, reason, applied_at)"
            " VALUES (1, 'x', '{\"name\": \"test\"}', 'user:anna', '', 0)"
        )
        tx.execute(
            "INSERT INTO model (name, task, owner, description, settings_revision, created_at)"
            " VALUES ('rates', 'regression', '', '', 1, 0)"
        )
        tx.execute("INSERT INTO experiment (name, model, created_at) VALUES ('rates', 'rates', 0)")
    write(deck, 0)
    for turn, pages in enumerate([*range(24), *range(24, 200, 16)], 1):
        fill(disk, pages * PAGE)
        before = events.verify(database).verified
        told = _refusal(write, deck, turn)
        report.count("refused in one line" if told else "fitted")
        assert told is None or ("full" in told and "\n" not in told), told
        assert events.verify(database).ok
        assert events.verify(database).verified >= before
        assert damage(workspace.registry) == []
        empty(disk)
        write(deck, turn + 1000)
        assert not list(disk.rglob("*.new")) + list(disk.rglob("*.tmp")) + list(deck.artifacts.incoming.glob("*"))
    for row in blobs.present(database):
        deck.artifacts.verify(row["hash"])
    assert report.counts["refused in one line"] > 0
    database.close()


def _refusal(write: Write, deck: Deck, turn: int) -> str | None:
    try:
        write(deck, turn)
    except StorageUnwritable as error:
        return error.line()
    return None


def test_under_a_deck_that_serves(small: Callable[[int], Path], tmp_path: Path, report: Report, until: Any) -> None:
    """The disk fills under a daemon and its servers, for commands, a training and predictions; then there is room."""
    disk = small(48)
    (tmp_path / "home").mkdir()
    made = make_tiny(disk)
    tiny = Tiny(made.root, tmp_path / "home", made.rows)
    try:
        _fill_and_free(tiny, disk, report, until)
    finally:
        empty(disk)
        assert tiny("daemon", "stop", "--all").code == 0


def _fill_and_free(tiny: Tiny, disk: Path, report: Report, until: Any) -> None:
    assert tiny("train", "rates").code == 0
    assert tiny("promote", "rates", "1", "--yes").code == 0
    tiny.asked(5)
    assert tiny("predict", "rates", "asked.csv", "--json").code == 0
    pid = tiny("daemon", "status", "--json").data["pid"]
    asked = tiny("train", "rates", "--detach").out.strip()
    until(lambda: tiny("jobs", "show", asked, "--json").data["job"]["progress"], 60, "the training has begun")
    until(lambda: fill(disk, 0) or not shutil.disk_usage(disk).free, 30, "no byte is free")  # others write meanwhile
    since = time.monotonic()
    # a log that has room takes the training in, which then waits for the one that runs: nobody follows it here
    for words in (
        ("train", "rates", "--detach"),
        ("apply",),
        ("data", "ingest", "rates"),
        ("backup", "create", str(disk / "b")),
    ):
        said = tiny(*words)
        assert "Traceback" not in said.err, said
        if said.code:
            assert said.code == 1, said
            assert len([line for line in said.err.splitlines() if line.startswith("error: ")]) == 1, said
            report.count("commands told of it in one line")
    # the last page of the open segment may have room for some rows yet, and the daemon gives back what it cleared
    answered = until(lambda: _refused(tiny, disk), 60, "no room left")
    assert answered.code == 1, answered
    assert answered.error["code"] == "storage_unwritable"
    assert "cannot be written" in answered.error["message"]
    assert "nothing is predicted unrecorded" in answered.error["message"]
    report.counts["predict while it is full exits"] = answered.code
    until(lambda: time.monotonic() - since > 5, 30, "parts of the daemon have met the full disk")
    assert tiny("models", "--json").data[0]["champion"] == 1
    empty(disk)
    assert tiny("daemon", "status", "--json").data["pid"] == pid
    job = until(lambda: _ended(tiny, asked), 90, "the training that ran meanwhile has ended")
    report.counts["training that ran meanwhile"] = job["state"]
    assert tiny("audit", "verify", "--deep", "--json").data["ok"]
    assert tiny("predict", "rates", "asked.csv", "--json").code == 0
    assert tiny("train", "rates").code == 0
    assert tiny("audit", "verify", "--deep", "--json").data["ok"]


def _refused(tiny: Tiny, disk: Path) -> Any:
    fill(disk, 0)
    said = tiny("predict", "rates", "asked.csv", "--json")
    return said if said.code else None


def _ended(tiny: Tiny, job_id: str) -> Any:
    found = tiny("jobs", "show", job_id, "--json").data["job"]
    return found if found["ended_at"] else None
