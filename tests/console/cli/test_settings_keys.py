"""`modeldeck settings`: what may be written in deck.toml and in model files, without a deck."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Line = Callable[..., Any]


def test_a_table_is_told_with_what_is_below_it(line: Line) -> None:
    told = line("settings", "deploy.rollout")
    assert told.code == 0
    assert told.out.splitlines() == [
        "[deploy.rollout]",
        "    table; the steps; without it 10 and 50 % for a minute each, then 100 %",
        "deploy.rollout[].weight, required",
        "    whole number, 1 to 100; percent of the traffic; rises to 100",
        'deploy.rollout[].hold = "0s"',
        "    duration; the least time of the step",
    ]
    assert "models/*.toml" in told.err


def test_a_word_finds_every_key_that_has_it(line: Line) -> None:
    found = [one["key"] for one in line("settings", "min_rows", "--json").data]
    assert found == ["monitor.min_rows", "fairness.min_rows"]


def test_without_a_word_all_are_told(line: Line) -> None:
    told = line("settings", "--json").data
    assert {"hosts.NAME.kind", "train.folds", "tests.NAME.cases[].label"} <= {one["key"] for one in told}
    [folds] = [one for one in told if one["key"] == "train.folds"]
    assert folds == {
        "file": "models/*.toml",
        "key": "train.folds",
        "kind": "whole number, 2 to 20",
        "default": "3",
        "what": "parts of the cross-validation",
    }
    assert "train.folds" in line("settings").out


def test_a_word_that_no_key_has_is_refused_with_the_tables(line: Line) -> None:
    refused = line("settings", "epochs")
    assert refused.code == 3
    assert refused.out == ""
    assert "no setting has 'epochs' in its name: the tables are hosts, access, jobs" in refused.err
