"""A look into one replica's container from a process that is not its reconciler."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from engine.deck import Deck
from engine.deploy.containers.link import Link
from engine.deploy.containers.runtime import deck_id
from engine.deploy.hosts.connection import reached
from engine.deploy.images import containers
from engine.settings.model import HostSettings
from store.errors import UnknownName
from store.rows import Replica


@contextmanager
def opened(deck: Deck, host: HostSettings, replica: Replica) -> Iterator[Link]:
    """Open a link to a replica's container, for the length of the block.

    Raises:
        Unavailable: the host or the container does not answer.
        UnknownName: the host has no container of this replica.
    """
    with reached(host) as connection:
        engine = connection.client()
        for found in containers.find(engine, host.name, deck_id(deck.workspace)):
            if found.story.deployment == replica.deployment_id and found.story.replica == replica.number:
                link = Link(engine.containers.get(found.id), host.name)
                try:
                    yield link
                finally:
                    link.close()
                return
    raise UnknownName(f"{host.name} has no container of {replica.id}", "modeldeck deployments shows what should run")
