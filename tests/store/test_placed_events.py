"""Events by subject and by model: the record places every full hundred, and reads find them wherever they are."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import store.upgrade
from store import events, pausing
from store.clock import FrozenClock
from store.database import Database
from store.opening import create_or_upgrade
from store.whole import damage

ANNA = "user:anna"


@pytest.fixture(name="record")
def empty_record(empty_registry: Path, tmp_path: Path, clock: FrozenClock) -> Iterator[Database]:
    """A registry without an event."""
    path = tmp_path / "registry.db"
    shutil.copyfile(empty_registry, path)
    database = Database(path, clock)
    yield database
    database.close()


def tell(database: Database, first: int, beyond: int, *, at_once: int = 1) -> None:
    """Append events of numbers, three subjects and two models in turn, every fifth of no model."""
    told: list[dict[str, Any]] = [
        {
            "actor": ANNA,
            "action": f"note.{'written' if number % 2 else 'read'}",
            "subject_kind": "note",
            "subject_id": str(number % 3),
            "model": None if number % 5 == 0 else f"m{number % 2}",
            "body": {"number": number},
        }
        for number in range(first, beyond)
    ]
    for start in range(0, len(told), at_once):
        with database.write() as tx:
            if at_once == 1:
                events.append(tx, **told[start])
            else:
                events.append_many(tx, [events.Told(**one) for one in told[start : start + at_once]])


def numbers(found: list[Any]) -> list[int]:
    return [event.body["number"] for event in found]


@pytest.mark.parametrize("at_once", [1, 7, 230])
@pytest.mark.parametrize("many", [1, 99, 100, 101, 199, 200, 250, 431])
def test_every_event_is_found_newest_first_wherever_the_hundreds_end(record: Database, many: int, at_once: int) -> None:
    tell(record, 1, many + 1, at_once=at_once)
    every = list(range(many, 0, -1))
    of_one = [number for number in every if number % 3 == 1]
    of_model = [number for number in every if number % 5 and number % 2]
    assert numbers(events.events(record, limit=1000)) == every
    assert numbers(events.events(record, limit=1000, subject=("note", "1"))) == of_one
    assert numbers(events.events(record, limit=20, subject=("note", "1"))) == of_one[:20]
    assert numbers(events.events(record, limit=1000, model="m1")) == of_model
    both = events.events(record, limit=1000, model="m1", subject=("note", "1"))
    assert numbers(both) == [number for number in of_one if number in of_model]
    for beyond in (2, 100, 101, many):
        found = events.events(record, limit=5, model="m1", before_seq=beyond)
        assert numbers(found) == [number for number in of_model if number < beyond][:5]
    written = events.of_kind(record, "note", "note.written", 1000)
    assert numbers(written) == [number for number in every if number % 2]
    assert len(events.times(record, "note.written", "m1", many // 2)) == sum(one > many // 2 for one in of_model)
    placed = record.tuples("SELECT count(*), coalesce(max(seq), 0) FROM event_subject")
    assert placed == [(many // 100 * 100, many // 100 * 100)]
    assert damage(record.path) == []


def test_an_event_has_all_its_fields_however_it_is_found(record: Database) -> None:
    tell(record, 1, 150)
    whole = {event.seq: event for event in events.events(record, limit=1000)}
    for found in (
        events.events(record, limit=1000, subject=("note", "2")),
        events.events(record, limit=1000, model="m0"),
    ):
        assert found == [whole[event.seq] for event in found]
        assert min(event.seq for event in found) < 100 < max(event.seq for event in found)


def test_what_is_taken_back_is_placed_nowhere(record: Database) -> None:
    tell(record, 1, 100)
    with record.write(dry_run=True) as tx:
        events.append(tx, actor=ANNA, action="note.lost", subject_kind="note", subject_id="1")
    assert record.tuples("SELECT count(*) FROM event_subject") == [(0,)]
    tell(record, 100, 101)
    assert record.tuples("SELECT count(*) FROM event_subject") == [(100,)]
    assert events.verify(record).ok


@pytest.mark.parametrize(
    "harm",
    [
        "DELETE FROM event_subject WHERE seq = 42",
        "UPDATE event_subject SET subject_id = 'x' WHERE seq = 42",
        "INSERT INTO event_model (model, seq) VALUES ('m9', 42)",
        "DELETE FROM event_model WHERE seq = 42",
    ],
)
def test_a_wrong_place_is_found_and_named(record: Database, harm: str) -> None:
    tell(record, 1, 131)
    with record.write() as tx:
        tx.execute(harm)
    assert damage(record.path) == [f"{harm.split()[1 if harm[0] == 'U' else 2]} does not say where event 42 is"]


def test_a_pause_is_the_newest_event_of_its_job_be_it_placed_or_not(record: Database) -> None:
    with record.write() as tx:
        for action in (pausing.PAUSED, pausing.RESUMED, pausing.PAUSED):
            events.append(tx, actor=ANNA, action=action, subject_kind="job", subject_id="j")
    assert pausing.is_paused(record, "j")
    tell(record, 1, 301)
    assert pausing.is_paused(record, "j")
    with record.write() as tx:
        events.append(tx, actor=ANNA, action=pausing.RESUMED, subject_kind="job", subject_id="j")
    assert not pausing.is_paused(record, "j")


def test_an_older_registry_is_placed_by_its_upgrade(
    tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "old.db"
    path.touch()
    with monkeypatch.context() as older:
        older.setattr(store.upgrade, "SCHEMA", 17)
        store.upgrade.migrate(path)
    old = Database(path, clock)
    tell(old, 1, 251)
    old.close()
    assert damage(path) == []
    database = create_or_upgrade(path, clock)
    assert events.verify(database).verified == 250
    assert numbers(events.events(database, limit=1000, model="m1")) == [
        number for number in range(250, 0, -1) if number % 5 and number % 2
    ]
    tell(database, 251, 421)
    assert len(events.events(database, limit=1000, subject=("note", "0"))) == 140
    assert damage(path) == []
    database.close()
    connection = sqlite3.connect(path)
    names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE tbl_name = 'event'")}
    connection.close()
    assert names == {"event", "event_placed", "event_next_only", "event_not_deleted", "event_not_updated"}
