"""A logged prediction found again with its inputs, tokens where its columns are personal."""

from __future__ import annotations

import json

import pytest

from engine.monitoring.find import find_inputs
from engine.serving.tokens import LogKey
from store.rows import microseconds

MIDNIGHT = microseconds("2026-02-01T00:00:00Z")


def test_the_inputs_of_a_prediction_are_found_by_its_id(deck, serving, made):
    serving()
    rows = made.rates_rows(5)
    ids = made.Traffic(deck, "rates").send(rows, at=MIDNIGHT, version=1)
    found = find_inputs(deck, "rates", ids[3])
    assert (found["version"], found["status"], found["key_id"]) == (1, 200, None)
    assert {name: found["features"][name] for name in ("lead_time", "guests", "country")} == {
        name: pytest.approx(rows[3][name]) if name == "lead_time" else rows[3][name]
        for name in ("lead_time", "guests", "country")
    }
    assert find_inputs(deck, "rates", ids[3].removesuffix("0") + "9") is None
    assert find_inputs(deck, "posts", ids[3]) is None


def test_personal_inputs_are_found_as_tokens_with_their_key(deck, serving, made):
    serving(personal=("country",))
    deck.workspace.keys.mkdir(parents=True, exist_ok=True)
    (deck.workspace.keys / "log").write_text(json.dumps({"id": "k1", "key": "5e" * 32}))
    key = LogKey.read(deck.workspace.keys / "log")
    [id] = made.Traffic(deck, "rates", ("country",), key).send(made.rates_rows(1), at=MIDNIGHT)
    found = find_inputs(deck, "rates", id)
    assert found["key_id"] == "k1"
    assert found["features"]["country"] not in ("PRT", "GBR", "FRA")
