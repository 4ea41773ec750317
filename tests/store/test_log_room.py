"""Room made ahead at the end of the log: commits find it there, and whoever reads the log is not misled by it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from store import events, log_room
from store.clock import FrozenClock
from store.database import Database
from store.whole import damage

ANNA = "user:anna"
KILLED = """
import os, signal, sys
from pathlib import Path
from store import events
from store.clock import SystemClock
from store.database import Database

database = Database(Path(sys.argv[1]), SystemClock())
for number in range(int(sys.argv[2])):
    with database.write() as tx:
        events.append(tx, actor="user:anna", action="note.written", subject_kind="note", subject_id=str(number))
if sys.argv[3] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
"""


def log_of(database: Database) -> Path:
    return Path(f"{database.path}-wal")


def tell(database: Database, many: int, reason: str = "") -> None:
    for number in range(many):
        with database.write() as tx:
            events.append(
                tx, actor=ANNA, action="note.written", subject_kind="note", subject_id=str(number), reason=reason
            )


def test_a_log_that_grows_is_made_longer_ahead_and_a_few_changes_make_no_room(database: Database) -> None:
    database.close()
    tell(database, log_room.LOOK_EVERY)
    few = log_of(database).stat().st_size
    assert few < log_room.ROOM_BYTES
    tell(database, log_room.LOOK_EVERY)
    ahead = log_of(database).stat().st_size
    assert log_room.ROOM_BYTES < ahead < few + 2 * log_room.ROOM_BYTES
    tell(database, log_room.LOOK_EVERY)
    assert log_of(database).stat().st_size == ahead  # commits went into the room


def test_room_ends_where_the_log_begins_again(database: Database) -> None:
    tell(database, 200, reason="x" * 100_000)
    assert log_of(database).stat().st_size < log_room.MOST_BYTES + 2 * log_room.ROOM_BYTES
    assert events.verify(database).ok


@pytest.mark.parametrize("many", [log_room.LOOK_EVERY * 2, 50, 333])
def test_what_was_committed_before_a_kill_is_read_from_a_log_with_room(
    database: Database, clock: FrozenClock, many: int
) -> None:
    told = events.head(database)
    database.close()
    ran = subprocess.run([sys.executable, "-c", KILLED, str(database.path), str(many), "killed"], check=False)
    assert ran.returncode == -9
    assert log_of(database).stat().st_size > log_room.ROOM_BYTES
    again = Database(database.path, clock)
    assert events.head(again) == told + many
    assert events.verify(again).ok
    tell(again, 30)
    again.close()
    assert (events.head(database), damage(database.path)) == (told + many + 30, [])


def test_writers_of_several_processes_make_room_and_lose_nothing(database: Database) -> None:
    told = events.head(database)
    command = [sys.executable, "-c", KILLED, str(database.path), "150", "ended"]
    writers = [subprocess.Popen(command) for _ in range(3)]
    tell(database, 150)
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert events.head(database) == told + 600
    assert events.verify(database).ok
    assert log_of(database).stat().st_size < log_room.MOST_BYTES
    assert damage(database.path) == []


@pytest.mark.parametrize("refused", ["stat", "open", "pwrite"])
def test_room_that_cannot_be_made_stops_no_change(
    database: Database, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    def full(*_asked: object) -> int:
        raise OSError(28, "No space left on device")

    told = events.head(database)
    with monkeypatch.context() as disk:
        refusing: Callable[..., int] = full
        disk.setattr(log_room.os, refused, refusing)
        tell(database, 20)
    assert events.head(database) == told + 20
    tell(database, 20)
    assert events.verify(database).ok
