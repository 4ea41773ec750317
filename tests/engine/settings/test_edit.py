"""Hosts written into deck.toml by modeldeck: applied and written together, everything else left as it was."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.deck import Deck
from engine.settings import edit
from engine.settings.apply import apply_settings
from engine.settings.model import DataSettings, DeckSettings, EndpointSettings, HostSettings, ModelSettings
from store import settings
from store.errors import BrokenSettings, Refused, StorageUnwritable, UnknownName

ALPHA = HostSettings("alpha", "docker", "unix:///var/run/docker.sock", 8080)
DECK = """# the pricing deck
name = "test"   # never changes
time_zone = "UTC"

[access]
viewer = ["ben"]
"""
RATES = '[model]\nname = "rates"\ntask = "regression"\n\n[data]\nsource = "rows.csv"\ntarget = "y"\n'


@pytest.fixture
def written(deck: Deck) -> Path:
    """The deck's own file, with a comment and a model, applied."""
    path = deck.workspace.root / "deck.toml"
    path.write_text(DECK)
    path.chmod(0o640)
    (deck.workspace.root / "models").mkdir()
    (deck.workspace.root / "models" / "rates.toml").write_text(RATES)
    apply_settings(deck, "user:anna", "")
    return path


def names(deck: Deck) -> list[str]:
    return [host.name for host in settings.hosts(deck.database)]


def test_a_host_is_written_and_applied_and_the_rest_stays(deck: Deck, written: Path) -> None:
    revision, changed = edit.add_host(deck, ALPHA, "user:anna", "a second engine")
    text = written.read_text()
    assert text.startswith(DECK.rstrip("\n"))
    assert tomllib.loads(text)["hosts"] == {
        "alpha": {"kind": "docker", "address": "unix:///var/run/docker.sock", "port": 8080},
        "local": {"kind": "process", "address": "127.0.0.1", "port": 0},
    }
    assert written.stat().st_mode & 0o777 == 0o640
    assert names(deck) == ["alpha", "local"]
    assert revision.revision == 2
    assert [line for line in changed if not line.startswith("hosts.alpha.")] == []
    assert "hosts.alpha.address: absent -> unix:///var/run/docker.sock" in changed
    assert apply_settings(deck, "user:anna", "")[1], "the file says what is applied"


def test_a_removed_host_is_gone_from_both(deck: Deck, written: Path) -> None:
    edit.add_host(deck, ALPHA, "user:anna", "")
    edit.remove_host(deck, "alpha", "user:anna", "")
    assert "alpha" not in written.read_text()
    assert names(deck) == ["local"]
    assert apply_settings(deck, "user:anna", "")[1]


@pytest.mark.parametrize(
    ("host", "told"),
    [
        (HostSettings("local", "docker", "unix:///x"), "declares a host named 'local'"),
        (HostSettings("../x", "docker", "unix:///x", 80), "host name '../x'"),
        (HostSettings("beta", "docker", "unix:///x"), "port is missing"),
        (HostSettings("beta", "docker", "tcp://beta", 80), "is no engine's address"),
        (HostSettings("beta", "docker", "ssh://beta", 80), "host_key is missing"),
        (HostSettings("beta", "docker", "unix:///x", 80, tls_cert="a.pem"), "tls_cert and tls_key go together"),
        (HostSettings("beta", "docker", "ssh://beta", 80, host_key="ssh-ed25519 A\nB"), "host_key must be written"),
        (
            HostSettings("beta", "docker", "ssh://b", 80, host_key="ssh-rsa AAAA", identity="key"),
            "identity must be a whole",
        ),
    ],
)
def test_what_cannot_be_declared_leaves_both_alone(deck: Deck, written: Path, host: HostSettings, told: str) -> None:
    with pytest.raises((Refused, BrokenSettings)) as caught:
        edit.add_host(deck, host, "user:anna", "")
    assert told in caught.value.line()
    assert "\n" not in caught.value.line()
    assert written.read_text() == DECK
    assert names(deck) == ["local"]


def test_a_file_that_cannot_be_replaced_leaves_the_registry_alone(
    deck: Deck, written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(StorageUnwritable):
        edit.add_host(deck, ALPHA, "user:anna", "")
    assert written.read_text() == DECK
    assert names(deck) == ["local"]
    assert sorted(path.name for path in written.parent.iterdir() if path.name.startswith(".deck")) == []


def test_a_host_in_use_and_an_unknown_one_are_not_removed(deck: Deck, written: Path) -> None:
    with pytest.raises(Refused, match="rates is deployed to local"):
        edit.remove_host(deck, "local", "user:anna", "")
    with pytest.raises(UnknownName, match="no host named 'beta'"):
        edit.remove_host(deck, "beta", "user:anna", "")


def test_a_gateway_that_listens_for_others_is_written_so(deck: Deck, written: Path) -> None:
    edit.add_host(deck, replace(ALPHA, listen="10.0.0.5"), "user:anna", "")
    assert tomllib.loads(written.read_text())["hosts"]["alpha"]["listen"] == "10.0.0.5"


def test_what_says_nothing_of_tls_and_limits_is_the_revision_that_it_was() -> None:
    data = DataSettings("rows.csv", "y")
    plain = ModelSettings("rates", "regression", data)
    body = DeckSettings("test", "UTC", (HostSettings("local"),), {"rates": plain}).to_body()
    assert "tls_cert" not in body["hosts"][0]
    assert "endpoint" not in body["models"]["rates"]
    limited = ModelSettings("rates", "regression", data, endpoint=EndpointSettings(keys=True, body_kb=4))
    host = HostSettings("beta", "docker", "unix:///x", 80, tls_cert="a.pem", tls_key="b.pem")
    here = HostSettings("local", tls_cert="a.pem", tls_key="b.pem")
    whole = DeckSettings("test", "UTC", (here, host), {"rates": limited})
    assert DeckSettings.from_body(whole.to_body()) == whole
