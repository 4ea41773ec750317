"""An applied state of the settings is immutable, and brings its models, hosts, monitors and schedules about."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.deck import Deck
from engine.settings.model import DeckSettings, MonitorSettings
from store import events, models, schedules, settings, watching
from store.database import Database
from store.errors import Refused, UnknownName
from store.json_text import dump, load, load_shared
from store.rows import SettingsRevision

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=4)
)
VALUES = st.recursive(
    SCALARS, lambda of: st.lists(of, max_size=3) | st.dictionaries(st.text(max_size=2), of), max_leaves=20
)
Apply = Callable[..., SettingsRevision]
Body = Callable[..., dict[str, Any]]


def test_nothing_is_applied_in_an_empty_registry(deck: Deck) -> None:
    assert settings.current(deck.database) is None
    assert models.models(deck.database) == []


def test_applying_makes_models_monitors_schedules_and_hosts(deck: Deck, apply_settings_body: Apply) -> None:
    watched = MonitorSettings(every_s=90.0, window_s=86400.0, by="event", lateness_s=60.0)
    revision = apply_settings_body("rates", posts={"task": "classification", "monitor": watched})
    assert revision.revision == 1
    assert [(model.name, model.task) for model in models.models(deck.database)] == [
        ("posts", "classification"),
        ("rates", "regression"),
    ]
    posts, rates = watching.monitors(deck.database)
    assert (posts.every_s, posts.window_s, posts.by, posts.lateness_s) == (90, 86400, "event", 60)
    assert rates.settings_revision == 1
    assert [(one.id, one.trigger, one.kind) for one in schedules.schedules(deck.database)] == [
        ("monitor:posts", "every 90s", "monitor"),
        ("monitor:rates", "every 5m", "monitor"),
    ]
    assert [(host.name, host.kind) for host in settings.hosts(deck.database)] == [("local", "process")]


def test_body_comes_back_as_the_settings_it_was(deck: Deck, settings_body: Body, apply_settings_body: Apply) -> None:
    body = settings_body("rates")
    applied = apply_settings_body("rates")
    assert DeckSettings.from_body(applied.body) == DeckSettings.from_body(body)
    assert settings.get(deck.database, 1) == settings.current(deck.database) == applied


def test_applying_the_same_again_is_no_revision(deck: Deck, settings_body: Body) -> None:
    with deck.database.write() as tx:
        first, already = settings.apply(tx, settings_body("rates"), "user:anna", "first")
        assert not already
        again, already = settings.apply(tx, settings_body("rates"), "user:bob", "second")
        assert already
    assert again == first
    assert len(events.events(deck.database)) == 1


def test_event_names_what_was_added_changed_and_removed(deck: Deck, apply_settings_body: Apply) -> None:
    apply_settings_body("rates", "posts")
    apply_settings_body("other", rates={"owner": "someone else"})
    body = events.events(deck.database, limit=1)[0].body
    assert (body["added"], body["changed"], body["removed"]) == (["other"], ["rates"], ["posts"])


def test_model_whose_file_is_gone_stays_but_is_watched_no_more(deck: Deck, apply_settings_body: Apply) -> None:
    apply_settings_body("rates", "posts")
    apply_settings_body("rates")
    assert [model.name for model in models.models(deck.database)] == ["posts", "rates"]
    assert [monitor.name for monitor in watching.monitors(deck.database)] == ["rates"]
    assert [schedule.id for schedule in schedules.schedules(deck.database)] == ["monitor:rates"]
    apply_settings_body("rates", "posts")
    assert len(watching.monitors(deck.database)) == len(schedules.schedules(deck.database)) == 2


def test_going_back_to_an_older_state_is_a_new_revision(deck: Deck, apply_settings_body: Apply) -> None:
    first = apply_settings_body("rates")
    apply_settings_body("rates", "posts")
    third = apply_settings_body("rates")
    assert (third.revision, third.hash) == (3, first.hash)


def test_host_keeps_its_kind(deck: Deck, settings_body: Body, apply_settings_body: Apply) -> None:
    apply_settings_body("rates")
    body = settings_body("rates")
    body["hosts"][0]["kind"] = "docker"
    with pytest.raises(Refused, match="kind process"), deck.database.write() as tx:
        settings.apply(tx, body, "user:anna", "")
    assert settings.current(deck.database) == settings.get(deck.database, 1)


def test_there_is_one_process_host_at_most(deck: Deck, settings_body: Body) -> None:
    body = settings_body("rates")
    body["hosts"] = [*body["hosts"], {"name": "two", "kind": "process", "address": "x", "port": 0}]
    with pytest.raises(Refused, match="at most one process host"), deck.database.write() as tx:
        settings.apply(tx, body, "user:anna", "")


def test_host_that_is_not_declared_any_more_is_not_listed(deck: Deck, settings_body: Body) -> None:
    body = settings_body("rates")
    with deck.database.write() as tx:
        far = {"name": "far", "kind": "docker", "address": "ssh://far", "port": 0}
        settings.apply(tx, {**body, "hosts": [*body["hosts"], far]}, "user:anna", "")
        assert [host.name for host in settings.hosts(tx)] == ["far", "local"]
        settings.apply(tx, body, "user:anna", "")
        assert [host.name for host in settings.hosts(tx)] == ["local"]


def test_revisions_cannot_be_changed(database: Database) -> None:
    for statement in ("UPDATE settings_revision SET body = '{}'", "DELETE FROM settings_revision"):
        with pytest.raises(sqlite3.IntegrityError, match="immutable"), database.write() as tx:
            tx.execute(statement)


def test_unknown_revision_is_an_unknown_name(database: Database) -> None:
    with pytest.raises(UnknownName, match="no settings revision 7"):
        settings.get(database, 7)


def test_what_is_applied_is_kept_once_however_many_models_say_the_same(deck: Deck, apply_settings_body: Apply) -> None:
    """A daemon keeps it for all its readers; it says what the revision does, and so after the next one."""
    for names in (("rates", "posts"), ("rates", "posts", "nights")):
        revision = apply_settings_body(*names)
        kept = settings.applied_body(deck.database)
        assert dump(kept) == dump(revision.body)
        assert settings.applied_body(deck.database) is kept
        assert settings.body_of(deck.database, revision.revision) is kept
        assert kept["models"]["rates"]["gates"] is kept["models"]["posts"]["gates"]
    assert dump(settings.body_of(deck.database, 1)) == dump(settings.get(deck.database, 1).body)
    with pytest.raises(UnknownName):
        settings.body_of(deck.database, 9)


@given(VALUES)
@example([{"a": 1}, {"a": 1.0}, {"a": True}, {"a": [{"b": False}]}, {"a": [{"b": 0}]}, {"a": -0.0}, {"a": 0.0}])
def test_text_whose_like_parts_are_one_says_the_same(value: Any) -> None:
    """Also of numbers that are equal and not the same."""
    assert dump(load_shared(dump(value))) == dump(load(dump(value)))
