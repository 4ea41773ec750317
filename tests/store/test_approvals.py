"""An approval in the registry: requested, answered, taken back, ended, each change with its event."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from store import approvals, events
from store.database import Database
from store.errors import Refused, UnknownName
from store.rows import Approval, Version

ANNA, BEN, CARLA = "user:anna", "user:ben", "user:carla"
REQUEST: dict[str, Any] = {
    "model": "rates",
    "version": 1,
    "asked": 2,
    "role": "approver",
    "users": ("ben", "carla"),
    "evidence_hash": "e" * 64,
    "settings_hash": "s" * 64,
    "champion_generation": 0,
    "actor": ANNA,
    "reason": "better on weekends",
}


@pytest.fixture(autouse=True)
def version(database: Database, register: Callable[..., Version]) -> None:
    """The version that is to be approved."""
    with database.write() as tx:
        register(tx)


def requested(database: Database, **changed: Any) -> Approval:
    with database.write() as tx:
        return approvals.request(tx, **{**REQUEST, **changed})


def answered(database: Database, id: str, said: str, actor: str, reason: str = "") -> Approval:
    with database.write() as tx:
        return approvals.answer(tx, id, said, actor=actor, reason=reason)


def actions(database: Database, id: str) -> list[str]:
    return [one.action for one in reversed(events.events(database, subject=("approval", id)))]


def test_a_request_comes_back_whole_with_its_answers(database: Database) -> None:
    made = requested(database)
    assert (made.state, made.users, made.answers, made.ended_at) == ("open", ("ben", "carla"), (), None)
    answered(database, made.id, "granted", BEN, "looked at slices")
    after = answered(database, made.id, "granted", CARLA)
    assert after == approvals.approval(database, made.id[:13])
    assert [(one.actor, one.answer, one.reason) for one in after.answers] == [
        (BEN, "granted", "looked at slices"),
        (CARLA, "granted", ""),
    ]
    assert after.state == "granted"
    assert actions(database, made.id) == ["approval.requested", "approval.granted", "approval.granted"]


def test_a_refusal_ends_it_and_nothing_more_can_be_answered(database: Database) -> None:
    made = requested(database)
    assert answered(database, made.id, "refused", BEN, "worse").detail == "by user:ben: worse"
    for said in ("granted", "refused"):
        with pytest.raises(Refused, match="is refused by user:ben: worse"):
            answered(database, made.id, said, CARLA)
    assert approvals.approvals(database) == []
    assert [one.id for one in approvals.approvals(database, standing_only=False)] == [made.id]


def test_a_grant_taken_back_can_be_given_again(database: Database) -> None:
    made = requested(database, asked=1)
    answered(database, made.id, "granted", BEN)
    with database.write() as tx:
        back = approvals.take_back(tx, made.id, actor=BEN)
    assert (back.state, back.granted) == ("open", ())
    assert answered(database, made.id, "granted", BEN).state == "granted"


def test_of_one_version_one_request_stands(database: Database) -> None:
    made = requested(database)
    with pytest.raises(sqlite3.IntegrityError):
        requested(database)
    with database.write() as tx:
        approvals.lapse(tx, made.id, "the champion has moved", actor="trigger:approvals")
    again = requested(database)
    newest = approvals.newest(database, "rates", 1)
    assert newest is not None
    assert newest.id == again.id


def test_only_what_is_granted_is_used(database: Database) -> None:
    made = requested(database, asked=1)
    with database.write() as tx:
        assert approvals.use(tx, made.id, "0" * 32, actor=ANNA).state == "open"
    assert actions(database, made.id) == ["approval.requested"]


def test_second_looks_stand_beside_requests_and_fall_due(database: Database) -> None:
    requested(database)
    look = requested(database, kind="second look", asked=1, due_at=10**15)
    assert [one.id for one in approvals.overdue_looks(database, 10**15)] == [look.id]
    assert approvals.overdue_looks(database, 10**15 - 1) == []
    assert approvals.open_look(database, "rates", 1) == look
    assert answered(database, look.id, "granted", BEN).ended_at is not None
    assert approvals.open_look(database, "rates", 1) is None


def test_an_unknown_id_is_an_unknown_name(database: Database) -> None:
    with pytest.raises(UnknownName):
        approvals.approval(database, "0193")
