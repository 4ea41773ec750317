"""Whether a host's port is ours to listen on, before a release relies on it."""

from __future__ import annotations

import dataclasses
import socket
import ssl
import subprocess
from typing import Any

from engine.deck import Deck
from engine.deploy.faults import CERTIFICATE
from engine.deploy.listening import unreachable
from engine.deploy.process_router import ProcessRouter
from engine.deploy.process_runtime import ProcessRuntime
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


def test_the_router_shows_the_certificate_of_the_settings_and_what_is_wrong_with_it_is_a_fault(
    deck: Deck, settings_body: Any
) -> None:
    runtime = ProcessRuntime(deck)
    apply_port(deck, settings_body, 0)
    router = runtime.router()
    try:
        router.ensure_running()
        assert runtime.look(0.0) == {}
        assert runtime.url(router).startswith("http://127.0.0.1:")
        apply_port(deck, settings_body, 0, tls_cert="tls/cert.pem", tls_key="tls/key.pem")
        there = deck.workspace.root / "tls/cert.pem"
        found = runtime.look(2.0)
        said = f"local: {there} cannot be read: No such file or directory; the router shows what it showed"
        assert found == {CERTIFICATE: (said, None)}
        assert runtime.url(router).startswith("http://")
        there.parent.mkdir()
        name = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=local")
        made = ("-keyout", str(there.with_name("key.pem")), "-out", str(there))
        subprocess.run(["openssl", "req", "-x509", *name, *made], check=True, capture_output=True)
        there.with_name("key.pem").chmod(0o600)
        assert runtime.look(4.0) == {}
        assert runtime.url(router).startswith("https://127.0.0.1:")
        assert ssl.get_server_certificate(("127.0.0.1", router.hello()["port"])) == there.read_text()
    finally:
        router.stop()
        router.close()


def apply_port(deck: Deck, settings_body: Any, port: int, address: str = "127.0.0.1", **tls: str) -> None:
    said = DeckSettings.from_body(settings_body("rates"))
    hosts = (HostSettings("local", address=address, port=port, **tls),)
    with deck.database.write() as tx:
        settings.apply(tx, dataclasses.replace(said, hosts=hosts).to_body(), "user:anna", "a test")
