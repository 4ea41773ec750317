"""What the pulse says of a model's past: since when its champion serves, and what was last done to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from one_model import deck_of_one_model, register

from engine.client import connect
from engine.deck import Deck
from engine.operations.deck import PulseModel
from engine.service.handlers.changed import serving_since
from engine.workspace import Workspace
from store import events, models, settings
from store.rows import Alias, RouteSpan

CHAMPION = Alias("rates", "champion", 3, 1, "user:anna", 100)
SPAN = RouteSpan("rates", "local", 3, None, 100, "champion", 1, None, 100, None)


@pytest.fixture
def deck(folder: Path) -> Iterator[Deck]:
    """The open deck with version 1 of `rates` as its champion."""
    opened = deck_of_one_model(folder)
    with opened.database.write() as tx:
        register(tx)
        models.set_alias(tx, "rates", "champion", 1, actor="user:anna")
    yield opened
    opened.database.close()


def told(deck: Deck) -> PulseModel:
    with connect(Workspace(deck.workspace.root)) as client:
        [row] = client.call("deck.pulse").models
    return row


def span(from_at: int, to_at: int | None, **changed: Any) -> RouteSpan:
    return replace(SPAN, from_at=from_at, to_at=to_at, **changed)


@pytest.mark.parametrize(
    ("spans", "since"),
    [
        ([span(100, None)], 100),
        # a promotion of v4 took a share of the traffic, was aborted, and gave it back
        ([span(300, None), span(200, 300, weight=90), span(200, 300, version=4, weight=10), span(100, 200)], 100),
        # another host came in later
        ([span(250, None, host="far"), span(100, None)], 100),
        # stopped at 200, served again from 300 on
        ([span(300, None), span(100, 200)], 300),
        ([span(300, None), span(200, 300, weight=0), span(100, 200)], 300),
        # it had served before it was promoted, step by step
        ([span(90, None), span(80, 90, weight=50)], 100),
        ([], 100),
        ([span(100, None, endpoint="other")], 100),
        ([span(100, 200)], 100),
    ],
)  # fmt: skip
def test_a_champion_serves_since_its_traffic_began_without_a_break(spans: list[RouteSpan], since: int) -> None:
    assert serving_since(spans, "rates", 3, CHAMPION) == since


def test_without_a_champion_there_is_no_since() -> None:
    assert serving_since([SPAN], "rates", None, None) is None


def test_what_goes_on_by_itself_is_not_what_changed(deck: Deck) -> None:
    before = told(deck)
    assert (before.last_change, before.last_change_by) == ("champion v1", "user:anna")
    with deck.database.write() as tx:
        for action, kind in (
            ("schedule.skipped", "schedule"),
            ("schedule.held", "schedule"),
            ("schedule.caught_up", "schedule"),
            ("tests.ran", "version"),
            ("fault.found", "host"),
            ("comment.added", "comment"),
        ):
            events.append(tx, actor="schedule:x", action=action, subject_kind=kind, subject_id="1", model="rates")
    assert told(deck) == before


def test_settings_that_changed_a_model_are_its_newest_change(deck: Deck) -> None:
    body = settings.applied_body(deck.database)
    with deck.database.write() as tx:
        settings.apply(tx, {**body, "name": "another"}, "user:ben", "")
    assert told(deck).last_change == "champion v1"  # a change of the deck, not of this model
    changed = {**body["models"]["rates"], "owner": "ben"}
    with deck.database.write() as tx:
        settings.apply(tx, {**body, "models": {"rates": changed}}, "user:ben", "it is Ben's now")
    row = told(deck)
    assert (row.last_change, row.last_change_by) == ("settings 3 applied", "user:ben")
    assert row.last_change_reason == "it is Ben's now"
