"""Reconcilers follow the hosts of the applied settings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.daemon.fleet import Fleet
from engine.deck import Deck, make_deck
from engine.settings.model import DataSettings, DeckSettings, HostSettings, ModelSettings
from engine.workspace import Workspace
from store import settings

LOCAL = HostSettings("local")
FAR = HostSettings("far", "docker", "unix:///nowhere/docker.sock")


@pytest.fixture
def deck(tmp_path: Path) -> Deck:
    (tmp_path / "deck.toml").write_text('name = "fleet"\n')
    return make_deck(Workspace(tmp_path))


@pytest.fixture
def fleet(deck: Deck) -> Iterator[Fleet]:
    made = Fleet(deck)
    yield made
    made.close(stop_servers=False)


def apply(deck: Deck, *hosts: HostSettings, models: int = 1) -> None:
    named = {
        f"m{number}": ModelSettings(f"m{number}", "regression", data=DataSettings(source="r.csv", target="y"))
        for number in range(models)
    }
    with deck.database.write() as tx:
        settings.apply(tx, DeckSettings("fleet", "UTC", hosts, named).to_body(), "user:anna")


def test_hosts_come_change_and_go_with_what_is_applied(deck: Deck, fleet: Fleet) -> None:
    assert not fleet.tick()  # nothing is applied yet
    apply(deck, LOCAL)
    assert not fleet.tick()
    apply(deck, LOCAL, FAR)
    assert fleet.tick()
    assert not fleet.tick()
    apply(deck, LOCAL, FAR, models=2)  # another model, the same hosts
    assert not fleet.tick()
    apply(deck, LOCAL, HostSettings("far", "docker", "unix:///elsewhere/docker.sock"))
    assert fleet.tick()
    apply(deck, LOCAL)
    assert fleet.tick()
    assert not fleet.tick()
