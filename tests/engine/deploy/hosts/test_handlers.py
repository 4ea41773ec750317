"""Adding, checking and removing hosts as the door does it, against the real SSH server and engine."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from engine.access import Caller, Role
from engine.deck import Deck
from engine.deploy.hosts.host_keys import fingerprint
from engine.service.call import call
from engine.service.context import ServiceContext
from engine.settings.apply import apply_settings
from store import events
from store.errors import Refused, UnknownName


@pytest.fixture
def ask(deck: Deck) -> Any:
    """Ask as the owner of a deck whose settings are applied."""
    apply_settings(deck, "user:anna", "")
    context = ServiceContext(deck, Caller("user:anna", Role.ADMIN))
    return lambda operation, **body: call(context, operation, body)


@pytest.mark.docker
def test_a_host_is_added_on_a_vouched_key_checked_and_removed(ask: Any, remote: Any, deck: Deck) -> None:
    told = {"name": "alpha", "address": remote.address, "identity": str(remote.folder / "client")}
    with pytest.raises(Refused) as caught:
        ask("hosts.add", **told)
    mark = fingerprint(remote.key)
    assert mark in caught.value.hint
    assert ask("hosts.add", **told, host_key=mark, reason="more room").message == "alpha added as settings revision 2"
    again = ask("hosts.add", **told, host_key=mark)
    assert (again.already, again.message) == (True, "already declared: alpha")
    assert [host.name for host in ask("hosts.list")] == ["alpha", "local"]
    assert {line.verdict for line in ask("hosts.check", name="alpha")} <= {"passed", "warning"}
    newest = events.events(deck.database, limit=1)[0]
    assert (newest.action, newest.actor, newest.reason) == ("settings.applied", "user:anna", "more room")
    assert ask("hosts.remove", name="alpha").message == "alpha removed as settings revision 3"
    assert [host.name for host in ask("hosts.list")] == ["local"]


def test_a_host_that_cannot_be_reached_is_not_added(ask: Any, sshd: Any) -> None:
    told = {"name": "alpha", "address": sshd.address, "identity": str(sshd.folder / "client"), "host_key": sshd.key}
    with pytest.raises(Refused, match=r"alpha was not added: connection: .*SSH works, but no Docker engine answers"):
        ask("hosts.add", **told)
    assert [host.name for host in ask("hosts.list")] == ["local"]


def test_an_address_of_another_form_is_refused(ask: Any) -> None:
    with pytest.raises(Refused, match="'tcp://alpha' is no engine's address"):
        ask("hosts.add", name="alpha", address="tcp://alpha")


def test_this_machine_is_checked_too_and_an_unknown_host_named(ask: Any) -> None:
    (line,) = ask("hosts.check", name="local")
    assert (line.name, line.verdict) == ("router", "passed")
    with pytest.raises(UnknownName, match="no host named 'beta'"):
        ask("hosts.check", name="beta")


def test_the_certificate_of_a_host_is_checked_with_a_remedy(ask: Any, deck: Deck) -> None:
    file = deck.workspace.root / "deck.toml"
    file.write_text(file.read_text() + '\n[hosts.local]\ntls_cert = "cert.pem"\ntls_key = "key.pem"\n')
    apply_settings(deck, "user:anna", "")
    line = ask("hosts.check", name="local")[1]
    assert (line.name, line.verdict, line.remedy) == ("certificate", "failed", "see tls_cert and tls_key in deck.toml")
    there = deck.workspace.root / "cert.pem"
    made = ("-keyout", str(there.with_name("key.pem")), "-out", str(there))
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=local")
    subprocess.run(["openssl", "req", "-x509", *curve, *made], check=True, capture_output=True)
    there.with_name("key.pem").chmod(0o640)
    line = ask("hosts.check", name="local")[1]
    assert (line.verdict, line.remedy) == ("failed", f"chmod 600 {there.with_name('key.pem')}")
    there.with_name("key.pem").chmod(0o600)
    assert ask("hosts.check", name="local")[1].verdict == "passed"
