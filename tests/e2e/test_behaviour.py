"""Behaviour tests from the file to the endpoint: told after training, a gate, asked of what serves, on record."""

from __future__ import annotations

import pytest
from tiny_deck import MODEL, make_tiny

pytestmark = pytest.mark.e2e

TESTS = """
[tests.more-rooms]
change = { rooms = { add = 1 } }
expect = "up"

[tests.plain]
cases = [{ row = { night = "2024-03-01T00:00:00", rooms = 4, season = "high" }, min = 150, max = 230 }]

[tests.mine]
function = "python:behaves:cheap"
"""
CHEAP = "def cheap(predict, rows):\n    assert all(one['value'] > %s for one in predict(rows)), 'too cheap'\n"


@pytest.fixture(name="tiny")
def deck_with_tests(tmp_path):
    """A tiny workspace with three tests, and no servers left behind."""
    tiny = make_tiny(tmp_path)
    tiny.write_model(MODEL + TESTS)
    (tiny.root / "behaves.py").write_text(CHEAP % 0)
    yield tiny
    assert tiny("daemon", "stop", "--all").code == 0


@pytest.mark.timeout(300)
def test_tests_are_told_after_training_gate_a_promotion_and_are_asked_of_what_serves(tiny):
    trained = tiny("train", "rates")
    assert trained.code == 0, trained
    assert "; 3 of 3 behaviour tests passed; next: modeldeck promote rates 1" in trained.out
    (run,) = tiny("tests", "rates", "--json").data
    assert (run["version"], run["place"], run["verdict"]) == (1, "training", "passed")
    assert [one["name"] for one in run["results"]] == ["mine", "more-rooms", "plain"]
    assert tiny("promote", "rates", "1", "--yes").code == 0
    shown = tiny("show", "version", "rates@1", "--json").data["body"]["tests"]
    assert [one["place"] for one in shown] == ["promotion", "training"]
    assert {one["tests_hash"] for one in shown} == {run["tests_hash"]}

    # what serves, through its endpoint, and no part of the traffic that is watched
    asked = tiny("tests", "run", "rates")
    assert (asked.code, asked.out) == (0, "rates@1: 3 of 3 behaviour tests passed\n"), asked
    assert tiny("tests", "rates", "--json").data[0]["place"] == "endpoint"
    assert "## Behaviour tests" in tiny("cards", "rates", "1").out
    assert "✓ behaviour: 3 of 3 passed at endpoint" in tiny("compliance", "rates", "1").out

    after = tiny("lineage", "version", "rates@1", "--json").data["after"]
    assert "predictions" not in [node["kind"] for node in after]  # the tests' own questions are none

    # other tests are another hash: the version is judged anew, and what was said stays said
    (tiny.root / "behaves.py").write_text(CHEAP % 500)
    failed = tiny("tests", "run", "rates")
    assert failed.refusal(5).startswith(
        "rates@1: 1 of 3 behaviour tests: mine failed: too cheap (line 2 of behaves.py)"
    ), failed
    newest, *_ = tiny("tests", "rates", "--json").data
    assert (newest["verdict"], newest["place"]) == ("failed", "endpoint")
    assert newest["tests_hash"] != run["tests_hash"]
    (alert,) = tiny("alerts", "--json").data
    assert (alert["kind"], alert["severity"], alert["model"]) == ("behaviour", "critical", "rates")
    assert alert["title"].startswith("v1 1 of 3 behaviour tests: mine failed")

    # a version that does not behave is made, told of, and takes no traffic
    again = tiny("train", "rates")
    assert "rates@2 trained; 1 of 3 behaviour tests: mine failed" in again.out, again
    refused = tiny("promote", "rates", "2", "--yes")
    assert (refused.code, tiny.champion()) == (5, 1), refused
    assert "test mine" in refused.err

    (tiny.root / "behaves.py").write_text(CHEAP % 0)
    assert tiny("tests", "run", "rates").code == 0
    assert tiny("alerts", "--json").data == []
    tiny.intact()
