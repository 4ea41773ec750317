"""Whether a host's port is ours to listen on, before a release relies on it."""

from __future__ import annotations

import dataclasses
import socket
from typing import Any

from engine.deck import Deck
from engine.deploy.listening import unreachable
from engine.deploy.process_router import ProcessRouter
from engine.settings.model import DeckSettings, HostSettings
from store import settings


def test_a_host_without_a_declared_port_takes_a_free_one(deck: Deck, settings_body: Any) -> None:
    apply_port(deck, settings_body, 0)
    assert unreachable(deck, "local") == ""


def test_a_host_without_a_declared_port_needs_the_one_its_clients_know(deck: Deck, settings_body: Any) -> None:
    apply_port(deck, settings_body, 0)
    router = ProcessRouter(deck.workspace)
    router.ensure_running()
    port = router.hello()["port"]
    router.stop()
    with socket.create_server(("127.0.0.1", port)):
        told = unreachable(deck, "local", within_s=0.0)
    assert told.startswith(f"port {port} on 127.0.0.1 cannot be listened on (address already in use)")
    assert unreachable(deck, "local", within_s=0.0) == ""


def test_a_port_another_process_holds_is_told_with_its_remedy(deck: Deck, settings_body: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        apply_port(deck, settings_body, port)
        told = unreachable(deck, "local", within_s=0.0)
    assert told.startswith(f"port {port} on 127.0.0.1 cannot be listened on (address already in use)")
    assert "give the host another port in deck.toml and apply" in told
    assert unreachable(deck, "local", within_s=0.0) == ""


def test_an_address_that_is_not_of_this_machine_is_told(deck: Deck, settings_body: Any) -> None:
    apply_port(deck, settings_body, 8080, "203.0.113.7")
    assert "203.0.113.7" in unreachable(deck, "local", within_s=0.0)


def apply_port(deck: Deck, settings_body: Any, port: int, address: str = "127.0.0.1") -> None:
    said = DeckSettings.from_body(settings_body("rates"))
    hosts = (HostSettings("local", address=address, port=port),)
    with deck.database.write() as tx:
        settings.apply(tx, dataclasses.replace(said, hosts=hosts).to_body(), "user:anna", "a test")
