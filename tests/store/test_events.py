"""Events are appended, never changed, and whoever changes one is found out."""

from __future__ import annotations

import dataclasses
import sqlite3
from pathlib import Path

import pytest

from store import events
from store.database import Database
from store.json_text import dump

ANNA = "user:anna"


@pytest.fixture
def recorded(database: Database) -> Database:
    """A registry with ten events: the settings', and nine notes."""
    with database.write() as tx:
        for number in range(9):
            events.append(
                tx,
                actor=ANNA,
                action="note.made",
                subject_kind="note",
                subject_id=str(number),
                model="rates" if number % 2 else None,
                body={"number": number},
            )
    return database


def test_events_leave_out_what_nobody_asked_for(database: Database) -> None:
    with database.write() as tx:
        for actor, action in ((ANNA, "job.started"), ("schedule:monitor:rates", "job.ended"), (ANNA, "route.applied")):
            events.append(tx, actor=actor, action=action, subject_kind="job", subject_id="1")
    unscheduled = [event.action for event in events.events(database, limit=2, scheduled_jobs=False)]
    assert unscheduled == ["route.applied", "job.started"]
    assert "job" not in {event.action.partition(".")[0] for event in events.events(database, without=("job.",))}


def past_the_triggers(database: Database, statement: str) -> None:
    """Change the file the way someone with a shell would: without our triggers."""
    connection = sqlite3.connect(database.path, isolation_level=None)
    for name in ("event_not_updated", "event_not_deleted", "event_next_only"):
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute(statement)
    connection.close()


def test_chain_holds_from_the_first_event_to_the_head(recorded: Database) -> None:
    chain = events.verify(recorded)
    newest = events.events(recorded, limit=1)[0]
    assert chain == (True, 10, newest.hash, None, "every link holds")
    assert events.verify(recorded)._asdict()["head"] == newest.hash


def test_empty_chain_holds(deck_database: Database) -> None:
    assert events.verify(deck_database) == (True, 0, events.GENESIS, None, "every link holds")


@pytest.fixture
def deck_database(empty_registry: Path, tmp_path: Path) -> Database:
    """A registry without an event."""
    path = tmp_path / "registry.db"
    path.write_bytes(empty_registry.read_bytes())
    from store.clock import FrozenClock
    from store.database import open_database

    return open_database(path, FrozenClock(0))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE event SET reason = 'x' WHERE seq = 3",
        "DELETE FROM event WHERE seq = 10",
        "DELETE FROM event",
        "INSERT OR REPLACE INTO event SELECT seq, at, 'user:eve', via, action, subject_kind, subject_id, model, reason,"
        " body, previous_hash, hash || 'x' FROM event WHERE seq = 10",
        "INSERT INTO event SELECT seq + 5, at, actor, via, action, subject_kind, subject_id, model, reason, body,"
        " previous_hash, hash || 'x' FROM event WHERE seq = 10",
        "INSERT INTO event SELECT 0, at, actor, via, action, subject_kind, subject_id, model, reason, body,"
        " previous_hash, hash || 'x' FROM event WHERE seq = 10",
    ],
)
def test_events_can_only_be_appended(recorded: Database, statement: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="append-only"), recorded.write() as tx:
        tx.execute(statement)
    assert events.verify(recorded).verified == 10


@pytest.mark.parametrize(
    ("statement", "broken", "detail"),
    [
        ("UPDATE event SET actor = 'user:eve' WHERE seq = 4", 4, "event 4 is not what was recorded"),
        ("UPDATE event SET body = '{}' WHERE seq = 7", 7, "event 7 is not what was recorded"),
        ("UPDATE event SET previous_hash = 'x' WHERE seq = 5", 5, "event 5 does not follow event 4"),
        ("DELETE FROM event WHERE seq = 6", 6, "event 6 is missing"),
        ("DELETE FROM event WHERE seq = 1", 1, "event 1 is missing"),
    ],
)
def test_verify_names_the_first_broken_link(recorded: Database, statement: str, broken: int, detail: str) -> None:
    past_the_triggers(recorded, statement)
    chain = events.verify(recorded)
    assert (chain.ok, chain.verified, chain.broken_seq, chain.detail) == (False, broken - 1, broken, detail)


def test_rehashing_one_event_breaks_the_next(recorded: Database) -> None:
    changed = dataclasses.asdict(events.events(recorded, limit=1, before_seq=6)[0])
    fields = {name: changed[name] for name in changed if name not in ("previous_hash", "hash")}
    fields |= {"actor": "user:eve", "body": '{"number":3}'}
    forged = events.link_hash(fields, changed["previous_hash"])
    past_the_triggers(recorded, f"UPDATE event SET actor = 'user:eve', hash = '{forged}' WHERE seq = 5")
    assert events.verify(recorded).broken_seq == 6


@pytest.mark.parametrize("said", ["plain", 'quo"te\\ and \x00\n', "r\u00e9sum\u00e9 \U0001f600", "\ud800", ""])
def test_what_is_hashed_is_the_canonical_text_of_the_fields(database: Database, said: str) -> None:
    with database.write(dry_run=True) as tx:
        if said != "\ud800":  # which the registry cannot hold, and says so
            event = events.append(
                tx, actor=said, action=said, subject_kind=said, subject_id=said, model=said or None, reason=said,
                body={said: [said, 1, 0.5, None]}, via=said or None,
            )  # fmt: skip
            assert events.verify(tx).head == event.hash
    written = (1, 2, said, said or None, said, said, said, None, said, said)
    assert events._canonical(*written) == dump(dict(zip(events._FIELDS, written, strict=True)))


def test_event_rolls_back_with_its_change(recorded: Database) -> None:
    def fail() -> None:
        with recorded.write() as tx:
            events.append(tx, actor=ANNA, action="note.made", subject_kind="note", subject_id="lost")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with recorded.write() as tx:
        kept = events.append(tx, actor=ANNA, action="note.made", subject_kind="note", subject_id="kept")
    assert kept.seq == 11
    assert events.verify(recorded).ok


def test_events_are_listed_newest_first_by_page_model_and_subject(recorded: Database) -> None:
    assert [event.seq for event in events.events(recorded, limit=3)] == [10, 9, 8]
    assert [event.seq for event in events.events(recorded, limit=2, before_seq=8)] == [7, 6]
    assert [event.body["number"] for event in events.events(recorded, model="rates")] == [7, 5, 3, 1]
    assert [event.subject_id for event in events.events(recorded, subject=("note", "4"))] == ["4"]
    third = events.event(recorded, 3)
    assert third
    assert third.subject_id == "1"
    assert events.event(recorded, 99) is None


def test_jobs_that_send_notifications_are_left_out_with_those_of_schedules(deck):
    from store import jobs

    with deck.database.write() as tx:
        jobs.enqueue(tx, kind="notify", actor="trigger:notify", args={"target": "hook"})
        jobs.enqueue(tx, kind="notify", actor="user:anna", args={"target": "hook", "test": True})
    assert [one.actor for one in events.events(deck.database, scheduled_jobs=False)] == ["user:anna"]
    assert len(events.events(deck.database)) == 2
