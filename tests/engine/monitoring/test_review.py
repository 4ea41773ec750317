"""A budget is spent on what is worth looking at and has no outcome yet; personal values stay hidden."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.deck import Deck
from engine.monitoring.outcomes import record
from engine.monitoring.review import budget_of, queue
from engine.settings.model import GateSettings, Limit, ModelSettings
from store.errors import Refused, UnknownName
from store.rows import microseconds

NOON = microseconds("2026-02-01T12:00:00Z")


@pytest.fixture
def sent(deck: Deck, serving: Any, made: Any) -> list[str]:
    """Ids of a hundred answered posts, whose score of `true` rises from 0 to 0.99."""
    serving("posts", personal=("text",))
    traffic = made.Traffic(deck, "posts")
    scores = [number / 100 for number in range(100)]
    outputs = [
        {
            "label": "true" if one >= 0.5 else "false",
            "score": max(one, 1 - one),
            "scores.false": 1 - one,
            "scores.true": one,
        }
        for one in scores
    ]
    lines, ids = traffic.lines(made.posts_rows(100), outputs, at=NOON)
    traffic.write(lines)
    return list(ids)


def asked(deck: Deck, way: str, percent: int | None = 10, since: int | None = None, limit: int = 100) -> dict[str, Any]:
    return queue(deck, "posts", way, percent, since, limit)


def test_a_budget_by_score_is_the_highest_scores(deck: Deck, sent: list[str]) -> None:
    found = asked(deck, "score")
    assert [row["prediction_id"] for row in found["rows"]] == sent[:-11:-1]
    assert (found["answered"], found["budget"], found["reviewed"]) == (100, 10, 0)


def test_a_budget_by_threshold_is_what_is_least_sure(deck: Deck, sent: list[str]) -> None:
    found = asked(deck, "threshold", 3)
    assert {row["prediction_id"] for row in found["rows"]} == set(sent[49:52])
    assert found["rows"][0]["threshold"] == 0.5


def test_a_random_budget_is_the_same_each_time_and_of_all(deck: Deck, sent: list[str]) -> None:
    found = [row["score"] for row in asked(deck, "random", 40)["rows"]]
    assert found == [row["score"] for row in asked(deck, "random", 40)["rows"]]
    assert min(found) < 0.2 < 0.8 < max(found)


def test_what_has_an_outcome_is_counted_and_not_asked_again(deck: Deck, sent: list[str]) -> None:
    record(deck, "posts", [{"prediction_id": sent[-1], "value": "false"}], "review", "user:anna")
    found = asked(deck, "score")
    assert [row["prediction_id"] for row in found["rows"]] == sent[-2:-11:-1]
    assert (found["budget"], found["reviewed"]) == (10, 1)


def test_no_personal_value_is_shown(deck: Deck, sent: list[str]) -> None:
    assert {tuple(row["row"].items()) for row in asked(deck, "score")["rows"]} == {(("text", "***"),)}


def test_only_the_span_and_the_rows_asked_for(deck: Deck, sent: list[str]) -> None:
    found = asked(deck, "score", 50, NOON + 90_000_000, 2)
    assert (found["answered"], found["budget"], len(found["rows"])) == (10, 5, 2)


def test_nothing_answered_is_an_empty_queue(deck: Deck, serving: Any) -> None:
    serving("posts")
    assert asked(deck, "score") == {"answered": 0, "budget": 0, "reviewed": 0, "rows": []}


@pytest.mark.parametrize(("way", "percent", "says"), [("guess", 5, "by 'guess'"), ("score", 101, "101 %")])
def test_a_way_or_budget_that_is_none_is_refused(
    deck: Deck, sent: list[str], way: str, percent: int, says: str
) -> None:
    with pytest.raises(Refused, match=says):
        asked(deck, way, percent)


def test_only_two_classes_are_reviewed(deck: Deck, serving: Any) -> None:
    serving("rates")
    with pytest.raises(Refused, match="rates has no predictions to review"):
        queue(deck, "rates", "score", 5, None, 10)
    with pytest.raises(UnknownName):
        queue(deck, "nobody", "score", 5, None, 10)


def test_the_budget_is_that_of_the_gates(serving: Any) -> None:
    settings: ModelSettings = serving("posts")
    assert budget_of(settings) == 5
    limits = {name: Limit(min=0.5) for name in ("precision_at_20_percent", "precision_at_2_percent", "log_loss")}
    assert budget_of(replace(settings, gates=GateSettings(limits))) == 2
