"""Reads of personal columns are on the access log before they are answered: by whom, of what, in which form."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.access import Caller, Role
from engine.deck import Deck
from engine.operations.catalog import OPERATIONS
from engine.service.call import call
from engine.service.context import ServiceContext
from engine.settings.model import DataSettings
from store import access_log, events, snapshots
from store.clock import FrozenClock
from store.errors import NotAllowed, Refused, StorageUnwritable, UnknownName
from store.rows import PersonalRead, Snapshot

BEN = Caller("user:ben", Role.APPROVER, via="sudo:root")


@pytest.fixture
def asked(deck: Deck, apply_settings_body: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that asks as somebody: `asked("data.quarantine", model="rates", who=BEN)`."""
    personal = DataSettings(source="rows.csv", target="y", time_column="at", personal=("guest", "phone"))
    apply_settings_body("plain", rates={"data": personal})

    def ask(operation: str, who: Caller = BEN, transport: str = "socket", **body: Any) -> Any:
        return call(ServiceContext(deck, who, transport), operation, body)

    return ask


def test_a_read_is_told_with_who_by_what_and_which_columns(asked: Callable[..., Any], deck: Deck) -> None:
    before = len(events.events(deck.database))
    asked("data.quarantine", model="rates")
    assert asked("access.log") == [
        PersonalRead(
            at=deck.clock.now(),
            actor="user:ben",
            via="sudo:root",
            transport="socket",
            operation="data.quarantine",
            model="rates",
            subject="",
            columns=("guest", "phone"),
            told="masked",
        )
    ]
    assert len(events.events(deck.database)) == before  # the chained record holds changes


def test_what_is_not_personal_is_not_told(asked: Callable[..., Any]) -> None:
    asked("data.quarantine", model="plain")
    asked("models.list")
    assert asked("access.log") == []


def test_a_snapshot_is_named_whole_however_it_was_asked_for(asked: Callable[..., Any], deck: Deck) -> None:
    id = deck.artifacts.put_bytes(b"PAR1rows")
    with deck.database.write() as tx:
        columns = ({"name": "guest", "type": "string"},)
        snapshots.add_snapshot(tx, Snapshot(id, "rates", 1, columns, None, None, None, "rows.csv", 8, tx.at), "user:a")
    asked("data.show", id=id[7:15])
    assert [(row.subject, row.told) for row in asked("access.log")] == [(id, "statistics")]


def test_a_read_that_was_refused_told_nothing_and_is_not_on_it(asked: Callable[..., Any]) -> None:
    with pytest.raises(UnknownName):
        asked("data.quarantine", model="nobody")
    with pytest.raises(NotAllowed, match=r"access\.log needs approver"):
        asked("access.log", who=Caller("user:eve", Role.OPERATOR))
    assert asked("access.log") == []


def test_a_read_only_session_is_on_it_too(asked: Callable[..., Any]) -> None:
    asked("data.quarantine", who=Caller("user:eve", Role.VIEWER, read_only=True), model="rates")
    assert [row.actor for row in asked("access.log")] == ["user:eve"]


def test_what_cannot_be_recorded_is_not_answered(asked: Callable[..., Any], deck: Deck) -> None:
    deck.workspace.access_log.write_bytes(b"")  # no folder can be made there
    with pytest.raises(StorageUnwritable, match="nothing was told"):
        asked("data.quarantine", model="rates")


def test_it_is_asked_by_person_model_and_time(asked: Callable[..., Any], deck: Deck, clock: FrozenClock) -> None:
    asked("data.quarantine", model="rates")
    clock.advance(86_400)
    asked("data.quarantine", who=Caller("user:eve", Role.VIEWER), model="rates")
    assert [row.actor for row in asked("access.log")] == ["user:eve", "user:ben"]
    assert [row.actor for row in asked("access.log", limit=1)] == ["user:eve"]
    assert [row.actor for row in asked("access.log", by="ben")] == ["user:ben"]
    assert [row.actor for row in asked("access.log", by="user:eve")] == ["user:eve"]
    assert [row.actor for row in asked("access.log", since="2026-03-02")] == ["user:eve"]
    assert [row.actor for row in asked("access.log", until="2026-03-02")] == ["user:ben"]
    assert asked("access.log", model="plain") == []
    with pytest.raises(UnknownName):
        asked("access.log", model="rats")
    with pytest.raises(Refused, match="is not a time"):
        asked("access.log", since="\x1b[31m")
    assert len(list(deck.workspace.access_log.iterdir())) == 2


def test_a_half_line_of_a_killed_writer_spoils_no_other(tmp_path: Path) -> None:
    row = PersonalRead(1, "user:ben", None, "process", "data.show", "rates", "", ("guest",), "masked")
    access_log.append(tmp_path, row)
    with next(tmp_path.iterdir()).open("ab") as file:
        file.write(b'{"at": 5, "actor"')
    access_log.append(tmp_path, row)
    assert list(access_log.rows(tmp_path, access_log.Span())) == [row, row]


def test_lines_of_many_processes_are_whole(tmp_path: Path) -> None:
    writers = [multiprocessing.get_context("fork").Process(target=_append, args=(tmp_path, n)) for n in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = list(access_log.rows(tmp_path, access_log.Span()))
    assert sorted(row.subject for row in found) == sorted(f"{n}-{each}" for n in range(4) for each in range(25))


def _append(folder: Path, number: int) -> None:
    for each in range(25):
        access_log.append(
            folder, PersonalRead(7, "user:b", None, "job", "x", "m", f"{number}-{each}", ("g",), "masked")
        )
    os._exit(0)


@pytest.mark.parametrize("operation", [one for one in OPERATIONS.values() if one.personal], ids=lambda one: one.id)
def test_every_such_operation_says_of_what_it_is(operation: Any) -> None:
    fields = set(operation.request.__dataclass_fields__)
    assert operation.personal in ("statistics", "masked", "attributed", "sought", "copied")
    assert fields & {"model", "id", "person", "file"}
