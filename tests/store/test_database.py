"""The registry file: opened only when sound, written by one short transaction at a time, honest when it cannot be."""

from __future__ import annotations

import gc
import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from store import events, jobs, models
from store.clock import FrozenClock
from store.database import SCHEMA, Database, Fence, open_database, schema_of
from store.errors import LeaseLost, Refused, StorageUnwritable, Unavailable, WorkFailed
from store.filesystem import file_system_of, refuse_network_file_system
from store.opening import create_or_upgrade
from store.rows import Job, Version
from store.upgrade import PAGE_BYTES

ADD = "INSERT INTO blob (hash, kind, size_bytes, state, created_at) VALUES (:hash, 'test', 1, 'present', 0)"


def blobs(database: Database) -> int:
    row = database.row("SELECT count(*) AS n FROM blob")
    assert row is not None
    return int(row["n"])


def test_absent_registry_is_unavailable_with_the_remedy(tmp_path: Path, clock: FrozenClock) -> None:
    with pytest.raises(Unavailable, match="there is no registry") as told:
        open_database(tmp_path / "registry.db", clock)
    assert "modeldeck apply" in told.value.hint


def test_newer_registry_is_refused_and_left_alone(database: Database, clock: FrozenClock) -> None:
    with database.write() as tx:
        tx.execute("UPDATE alembic_version SET version_num = '0099'")
    for opening in (open_database, create_or_upgrade):
        with pytest.raises(Unavailable, match="schema 99"):
            opening(database.path, clock)
    assert schema_of(database.path) == 99


def test_older_registry_asks_for_its_upgrade(tmp_path: Path, clock: FrozenClock) -> None:
    path = tmp_path / "registry.db"
    sqlite3.connect(path).execute("CREATE TABLE something (id INTEGER)").connection.close()
    assert schema_of(path) == 0
    with pytest.raises(Unavailable, match="has schema 0") as told:
        open_database(path, clock)
    assert "upgrade" in told.value.hint


def test_a_small_change_brings_few_bytes_to_the_disk(database: Database, register: Callable[..., Version]) -> None:
    log = database.path.with_name(f"{database.path.name}-wal")
    with database.write() as tx:
        register(tx)
    database.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    with database.write() as tx:
        models.set_alias(tx, "rates", "candidate", 1, actor="user:anna")
    assert 0 < log.stat().st_size < 12 * (PAGE_BYTES + 24)  # the alias, its move and its event, with their indexes


def test_creating_leaves_nothing_but_the_registry(tmp_path: Path, clock: FrozenClock) -> None:
    path = tmp_path / "state" / "registry.db"
    database = create_or_upgrade(path, clock)
    assert schema_of(path) == SCHEMA
    database.close()
    assert [entry.name for entry in path.parent.iterdir()] == ["registry.db"]
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_file_that_is_no_database_is_one_clear_line(tmp_path: Path, clock: FrozenClock) -> None:
    path = tmp_path / "registry.db"
    path.write_text("this is not a database, but it is long enough to be taken for one" * 20)
    with pytest.raises(WorkFailed, match="is damaged"):
        open_database(path, clock)


def test_damaged_schema_that_sqlite_cannot_even_quote_is_one_clear_line(database: Database, clock: FrozenClock) -> None:
    database.close()
    bare = sqlite3.connect(database.path)
    bare.execute("PRAGMA writable_schema = ON")
    bare.execute("UPDATE sqlite_master SET name = CAST(x'6d6ff364656c' AS TEXT) WHERE name = 'model'")
    bare.commit()
    bare.close()
    with pytest.raises(WorkFailed, match="is damaged"):
        open_database(database.path, clock)


def test_files_of_a_damaged_registry_are_let_go_of_with_the_error(database: Database) -> None:
    [(root,)] = database.tuples("SELECT rootpage FROM sqlite_master WHERE name = 'event'")
    database.close()
    with database.path.open("r+b") as file:
        file.seek((root - 1) * PAGE_BYTES)
        file.write(b"\xff")

    def refusal() -> str:
        try:
            with database.write() as tx:
                events.append(tx, actor="user:anna", action="note.made", subject_kind="note", subject_id="1")
        except WorkFailed as error:
            return error.message
        return ""

    gc.disable()  # which would find them later
    try:
        told = refusal()
        database.close()
        files = [os.readlink(handle) for handle in Path("/proc/self/fd").iterdir() if handle.exists()]
    finally:
        gc.enable()
    assert told.endswith("is damaged")
    assert [file for file in files if file.startswith(str(database.path))] == []


