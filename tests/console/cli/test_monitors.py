"""How good a model is over time, from the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from one_model import deck_of_one_model, register, window

from engine.deck import Deck
from engine.measures.metrics import METRICS
from engine.service.handlers.monitor_detail import is_better_when_greater
from store import watching

Line = Callable[..., Any]
HOUR_US = 3_600_000_000


@pytest.fixture
def deck(folder: Path) -> Iterator[Deck]:
    """The open deck of the workspace, with one model."""
    opened = deck_of_one_model(folder)
    yield opened
    opened.database.close()


def watched(deck: Deck) -> None:
    """Keep two windows of version 1: the older has its outcomes, the newer an estimate alone."""
    with deck.database.write() as tx:
        register(tx)
        expected = {"value": 12.0, "low": 11.0, "high": 13.0, "n": 9, "note": "loss model"}
        for number, metrics in enumerate(
            ({"mae": {"value": 10.0}, "estimated_mae": {"value": 10.5}}, {"estimated_mae": expected})
        ):
            told = {"from_at": number * HOUR_US, "to_at": (number + 1) * HOUR_US, "metrics": metrics}
            watching.put_window(tx, window(**told, coverage=1.0 - number))


def test_the_page_and_its_json_tell_the_same(line: Line, deck: Deck) -> None:
    watched(deck)
    told = line("monitors", "show", "rates", "--json").data
    assert [(one["realised"], one["estimated"], one["coverage"]) for one in told["looks"]] == [
        (10.0, 10.5, 1.0),
        (None, 12.0, 0.0),
    ]
    assert (told["version"], told["metric"], told["greater_is_better"]) == (1, "mae", False)
    shown = line("monitors", "show", "rates").out
    assert "rates v1  by received time, has not looked yet" in shown
    assert "12.00 [11.00, 13.00]  loss model" in shown


def test_before_the_first_window_and_without_such_a_model(line: Line, deck: Deck) -> None:
    assert "no windows yet" in line("monitors", "show", "rates").out
    refused = line("monitors", "show", "nothing")
    assert refused.code == 3
    assert "nothing" in refused.err


def test_which_metrics_should_be_great_is_what_the_table_of_metrics_says() -> None:
    assert {name for name in METRICS if is_better_when_greater(name)} == {
        name for name, metric in METRICS.items() if metric.greater_is_better
    }
    assert is_better_when_greater("precision_at_5_percent")


def test_what_every_monitor_saw_last_is_one_list(line: Line, deck: Deck) -> None:
    before = line("monitors", "newest", "--json").data
    assert [(one["model"], one["version"], one["verdict"], one["rows"]) for one in before] == [
        ("rates", None, "no data", 0)
    ]
    watched(deck)
    feature = {"name": "lead", "effect": 0.4, "threshold": 0.2, "drifted": True, "weight": 2.0}
    quiet = {"name": "other", "effect": 0.9, "threshold": 0.2, "drifted": False, "weight": 0.1}
    with deck.database.write() as tx:
        told = {"from_at": 2 * HOUR_US, "to_at": 3 * HOUR_US, "verdict": "drift", "features": (quiet, feature)}
        watching.put_window(tx, window(**told, coverage=0.0, metrics={"estimated_mae": {"value": 14.0}}))
    (found,) = line("monitors", "newest", "--json").data
    assert (found["version"], found["verdict"], found["to_at"]) == (1, "drift", "1970-01-01T03:00:00Z")
    assert (found["estimated"], found["realised"], found["realised_to_at"]) == (14.0, 10.0, "1970-01-01T01:00:00Z")
    assert (found["moved"], found["moved_effect"], found["drifted"]) == ("lead", 0.4, 1)
    assert "rates" in line("monitors", "newest").out


def test_an_older_versions_outcomes_say_nothing_of_the_newest(line: Line, deck: Deck) -> None:
    watched(deck)
    with deck.database.write() as tx:
        register(tx)
        told = {
            "version": 2,
            "from_at": 2 * HOUR_US,
            "to_at": 3 * HOUR_US,
            "metrics": {"estimated_mae": {"value": 9.0}},
        }
        watching.put_window(tx, window(**told))
    (found,) = line("monitors", "newest", "--json").data
    assert (found["version"], found["estimated"], found["realised"]) == (2, 9.0, None)
