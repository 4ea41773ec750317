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
from store.rows import WindowPart

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


def part(value: str, kind: str = "slice", **changed: Any) -> WindowPart:
    told: dict[str, Any] = {
        "kind": kind, "name": "segment" if kind == "slice" else "", "value": value, "rows": 90, "errors": 0,
        "latency_p50_ms": 1.0, "latency_p99_ms": 2.0, "coverage": 1.0, "metrics": {"mae": {"value": 14.0, "n": 90}},
        "answers": {"effect": 0.3, "threshold": 0.2, "drifted": True}, "ratio": 1.4, "is_worse": True,
        "is_small": False, **changed,
    }  # fmt: skip
    return WindowPart(**told)


def test_parts_of_the_newest_window_stand_in_their_order_and_json_tells_the_same(line: Line, deck: Deck) -> None:
    small = part("web", is_worse=None, ratio=None, is_small=True)
    with deck.database.write() as tx:
        register(tx)
        watching.put_window(tx, window(from_at=0, to_at=HOUR_US), [part("old")])
        watching.put_window(
            tx, window(from_at=HOUR_US, to_at=2 * HOUR_US), [part("group"), small, part("alpha", "host")]
        )
    told = line("monitors", "parts", "rates", "--json").data
    assert [(one["name"], one["value"], one["is_worse"], one["is_small"]) for one in told] == [
        ("segment", "group", True, False),
        ("segment", "web", None, True),
    ]
    shown = line("monitors", "parts", "rates").out.splitlines()
    assert "segment=group" in shown[1]
    assert "1.40 x worse" in shown[1]
    assert "0.3 of 0.2 drift" in shown[1]
    assert "few rows" in shown[2]
    (host,) = line("monitors", "parts", "rates", "--by", "host", "--json").data
    assert host["value"] == "alpha"
    older = line("monitors", "parts", "rates", "--windows", "2", "--json").data
    assert [one["value"] for one in older] == ["group", "web", "old"]


def test_parts_by_anything_else_are_refused_and_none_yet_is_said(line: Line, deck: Deck) -> None:
    refused = line("monitors", "parts", "rates", "--by", "moon")
    assert refused.code == 2
    assert "by host or slice" in refused.err
    assert "[gates] slices" in line("monitors", "parts", "rates").err
    assert line("monitors", "parts", "nothing").code == 3


def test_windows_tell_wrong_inputs(line: Line, deck: Deck) -> None:
    fault = {"name": "lead", "fault": "nulls", "rows": 3, "n": 9, "share": 0.333, "usual": 0.0, "beyond": True}
    quality = {"columns": [fault], "beyond": 1, "freshness": {"age_s": None, "median_s": None, "without": 9},
               "repeated": 0}  # fmt: skip
    with deck.database.write() as tx:
        register(tx)
        watching.put_window(tx, window(quality=quality))
    assert line("monitors", "windows", "rates", "--json").data[0]["quality"] == quality
    assert "lead nulls 33%" in line("monitors", "windows", "rates").out


def test_reasons_are_asked_of_a_process_apart_and_none_kept_is_said(line: Line, deck: Deck) -> None:
    assert "[log] attributions" in line("monitors", "attributions", "rates").err
    assert line("monitors", "attributions", "rates", "--rows", "10").code == 2
    assert line("monitors", "attributions", "rates", "--of-version", "9").code == 3
    assert line("monitors", "attributions", "nothing").code == 3