def test_rows_that_are_taken_are_those_that_are_found(database: Database) -> None:
    with database.write() as tx:
        for number in range(50):
            tx.execute(ADD, {"hash": f"{number * 7 % 50:02}"})
    columns = "hash, size_bytes / 2.0, NULL, x'00ff', 'é' || char(0) || created_at"
    for source in (
        "FROM blob WHERE hash > :least ORDER BY hash DESC LIMIT 7",
        "FROM blob WHERE hash > :least ORDER BY casefold(hash), number(hash) LIMIT 7",  # sorted by SQLite
        "FROM blob WHERE hash > :least AND 1 = 0",
    ):
        for _ in range(2):
            found = database.tuples(f"SELECT {columns} {source}", {"least": "20"})
            assert database.taken(columns, source, {"least": "20"}) == found
    with database.reading() as reader:
        assert len(reader.taken("hash", "FROM blob")) == 50
    with database.write() as tx:
        tx.execute(ADD, {"hash": "50"})
        assert len(tx.taken("hash", "FROM blob")) == 51


def test_damaged_text_that_is_taken_is_one_clear_line(database: Database) -> None:
    with database.write() as tx:
        tx.execute(ADD, {"hash": "a"})
        tx.execute("UPDATE blob SET kind = CAST(x'6d6ff364656c' AS TEXT)")
    for _ in range(2):
        with pytest.raises(WorkFailed, match="is damaged"):
            database.taken("hash, kind", "FROM blob")
    assert database.taken("hash", "FROM blob") == [("a",)]
    with pytest.raises(sqlite3.OperationalError, match="no such column"):
        database.taken("hush", "FROM blob")


def test_network_file_system_is_refused(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
        f"40 22 0:50 / {tmp_path} rw,relatime shared:5 - nfs4 server:/export rw\n"
    )
    with pytest.raises(Refused, match="network file system"):
        refuse_network_file_system(tmp_path / "deck", mounts)
    refuse_network_file_system(Path("/etc"), mounts)


def test_the_nearest_and_latest_mount_decides() -> None:
    mounts = (
        "1 0 8:1 / / rw - ext4 /dev/sda rw\n"
        "2 1 0:5 / /data rw - nfs server:/x rw\n"
        "3 2 8:2 / /data/fast\\040disk rw master:1 - xfs /dev/sdb rw\n"
        "4 1 0:6 / /data rw - btrfs /dev/sdc rw\n"
    )
    assert file_system_of(Path("/data/fast disk/deck"), mounts) == "xfs"
    assert file_system_of(Path("/data/slow"), mounts) == "btrfs"
    assert file_system_of(Path("/database"), mounts) == "ext4"


def test_connections_use_the_log_full_sync_and_foreign_keys(database: Database) -> None:
    with database.write() as tx:
        found = {name: tx.row(f"PRAGMA {name}") for name in ("journal_mode", "synchronous", "foreign_keys")}
        assert {name: row[0] for name, row in found.items() if row} == {
            "journal_mode": "wal",
            "synchronous": 2,
            "foreign_keys": 1,
        }
        timeout = tx.row("PRAGMA busy_timeout")
        assert timeout
        assert timeout[0] == 5000


def test_a_write_that_is_not_synced_leaves_the_next_one_synced(database: Database) -> None:
    full, normal = 2, 1
    seen = []
    for synced in (True, False, True):
        with database.write(synced=synced) as tx:
            seen.append(tx.tuples("PRAGMA synchronous")[0][0])
    assert seen == [full, normal, full]


def test_raising_inside_a_write_leaves_nothing_behind(database: Database) -> None:
    def fail() -> None:
        with database.write() as tx:
            tx.execute(ADD, {"hash": "one"})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert blobs(database) == 0
    with database.write() as tx:
        tx.execute(ADD, {"hash": "two"})
    assert blobs(database) == 1


