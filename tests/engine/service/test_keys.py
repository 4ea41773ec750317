"""Keys through the door: made by an admin, shown once, kept as a digest, revoked for good."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from engine.access import Caller, Role
from engine.deck import Deck
from engine.service.call import call
from engine.service.context import ServiceContext
from engine.settings.model import DataSettings, DeckSettings, EndpointSettings, HostSettings, ModelSettings
from store import endpoint_keys, events, settings
from store.errors import NotAllowed, Refused, UnknownName


def apply(deck: Deck, endpoint: EndpointSettings) -> None:
    model = ModelSettings("rates", "regression", DataSettings("rows.csv", "y"), endpoint=endpoint)
    body = DeckSettings("test", "UTC", (HostSettings("local"),), {"rates": model}).to_body()
    with deck.database.write() as tx:
        settings.apply(tx, body, "user:anna", "")


@pytest.fixture
def ask(deck: Deck) -> Any:
    """Ask as an admin of a deck with one model, whose endpoint needs keys."""
    apply(deck, EndpointSettings(keys=True))
    context = ServiceContext(deck, Caller("user:anna", Role.ADMIN, via="sudo:bo"))
    return lambda operation, **body: call(context, operation, body)


def test_a_key_is_in_its_answer_and_nowhere_else(ask: Any, deck: Deck) -> None:
    made = ask("keys.add", model="rates", name="booking", reason="the booking page")
    key = made.body["key"]
    assert made.message == key
    assert len(key) > 40
    digest = hashlib.sha256(key.encode()).hexdigest()
    assert endpoint_keys.digests(deck.database) == {"rates": frozenset({digest})}
    (row,) = ask("keys.list")
    assert (row.model, row.name, row.made_by, row.revoked_at) == ("rates", "booking", "user:anna", None)
    event = events.events(deck.database, limit=1)[0]
    assert (event.action, event.actor, event.via, event.body) == (
        "endpoint.key_added",
        "user:anna",
        "sudo:bo",
        {"key": "booking"},
    )
    kept = b"".join(path.read_bytes() for path in deck.workspace.root.rglob("*") if path.is_file())
    assert digest.encode() in kept
    assert key.encode() not in kept


def test_a_revoked_key_opens_nothing_and_keeps_its_name(ask: Any, deck: Deck) -> None:
    ask("keys.add", model="rates", name="booking")
    assert ask("keys.revoke", model="rates", name="booking", reason="it leaked").already is False
    assert ask("keys.revoke", model="rates", name="booking").already is True
    assert endpoint_keys.digests(deck.database) == {}
    assert events.events(deck.database, limit=1)[0].reason == "it leaked"
    with pytest.raises(Refused, match="named 'booking' already, which was revoked"):
        ask("keys.add", model="rates", name="booking")


def test_what_is_no_key_or_no_model_is_said_in_a_line(ask: Any) -> None:
    with pytest.raises(UnknownName, match="no model"):
        ask("keys.add", model="prices", name="booking")
    with pytest.raises(UnknownName, match="no model"):
        ask("keys.list", model="prices")
    with pytest.raises(UnknownName, match="rates has no key named 'booking'"):
        ask("keys.revoke", model="rates", name="booking")
    with pytest.raises(Refused, match="is no name of a key"):
        ask("keys.add", model="rates", name="The Booking Page")


def test_only_an_admin_makes_keys(ask: Any, deck: Deck) -> None:
    approver = ServiceContext(deck, Caller("user:eve", Role.APPROVER))
    for operation in ("keys.add", "keys.revoke"):
        with pytest.raises(NotAllowed):
            call(approver, operation, {"model": "rates", "name": "booking"})


def test_a_key_of_an_open_endpoint_says_so(ask: Any, deck: Deck) -> None:
    apply(deck, EndpointSettings())
    warnings = ask("keys.add", model="rates", name="booking").body["warnings"]
    assert any("open to all until its file says [endpoint] keys = true" in line for line in warnings)
