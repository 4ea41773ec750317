"""Two people at one model at once: each sees what the other does, and a plan that was overtaken is not carried out."""

from __future__ import annotations

import os

import pytest
from operator_console import operator
from tiny_deck import MODEL, Tiny

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


@pytest.fixture(scope="module", name="pair")
def deck_with_a_challenger(serving: Tiny) -> Tiny:
    """v1 serves, v2 waits, and a rollout would wait an hour for its samples."""
    serving.write_model(MODEL.replace('max_wait = "1s"', 'max_wait = "1h"'))
    assert serving("train", "rates").code == 0
    return serving


def test_each_sees_what_the_other_does(pair: Tiny) -> None:
    with operator(pair) as anna, operator(pair) as bert:
        for person in (anna, bert):
            person.presses("7", "monitor")
        anna.presses("H", "fires no more")
        anna.presses("y", "paused; U resumes it")
        bert.sees("paused")
        bert.presses("U", "resumed")
        anna.sees("◌ waits")


def test_a_plan_that_another_has_overtaken_is_refused_in_one_line(pair: Tiny) -> None:
    with operator(pair) as anna, operator(pair) as bert:
        for person in (anna, bert):
            person.presses("P", "Promote rates: v1 → v2")
        anna.presses("y", "it goes on without this console")
        shown = bert.presses("y", "Not done", "a release of rates is open", "modeldeck releases abort rates")
        assert "it goes on without this console" not in shown
        releases = pair("releases", "--json").data
        assert [one["state"] for one in releases].count("running") <= 1
        assert len([one for one in releases if one["to_version"] == 2]) == 1
        bert.presses("esc")
        bert.presses("X", "all traffic to v1")
        bert.presses("y", "aborted")
        anna.sees("aborted")
    pair.wait(lambda: pair("releases", "--json").data[0]["state"] == "aborted")
    assert pair.champion() == 1
    pair.intact()


def test_a_terminal_that_is_lost_while_a_job_runs_loses_nothing(pair: Tiny) -> None:
    with operator(pair) as person:
        person.presses("T", "Train rates")
        person.presses("y", "4 shows the jobs")
        number = person.link.pid
        os.kill(number, 1)  # the link is gone: SIGHUP
        person.link.ended()
    pair.wait(lambda: pair("jobs", "--json").data[0]["state"] == "succeeded")
    with operator(pair) as again:
        again.presses("4", "succeeded")
