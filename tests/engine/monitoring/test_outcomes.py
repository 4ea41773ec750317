"""Outcomes come late, twice, wrong and corrected; the newest holds and nothing is fatal."""

from __future__ import annotations

from typing import Any

import pytest

from engine.deck import Deck
from engine.monitoring.collect import collect
from engine.monitoring.outcomes import between, current, joined, received_since, record
from store import events, watching
from store.clock import FrozenClock
from store.errors import Refused, UnknownName
from store.rows import microseconds

NOON = microseconds("2026-02-01T12:00:00Z")
ANNA = "user:anna"


@pytest.fixture
def sent(serving: Any, traffic: Any, made: Any) -> list[str]:
    """Prediction ids of ten rows in the log."""
    serving()
    return list(traffic.send(made.rates_rows(10), at=NOON))


def rows(ids: list[str], value: Any) -> list[dict[str, Any]]:
    return [{"prediction_id": one, "value": value} for one in ids]


@pytest.mark.parametrize("collected", [True, False])
def test_outcomes_join_their_predictions_by_id(deck: Deck, sent: list[str], collected: bool):
    if collected:
        collect(deck)
    batch = record(deck, "rates", rows(sent[:4], 90), "till", ANNA)
    assert (batch.rows, batch.matched, batch.revised, batch.unknown) == (4, 4, 0, 0)
    table = joined(deck, "rates")
    assert table["prediction_id"].to_pylist() == sent
    assert table["outcome.number"].to_pylist() == [90.0] * 4 + [None] * 6
    assert [kept.id for kept in watching.outcome_batches(deck.database, "rates")] == [batch.id]
    assert events.events(deck.database, limit=1)[0].action == "outcomes.recorded"


def test_corrected_outcome_is_a_revision_and_the_newest_holds(deck: Deck, sent: list[str], clock: FrozenClock):
    record(deck, "rates", rows(sent, 90), "till", ANNA)
    clock.advance(60)
    batch = record(deck, "rates", rows(sent[:3], 80), "till", ANNA)
    assert (batch.matched, batch.revised) == (3, 3)
    table = joined(deck, "rates")
    assert table["outcome.number"].to_pylist() == [80.0] * 3 + [90.0] * 7
    assert table["outcome.revision"].to_pylist() == [2] * 3 + [1] * 7


def test_same_outcome_delivered_again_writes_nothing(deck: Deck, sent: list[str]):
    record(deck, "rates", rows(sent, 90), "till", ANNA)
    batch = record(deck, "rates", rows(sent, 90.0), "till", ANNA)
    assert (batch.matched, batch.revised) == (10, 0)
    assert len(list((deck.workspace.outcomes / "rates").glob("*.parquet"))) == 1


def test_unknown_prediction_ids_are_counted_and_join_when_their_rows_arrive(
    deck: Deck, sent: list[str], traffic: Any, made: Any
):
    lines, ids = traffic.lines(made.rates_rows(2), [{"value": 1.0}] * 2, at=NOON + 10**8)
    batch = record(deck, "rates", rows([sent[0], *ids, "nonsense"], 90), "till", ANNA)
    assert (batch.rows, batch.matched, batch.unknown) == (4, 1, 3)
    traffic.write(lines, folder="another-host")
    assert joined(deck, "rates")["outcome.number"].to_pylist() == [90.0] + [None] * 9 + [90.0] * 2


def test_last_of_two_rows_for_one_prediction_holds(deck: Deck, sent: list[str]):
    batch = record(deck, "rates", [*rows(sent[:1], 70), *rows(sent[:1], 75)], "till", ANNA)
    assert batch.rows == 2
    assert current(deck, "rates")["number"].to_pylist() == [75.0]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"value": 1}, "outcome row 2 has no prediction_id"),
        ({"prediction_id": "x"}, "outcome row 2 has no value"),
        ({"prediction_id": "x", "value": "many"}, "outcome row 2: value must be a number"),
        ({"prediction_id": "x", "value": float("nan")}, "outcome row 2: value must be a number"),
        ({"prediction_id": "x", "value": True}, "outcome row 2: value must be a number"),
        ({"prediction_id": "x", "value": 1, "observed_at": "soon"}, "'soon' is not a time"),
        ({"prediction_id": "x", "value": 1, "observed_at": 1.5}, "outcome row 2: observed_at"),
    ],
)
def test_wrong_row_is_refused_by_number_and_nothing_is_kept(deck: Deck, sent: list[str], row: Any, said: str):
    with pytest.raises(Refused, match=said):
        record(deck, "rates", [*rows(sent[:1], 1), row], "till", ANNA)
    assert len(current(deck, "rates")) == 0
    assert watching.outcome_batches(deck.database, "rates") == []


