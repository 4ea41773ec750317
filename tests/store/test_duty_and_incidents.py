"""The watch is one person's at a time; an incident is opened, noted and closed; each change with its event."""

from __future__ import annotations

import sqlite3

import pytest

from store import comments, duty, events, incidents, subjects, watches
from store.clock import FrozenClock
from store.database import Database
from store.errors import Refused, UnknownName

ANNA, BEN = "user:anna", "user:ben"
HOUR_US = 3_600_000_000


def test_the_watch_is_taken_from_whoever_has_it_and_given_on(database: Database, clock: FrozenClock) -> None:
    with database.write() as tx:
        first, changed = duty.take(tx, actor=ANNA)
        assert changed
        assert duty.take(tx, actor=ANNA) == (first, False)
    clock.advance(60)
    with database.write() as tx:
        duty.take(tx, actor=BEN, note="anna sleeps")
    assert (duty.last_left(database, ANNA), duty.last_left(database, BEN)) == (clock.now(), None)
    clock.advance(60)
    with database.write() as tx:
        made = duty.give(tx, actor=BEN, to=ANNA, note="the fair")
    assert (made.actor, made.given_by, made.note) == (ANNA, BEN, "the fair")
    event = events.events(database, limit=1)[0]
    assert (event.action, event.body) == ("duty.given", {"from": BEN, "to": ANNA})
    assert watches.concerned(database, event) == {"anna"}
    with database.write() as tx:
        duty.give(tx, actor=ANNA, to=None)
    assert duty.standing(database) is None
    assert [one.actor for one in duty.duties(database)] == [ANNA, BEN, ANNA]


def test_only_who_has_it_gives_it_and_not_to_themselves(database: Database) -> None:
    with database.write() as tx, pytest.raises(Refused, match="nobody has it"):
        duty.give(tx, actor=ANNA, to=BEN)
    with database.write() as tx:
        duty.take(tx, actor=ANNA)
    with database.write() as tx, pytest.raises(Refused, match="anna has it"):
        duty.give(tx, actor=BEN, to=None)
    with database.write() as tx, pytest.raises(Refused, match="you have the watch already"):
        duty.give(tx, actor=ANNA, to=ANNA)


def test_the_registry_itself_lets_no_two_have_it(database: Database) -> None:
    with database.write() as tx:
        duty.take(tx, actor=ANNA)
    with sqlite3.connect(database.path) as raw, pytest.raises(sqlite3.IntegrityError):
        raw.execute("INSERT INTO duty SELECT 'x', state, 'user:eve', given_by, note, taken_at, NULL, NULL FROM duty")


def test_an_incident_is_opened_noted_and_closed_once(database: Database, clock: FrozenClock) -> None:
    began = clock.now() - HOUR_US
    with database.write() as tx:
        one = incidents.open_incident(tx, " prices of the fair ", models_named=("rates",), from_at=began, actor=ANNA)
        note = comments.add(tx, subjects.find(tx, "incident", one.id[:20]), "saw it at 02:10", actor=BEN)
    assert (one.title, one.models, note.kind, note.model) == ("prices of the fair", ("rates",), "incident", "rates")
    assert incidents.incidents(database, open_only=True) == [one]
    with database.write() as tx, pytest.raises(Refused, match="how did it end"):
        incidents.close(tx, one.id, "  ", actor=BEN)
    with database.write() as tx:
        closed, changed = incidents.close(tx, one.id, "rolled back", actor=BEN)
        assert changed
        assert incidents.close(tx, one.id, "again", actor=ANNA) == (closed, False)
    assert (closed.resolution, closed.closed_by, closed.from_at) == ("rolled back", BEN, began)
    assert incidents.incidents(database, open_only=True) == []
    told = [event.action for event in events.events(database, subject=("incident", one.id))]
    assert told == ["incident.closed", "incident.opened"]


@pytest.mark.parametrize(
    ("title", "models", "later_s", "error"),
    [
        ("", (), 0, Refused),
        ("two\nlines", (), 0, Refused),
        ("x" * 201, (), 0, Refused),
        ("a\x1b[2J", (), 0, Refused),
        ("fine", ("nobody",), 0, UnknownName),
        ("fine", (), 3600, Refused),
    ],
)
def test_what_is_no_incident_is_refused_and_not_recorded(
    database: Database, title: str, models: tuple[str, ...], later_s: int, error: type[Exception]
) -> None:
    before = events.head(database)
    with database.write() as tx, pytest.raises(error):
        incidents.open_incident(tx, title, models_named=models, from_at=tx.at + later_s * 1_000_000, actor=ANNA)
    assert events.head(database) == before


def test_events_of_a_span_are_found_whole_and_in_order(database: Database, clock: FrozenClock) -> None:
    marks = []
    for number in range(40):
        clock.advance(7)
        with database.write() as tx:
            marks.append(tx.at)
            events.append(
                tx,
                actor=ANNA,
                action="note.made",
                subject_kind="note",
                subject_id=str(number),
                model="rates" if number % 2 else "other",
            )
    found = events.between(database, marks[10], marks[20], limit=100)
    assert [event.subject_id for event in found] == [str(number) for number in range(10, 21)]
    inside = events.between(database, marks[10] + 1, marks[13] - 1, limit=9)
    assert [event.subject_id for event in inside] == ["11", "12"]
    assert [event.subject_id for event in events.between(database, marks[10], marks[20], limit=2)] == ["19", "20"]
    of_rates = events.between(database, marks[10], marks[20], model="rates", limit=100)
    assert [event.subject_id for event in of_rates] == ["11", "13", "15", "17", "19"]
    assert events.between(database, marks[-1] + 1, marks[-1] + 9, limit=9) == []
    assert len(events.between(database, 0, marks[-1], limit=1000)) == events.head(database)
