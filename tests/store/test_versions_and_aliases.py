"""Versions are numbered and immutable; aliases move by compare-and-swap."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from store import events, history, models, versions
from store.database import Database
from store.errors import AliasConflict, Refused, UnknownName
from store.rows import AliasMove, Version

ANNA = "user:anna"
Register = Callable[..., Version]


def test_first_version_takes_no_alias(database: Database, register: Register) -> None:
    with database.write() as tx:
        made = register(tx)
    assert (made.model, made.number, made.aliases, made.git_dirty) == ("rates", 1, (), False)


def test_version_trained_while_a_champion_stands_takes_challenger(database: Database, register: Register) -> None:
    with database.write() as tx:
        register(tx)
        models.set_alias(tx, "rates", "champion", 1, actor=ANNA)
        second = register(tx)
    assert second.aliases == ("challenger",)
    shown = models.model(database, "rates")
    assert (shown.versions, shown.champion, shown.challenger) == (2, 1, 2)
    assert shown in models.models(database)


def test_versions_are_listed_newest_first_with_tags(database: Database, register: Register) -> None:
    with database.write() as tx:
        register(tx)
        register(tx, tags={"season": "summer"})
    assert [(one.number, one.tags) for one in versions.versions(database, "rates")] == [
        (2, {"season": "summer"}),
        (1, {}),
    ]


def test_unknown_version_and_unknown_model_are_told_apart(database: Database) -> None:
    with pytest.raises(UnknownName, match="no version rates@9"):
        versions.version(database, "rates", 9)
    with pytest.raises(UnknownName) as told:
        versions.version(database, "raets", 1)
    assert told.value.hint == "did you mean rates?"


def test_version_reference_is_read_and_refused() -> None:
    assert versions.parse_ref("nightly-rates@12") == ("nightly-rates", 12)
    for wrong in ("rates", "rates@", "@3", "rates@0", "rates@x"):
        with pytest.raises(Refused):
            versions.parse_ref(wrong)


def test_marking_abandoned_is_on_record_once_and_can_be_cleared(database: Database, register: Register) -> None:
    with database.write() as tx:
        register(tx)
        assert versions.mark_abandoned(tx, "rates", 1, ANNA, "bad prices").abandoned_at == tx.at
        versions.mark_abandoned(tx, "rates", 1, ANNA, "again")
        assert versions.clear_abandoned(tx, "rates", 1, ANNA).abandoned_at is None
    recorded = [event.action for event in events.events(database, subject=("version", "rates@1"))]
    assert recorded == ["version.reinstated", "version.abandoned", "version.registered"]


def test_alias_moves_only_from_the_generation_that_was_seen(database: Database, register: Register) -> None:
    with database.write() as tx:
        for _ in range(3):
            register(tx)
        first = models.set_alias(tx, "rates", "champion", 1, actor=ANNA, expected_generation=0)
        assert first.generation == 1
        models.set_alias(tx, "rates", "champion", 2, actor=ANNA, expected_generation=1)
    with pytest.raises(AliasConflict, match="it names version 2 now"), database.write() as tx:
        models.set_alias(tx, "rates", "champion", 3, actor=ANNA, expected_generation=1)
    assert [(one.name, one.version) for one in models.aliases(database, "rates") if one.name == "champion"] == [
        ("champion", 2)
    ]


def test_alias_that_already_names_the_version_does_not_move(database: Database, register: Register) -> None:
    with database.write() as tx:
        register(tx)
        models.set_alias(tx, "rates", "blue", 1, actor=ANNA)
        again = models.set_alias(tx, "rates", "blue", 1, actor="user:bob")
    assert (again.generation, again.actor) == (1, ANNA)


def test_removed_alias_never_repeats_a_generation(database: Database, register: Register) -> None:
    with database.write() as tx:
        register(tx)
        models.set_alias(tx, "rates", "blue", 1, actor=ANNA)
        models.remove_alias(tx, "rates", "blue", actor=ANNA, reason="done")
        assert models.alias(tx, "rates", "blue") is None
        assert models.generation(tx, "rates", "blue") == 2
        with pytest.raises(AliasConflict):
            models.set_alias(tx, "rates", "blue", 1, actor=ANNA, expected_generation=0)
        assert models.set_alias(tx, "rates", "blue", 1, actor=ANNA, expected_generation=2).generation == 3


def test_every_move_is_told_newest_first_and_of_removed_aliases_too(database: Database, register: Register) -> None:
    with database.write() as tx:
        for _ in range(2):
            register(tx)
        models.set_alias(tx, "rates", "blue", 1, actor=ANNA, reason="first")
        models.set_alias(tx, "rates", "green", 1, actor=ANNA)
        models.set_alias(tx, "rates", "blue", 2, actor="user:bob")
        models.remove_alias(tx, "rates", "blue", actor=ANNA, reason="done")
    blue = [
        AliasMove("rates", "blue", 3, 2, None, ANNA, "done", tx.at),
        AliasMove("rates", "blue", 2, 1, 2, "user:bob", "", tx.at),
        AliasMove("rates", "blue", 1, None, 1, ANNA, "first", tx.at),
    ]
    green = AliasMove("rates", "green", 1, None, 1, ANNA, "", tx.at)
    assert history.alias_moves(database, "rates", "blue") == blue
    assert [move for move in history.alias_moves(database, "rates") if move.name != "champion"] == [
        *blue[:2],
        green,
        blue[2],
    ]
    assert history.alias_moves(database, "rates", limit=1) == blue[:1]
    assert history.alias_moves(database, "rates", "red") == []


def test_removing_an_alias_that_names_nothing_is_an_unknown_name(database: Database) -> None:
    with pytest.raises(UnknownName), database.write() as tx:
        models.remove_alias(tx, "rates", "blue", actor=ANNA)


def test_alias_cannot_name_a_version_that_is_not_there(database: Database) -> None:
    with pytest.raises(UnknownName, match="rates@4"), database.write() as tx:
        models.set_alias(tx, "rates", "blue", 4, actor=ANNA)


def test_version_is_read_by_an_alias_whole(database: Database, register: Register) -> None:
    with database.write() as tx:
        register(tx, tags={"team": "pricing", "tier": "1"}, git_dirty=True)
        made = register(tx, git_dirty=None)
        for name in ("champion", "blessed"):
            models.set_alias(tx, "rates", name, 1, actor=ANNA)
    found = versions.named(database, "rates", "champion")
    assert found == versions.version(database, "rates", 1)
    assert found
    assert (found.aliases, found.tags) == (("blessed", "champion"), {"team": "pricing", "tier": "1"})
    assert versions.named(database, "rates", "challenger") is None
    with database.write() as tx:
        models.set_alias(tx, "rates", "challenger", 2, actor=ANNA)
    assert versions.named(database, "rates", "challenger") == versions.version(database, "rates", made.number)


def test_version_is_referred_to_by_number_by_v_and_number_and_by_alias(database: Database, register: Register) -> None:
    with database.write() as tx:
        for _ in range(3):
            register(tx)
        models.set_alias(tx, "rates", "blessed", 3, actor=ANNA)
        models.set_alias(tx, "rates", "v1", 2, actor=ANNA)
    referred = {name: versions.referred(database, f"rates@{name}").number for name in ("3", "v3", "blessed", "v1")}
    assert referred == {"3": 3, "v3": 3, "blessed": 3, "v1": 2}  # an alias is what it names, even one that looks so
    for unknown in ("v4", "blest"):
        with pytest.raises(UnknownName):
            versions.referred(database, f"rates@{unknown}")


def test_what_register_returns_is_what_is_read(database: Database, register: Register) -> None:
    with database.write() as tx:
        first = register(tx, tags={"team": "pricing"}, description="the first")
        models.set_alias(tx, "rates", "champion", 1, actor=ANNA)
        second = register(tx, derived_from=1)
    assert versions.version(database, "rates", 2) == second
    assert (second.aliases, first.aliases) == (("challenger",), ())
    assert dataclasses.replace(first, aliases=("champion",)) == versions.version(database, "rates", 1)