def test_reads_never_write(database: Database) -> None:
    with pytest.raises(StorageUnwritable):
        database.rows(ADD, {"hash": "one"})


def test_write_inside_a_write_of_the_same_thread_is_a_plain_error(database: Database) -> None:
    with database.write(), pytest.raises(RuntimeError, match="pass it on"), database.write():
        pass


def test_threads_read_while_one_writes_and_writers_queue(database: Database) -> None:
    failures: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for number in range(20):
                with database.write() as tx:
                    tx.execute(ADD, {"hash": f"{name}-{number}"})
                blobs(database)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert blobs(database) == 80


def test_who_waited_for_the_turn_writes_with_the_time_of_it(database: Database, clock: FrozenClock) -> None:
    other = Database(database.path, clock)
    waits = threading.Event()
    times: list[int] = []

    def write_next() -> None:
        waits.set()
        with other.write() as later:
            times.append(later.at)

    waiting = threading.Thread(target=write_next)
    with database.write() as tx:
        waiting.start()
        assert waits.wait(10)
        waiting.join(0.3)
        assert (waiting.is_alive(), times) == (True, [])
        clock.advance(2)
    waiting.join(10)
    other.close()
    assert times == [tx.at + 2_000_000]


def test_reading_holds_one_moment(database: Database, clock: FrozenClock) -> None:
    other = open_database(database.path, clock)
    with database.reading() as reader:
        assert reader.row("SELECT 1 FROM blob") is None
        with other.write() as tx:
            tx.execute(ADD, {"hash": "one"})
        assert reader.row("SELECT 1 FROM blob") is None
    assert blobs(database) == 1
    other.close()


def test_changes_moves_with_every_commit_of_anybody(database: Database, clock: FrozenClock) -> None:
    other = open_database(database.path, clock)
    seen = [database.changes()]
    assert database.changes() == seen[0]
    for writer, hash in ((database, "mine"), (other, "theirs")):
        with writer.write() as tx:
            tx.execute(ADD, {"hash": hash})
        seen.append(database.changes())
    assert len(set(seen)) == 3
    other.close()


def test_full_disk_is_one_clear_line_and_changes_nothing(database: Database) -> None:
    with database.write() as tx:
        tx.row("PRAGMA max_page_count = 1")  # SQLite raises this to what the file has: from here on it is full
    many = [{"hash": f"{number:0200d}"} for number in range(2000)]
    with pytest.raises(StorageUnwritable, match="the disk is full") as told, database.write() as tx:
        tx.execute_many(ADD, many)
    assert "\n" not in told.value.line()
    assert blobs(database) == 0


def test_held_registry_says_so(database: Database, clock: FrozenClock) -> None:
    holder = sqlite3.connect(database.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with closing(holder):
        impatient = open_database(database.path, clock)
        impatient._writer = impatient._connect(writable=True)
        impatient._writer.execute("PRAGMA busy_timeout = 10")
        with pytest.raises(WorkFailed, match="held by another process"), impatient.write():
            pass
        impatient.close()


def test_stale_attempt_may_write_nothing(database: Database, running_job: Callable[..., Job]) -> None:
    with database.write() as tx:
        first = running_job(tx)
    with database.write(jobs.fence(first)) as tx:
        tx.execute(ADD, {"hash": "one"})
    with database.write() as tx:
        jobs.requeue(tx, first.id, "its process is gone")
    for attempt in (0, 1, 2):
        with pytest.raises(LeaseLost), database.write(Fence(first.id, attempt)) as tx:
            tx.execute(ADD, {"hash": "late"})
    with database.write() as tx:
        second = jobs.claim(tx, first.id)
    assert second.attempt == 2
    with pytest.raises(LeaseLost, match="attempt 1"), database.write(Fence(first.id, 1)) as tx:
        tx.execute(ADD, {"hash": "late"})
    with database.write(Fence(first.id, 2)) as tx:
        tx.execute(ADD, {"hash": "two"})
    assert blobs(database) == 2


def test_fence_of_an_unknown_job_is_lost(database: Database) -> None:
    with pytest.raises(LeaseLost, match="may write no more"), database.write(Fence("0" * 32, 1)):
        pass
