"""A registry that is held, or a disk that is full, stops no training: what is to be written comes later, in order."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.training import outage
from engine.training.outage import Waiting, patiently
from store import runs
from store.database import Database
from store.errors import RegistryHeld, StorageUnwritable
from store.spool import PointWriter, ingest

HELD = RegistryHeld("the registry is held")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "LOOK_EVERY_S", 0.001)


def failing(times: int, done: list[int], number: int) -> Callable[[], None]:
    left = [times]

    def act() -> None:
        if left[0]:
            left[0] -= 1
            raise HELD
        done.append(number)

    return act


def test_what_an_outage_stops_is_done_later_and_nothing_overtakes_it() -> None:
    done: list[int] = []
    waiting = Waiting(itertools.count(0, outage.LEAVE_ALONE_S).__next__)
    for number, times in enumerate((0, 2, 0, 0)):
        waiting.add(failing(times, done, number))
    assert done == [0, 1, 2, 3]
    waiting.add(failing(1, done, 4))
    assert done == [0, 1, 2, 3]
    waiting.catch_up()
    assert done == [0, 1, 2, 3, 4]
    waiting.add(failing(9, done, 5))
    with pytest.raises(RegistryHeld):
        waiting.catch_up()
    assert done == [0, 1, 2, 3, 4]


def test_patience_says_what_it_waits_for_and_ends() -> None:
    said: list[str] = []
    done: list[int] = []
    patiently(failing(3, done, 7), said.append)
    assert (done, said) == ([7], ["waits: the registry is held"] * 3)
    with pytest.raises(RegistryHeld):
        patiently(failing(1, done, 8), said.append, patience_s=0)
    with pytest.raises(StorageUnwritable):
        patiently(lambda: (_ for _ in ()).throw(StorageUnwritable("full")), said.append, (RegistryHeld,))


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 kB."""
    place = tmp_path / "small"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)], capture_output=True).returncode:
        pytest.skip("only root may mount a tmpfs")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_points_that_a_full_disk_refuses_are_written_in_order_once_it_has_room(
    deck, apply_settings_body, small
) -> None:  # type: ignore[no-untyped-def]
    apply_settings_body("rates")
    database: Database = deck.database
    with database.write() as tx:
        run = runs.start_run(tx, model="rates", actor="user:anna")
    filler = small / "filler"
    with PointWriter(small / "spool", run.id) as writer:
        writer.write([("mae", 0, 0, 0.0)])
        with pytest.raises(OSError, match="No space left"), filler.open("wb") as file:
            file.write(b"x" * 400_000)
        os.sync()
        for step in range(1, 2000):
            writer.write([("mae", step, step, step / 7)])
        with pytest.raises(StorageUnwritable):
            writer.close()
        early = ingest(database, small / "spool")
        filler.unlink()
        writer.write([("mae", 2000, 2000, 1.0)])
    assert 0 < early < 2001
    assert early + ingest(database, small / "spool") == 2001
    assert [step for step, _, _ in runs.metric_history(database, run.id, "mae")] == list(range(2001))


def test_a_line_torn_by_a_killed_writer_spoils_no_other(deck, apply_settings_body, tmp_path) -> None:  # type: ignore[no-untyped-def]
    apply_settings_body("rates")
    with deck.database.write() as tx:
        run = runs.start_run(tx, model="rates", actor="user:anna")
    (tmp_path / f"{run.id}.jsonl").write_text('["mae",0,0,1.0]\n["mae",1,1')
    with PointWriter(tmp_path, run.id) as writer:
        writer.write([("mae", 2, 2, 3.0)])
    ingest(deck.database, tmp_path)
    assert [step for step, _, _ in runs.metric_history(deck.database, run.id, "mae")] == [0, 2]


HOLD = """
import sqlite3, sys
registry = sqlite3.connect(sys.argv[1], isolation_level=None)
registry.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


def test_a_registry_that_is_held_is_named_as_such(deck, apply_settings_body, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    apply_settings_body("rates")
    monkeypatch.setattr("store.database.BUSY_TIMEOUT_MS", 50)
    command = [sys.executable, "-c", HOLD, str(deck.workspace.registry)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdin
        holder.stdout.readline()
        impatient = Database(deck.workspace.registry, deck.clock)
        with pytest.raises(RegistryHeld), impatient.write():
            pass
        holder.stdin.close()
    impatient.close()


def test_while_an_outage_lasts_it_is_tried_only_now_and_then() -> None:
    now = 100.0
    tried: list[int] = []
    waiting = Waiting(lambda: now)

    def fails(number: int) -> None:
        tried.append(number)
        raise RegistryHeld("the registry is held")

    for number in range(5):
        waiting.add(lambda number=number: fails(number))
    assert tried == [0]
    now += outage.LEAVE_ALONE_S
    waiting.add(lambda: fails(5))
    assert tried == [0, 0]
