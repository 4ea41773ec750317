"""Personal columns are compared over tokens of the same key, or said to be unavailable."""

from __future__ import annotations

import json
from typing import Any

import pytest
from looking import key_of

from engine.deck import Deck
from engine.monitoring.watch import watch
from store.rows import microseconds

MIDNIGHT = microseconds("2026-02-01T00:00:00Z")
DAY_US = 86_400_000_000
PERSONAL = ("country", "lead_time")


def country(deck: Deck, settings: Any) -> dict[str, Any]:
    (verdict,) = watch(deck, settings, 1, now_us=MIDNIGHT + DAY_US)
    return next(one for one in verdict.window.features if one["name"] == "country")


@pytest.fixture
def hidden(deck: Deck, made: Any) -> Any:
    """Traffic whose personal columns are logged as tokens."""
    return made.Traffic(deck, "rates", PERSONAL, key_of(deck))


def test_categories_are_compared_over_tokens_and_never_named(deck: Deck, serving: Any, hidden: Any, made: Any):
    settings = serving(personal=PERSONAL)
    hidden.send([{**row, "country": "USA"} for row in made.rates_rows(200)], at=MIDNIGHT, every_s=10)
    found = country(deck, settings)
    assert found["drifted"] is True
    assert found["new"] == {"rows": 200, "share": 1.0, "categories": 1, "names": []}
    assert found["lost"] == {"categories": 3, "names": []}
    assert "USA" not in json.dumps(found)


def test_same_categories_under_tokens_are_no_drift(deck: Deck, serving: Any, hidden: Any, made: Any):
    settings = serving(personal=PERSONAL)
    hidden.send(made.rates_rows(200, 21), at=MIDNIGHT, every_s=10)
    found = country(deck, settings)
    assert found["drifted"] is False
    assert found["new"]["rows"] == 0


def test_numbers_under_tokens_are_unavailable_and_not_zero(deck: Deck, serving: Any, hidden: Any, made: Any):
    settings = serving(personal=PERSONAL)
    hidden.send(made.rates_rows(200), at=MIDNIGHT, every_s=10)
    (verdict,) = watch(deck, settings, 1, now_us=MIDNIGHT + DAY_US)
    lead_time = next(one for one in verdict.window.features if one["name"] == "lead_time")
    assert lead_time["note"] == "unavailable: numeric values are logged as tokens"
    assert (lead_time["drifted"], lead_time["effect"], lead_time["n"]) == (None, None, 200)


def test_rows_logged_under_another_key_are_unavailable(deck: Deck, serving: Any, hidden: Any, made: Any):
    settings = serving(personal=PERSONAL)
    hidden.send(made.rates_rows(200), at=MIDNIGHT, every_s=10)
    key_of(deck, "k2", "ab" * 32)
    assert country(deck, settings)["note"] == "unavailable: logged under another key"


def test_missing_key_is_said(deck: Deck, serving: Any, hidden: Any, made: Any):
    settings = serving(personal=PERSONAL)
    hidden.send(made.rates_rows(200), at=MIDNIGHT, every_s=10)
    (deck.workspace.keys / "log").unlink()
    assert country(deck, settings)["note"].startswith("unavailable: the deck's log key is not there")
