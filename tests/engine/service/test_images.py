"""Images through the door: listed by model, and a base asked for."""

from __future__ import annotations

from typing import Any

import pytest

from engine.access import Caller, Role
from engine.deck import Deck
from engine.jobs.kinds import KINDS
from engine.service.call import call, resolve
from engine.service.context import ServiceContext
from engine.settings.model import DeckSettings, HostSettings
from store import jobs, settings
from store.errors import NotAllowed, Refused, UnknownName


@pytest.fixture
def ask(deck: Deck) -> Any:
    """Ask as an operator of a deck with a process host, and a docker host."""
    hosts = (HostSettings("local"), HostSettings("dock", "docker", "unix:///var/run/docker.sock", 8080))
    with deck.database.write() as tx:
        settings.apply(tx, DeckSettings("test", "UTC", hosts, {}).to_body(), "user:anna", "")
    context = ServiceContext(deck, Caller("user:ola", Role.OPERATOR))
    return lambda operation, **body: call(context, operation, body)


def test_a_base_is_asked_for_once_per_docker_host(ask: Any, deck: Deck) -> None:
    job = ask("hosts.build_base", name="dock")
    assert (job.kind, job.args, job.actor, job.model) == ("build-base", {"host": "dock"}, "user:ola", None)
    assert ask("hosts.build_base", name="dock").id == job.id
    assert [each.id for each in jobs.jobs(deck.database)] == [job.id]
    assert callable(resolve(KINDS[job.kind].entry))


def test_only_a_docker_host_of_the_deck_takes_a_base(ask: Any, deck: Deck) -> None:
    with pytest.raises(Refused, match="local runs processes: it needs no images"):
        ask("hosts.build_base", name="local")
    with pytest.raises(UnknownName, match="no host named 'beta'"):
        ask("hosts.build_base", name="beta")
    viewer = ServiceContext(deck, Caller("user:eve", Role.VIEWER))
    with pytest.raises(NotAllowed):
        call(viewer, "hosts.build_base", {"name": "dock"})
    assert jobs.jobs(deck.database) == []


def test_an_unknown_models_images_are_no_empty_list(ask: Any) -> None:
    assert ask("images.list") == []
    with pytest.raises(UnknownName, match="no model 'rates'"):
        ask("images.list", model="rates")
