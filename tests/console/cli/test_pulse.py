"""The pulse of a deck with more models than one looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from one_model import deck_of_one_model, register

from engine.client import connect
from engine.deck import Deck
from engine.operations.deck import counts_of
from engine.settings.model import DataSettings, DeckSettings, HostSettings, ModelSettings
from engine.workspace import Workspace
from store import alerts, models, settings
from store.rows import Alert

Line = Callable[..., Any]
MANY = 30


@pytest.fixture
def deck(folder: Path) -> Iterator[Deck]:
    """The open deck, with `rates` and thirty models before it by name."""
    opened = deck_of_one_model(folder)
    apply(opened, [*(f"a{number:02d}" for number in range(MANY)), "rates"])
    yield opened
    opened.database.close()


def apply(deck: Deck, names: list[str], name: str = "deck") -> None:
    made = {each: ModelSettings(each, "regression", DataSettings("rows.csv", "y")) for each in names}
    with deck.database.write() as tx:
        settings.apply(tx, DeckSettings(name, "UTC", (HostSettings("local"),), made).to_body(), "user:anna")


def named(line: Line, *words: str) -> list[str]:
    return [one["model"] for one in line("pulse", "--json", *words).data["models"]]


def test_all_models_are_told_unless_fewer_are_asked_for(line: Line, deck: Deck) -> None:
    assert len(named(line)) == MANY + 1
    assert named(line, "--most", "100") == named(line)
    assert line("pulse", "--most", "3", "--json").data["total"] == MANY + 1
    assert named(line, "--most", "3") == ["a00", "a01", "a02"]


def test_those_that_ask_for_a_look_come_first_then_those_that_serve(line: Line, deck: Deck) -> None:
    with deck.database.write() as tx:
        register(tx)
        models.set_alias(tx, "rates", "champion", 1, actor="user:anna")
        alerts.raise_alert(
            tx,
            model="a29",
            kind="drift",
            key="a29/drift",
            severity="warning",
            title="drifts",
            evidence={},
            actor="user:anna",
        )
    assert named(line, "--most", "3") == ["a29", "rates", "a00"]


def test_fewer_than_none_is_refused(line: Line, deck: Deck) -> None:
    refused = line("pulse", "--most", "-1")
    assert refused.code == 2
    assert "below 0" in refused.err


def test_the_line_at_the_top_counts_what_the_pulse_holds(deck: Deck) -> None:
    with connect(Workspace(deck.workspace.root)) as client:
        assert client.call("deck.counts") == counts_of(client.call("deck.pulse"))
        apply(deck, ["rates"], "another name")
        assert client.call("deck.counts").deck == "another name"


def test_a_resolved_alert_is_not_counted(deck: Deck) -> None:
    with connect(Workspace(deck.workspace.root)) as client:
        pulse = client.call("deck.pulse")
    one = Alert(**dict.fromkeys(Alert.__match_args__))  # type: ignore[arg-type]
    told = (replace(one, state="open"), replace(one, state="resolved"), replace(one, state="snoozed"))
    assert counts_of(replace(pulse, alerts=told)).alerts == 2
