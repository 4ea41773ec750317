"""Behaviour tests on a version's page: the newest run whole, of others only what did not pass, and no line too long."""

from __future__ import annotations

import pytest
from sample_deck import NOW, VERSIONS

from console.render.cells import line_width, plain
from console.render.version import version_lines
from store.rows import BehaviourResult, BehaviourRun

GOOD = BehaviourResult("longer", "direction", "passed", "20 of 20 changed rows", "answers go up")
BAD = BehaviourResult("plain", "minimum functionality", "failed", "1 of 2 cases; case 2: 60, must be at most 10", "…")
ENDLESS = BehaviourResult("mine", "function", "broken", "did not end within 30 s", "behaves:mine")


def run(place, *results, ago=60):
    verdict = "passed" if all(one.verdict == "passed" for one in results) else "failed"
    hash = "sha256:0123456789abcdef"
    at = NOW - ago * 1_000_000
    return BehaviourRun(f"run-{place}", "nightly-rates", 3, place, verdict, hash, "", results, "user:anna", None, at)


def page(width, *runs):
    return version_lines(VERSIONS["nightly-rates"][1], (), width, NOW, (), runs)


def test_the_newest_run_is_whole_and_of_others_what_did_not_pass():
    shown = "\n".join(plain(one) for one in page(110, run("endpoint", GOOD, BAD), run("training", GOOD, ENDLESS)))
    assert "against its endpoint: failed, 1 of 2 tests (0123456789ab)" in shown
    assert "after its training: failed, 1 of 2 tests" in shown
    assert shown.count("longer") == 1
    assert "✗  plain   minimum functionality  1 of 2 cases; case 2: 60, must be at most 10" in shown
    assert "✗  mine  function  broken: did not end within 30 s" in shown


def test_a_version_that_no_test_ran_on_says_nothing_of_them():
    assert "Behaviour" not in "\n".join(plain(one) for one in page(80))


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_page(width):
    long = BehaviourResult("a" * 63, "direction", "failed", "x" * 300, "y" * 200)
    assert all(line_width(one) <= width for one in page(width, run("asked", GOOD, long)))