def test_class_labels_are_one_however_they_are_written(deck: Deck, serving: Any, made: Any):
    serving("posts")
    posts = made.Traffic(deck, "posts")
    outputs = [{"label": "true", "score": 0.8, "scores.false": 0.2, "scores.true": 0.8}] * 3
    lines, ids = posts.lines(made.posts_rows(3), outputs, at=NOON)
    posts.write(lines)
    values = [True, "true", False]
    given = [{"prediction_id": one, "value": value} for one, value in zip(ids, values, strict=True)]
    record(deck, "posts", given, "review", ANNA)
    assert joined(deck, "posts")["outcome.text"].to_pylist() == ["true", "true", "false"]


@pytest.fixture
def posted(deck: Deck, serving: Any, made: Any) -> list[str]:
    """Prediction ids of three posts in the log, answered by version 1."""
    serving("posts")
    posts = made.Traffic(deck, "posts")
    outputs = [{"label": "true", "score": 0.8, "scores.false": 0.2, "scores.true": 0.8}] * 3
    lines, ids = posts.lines(made.posts_rows(3), outputs, at=NOON)
    posts.write(lines)
    return list(ids)


def test_what_is_no_class_of_the_version_is_refused_with_rows_and_classes_and_nothing_is_kept(
    deck: Deck, posted: list[str]
):
    given = [{"prediction_id": one, "value": value} for one, value in zip(posted, ["true", "banana", 7], strict=True)]
    with pytest.raises(Refused) as refused:
        record(deck, "posts", given, "review", ANNA)
    assert refused.value.message == "outcome row 2: 'banana' is no class of posts@1; nor is row 3 '7'"
    assert refused.value.hint == "nothing was taken; its classes: false, true"
    assert len(current(deck, "posts")) == 0
    assert watching.outcome_batches(deck.database, "posts") == []


def test_outcome_of_a_prediction_no_log_knows_must_be_a_class_of_some_version(deck: Deck, posted: list[str]):
    with pytest.raises(Refused, match="outcome row 1: 'banana' is no class of any version of posts"):
        record(deck, "posts", rows(["nonsense"], "banana"), "review", ANNA)
    assert record(deck, "posts", rows(["nonsense"], True), "review", ANNA).unknown == 1


def test_first_ids_that_no_log_knows_are_named(deck: Deck, sent: list[str]):
    strange = [f"nonsense-{number}" for number in range(7)]
    taken = record(deck, "rates", rows([strange[0], sent[0], *strange[1:]], 90), "till", ANNA)
    assert (taken.matched, taken.unknown, taken.unknown_ids) == (1, 7, tuple(strange[:5]))


def test_model_nobody_knows_takes_no_outcome(deck: Deck, sent: list[str]):
    with pytest.raises(UnknownName):
        record(deck, "rate", rows(sent, 1), "till", ANNA)


def test_what_came_since_a_time_opens_no_older_delivery(deck: Deck, sent: list[str], clock: FrozenClock):
    record(deck, "rates", rows(sent[:4], 90), "till", ANNA)
    (older,) = (deck.workspace.outcomes / "rates").glob("*.parquet")
    clock.advance(3600)
    came = clock.now()
    record(deck, "rates", rows(sent[4:6], 90), "till", ANNA)
    older.write_bytes(b"whoever opens this fails")
    assert sorted(received_since(deck, "rates", came)["prediction_id"].to_pylist()) == sent[4:6]


def test_outcomes_within_a_span_of_ids_are_read_from_the_deliveries_that_hold_some(deck: Deck, sent: list[str]):
    record(deck, "rates", rows(sent[:4], 90), "till", ANNA)
    (first,) = (deck.workspace.outcomes / "rates").glob("*.parquet")
    record(deck, "rates", rows(sent[6:], 80), "till", ANNA)
    assert sorted(between(deck, "rates", (sent[3], sent[7]))["prediction_id"].to_pylist()) == [sent[3], *sent[6:8]]
    whole = first.read_bytes()
    magic, footer = 4, int.from_bytes(whole[-8:-4], "little") + 8
    first.write_bytes(whole[:magic] + bytes(len(whole) - magic - footer) + whole[-footer:])  # its footer alone is left
    assert sorted(between(deck, "rates", (sent[6], sent[9]))["prediction_id"].to_pylist()) == sent[6:]
