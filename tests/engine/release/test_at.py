"""What served then: three past moments around a promotion and a rollback, and the moves of the aliases."""

from __future__ import annotations

import pytest

from engine.access import Caller, Role
from engine.release import abort, stop_endpoint, submit_promote, submit_rollback
from engine.service.call import call
from engine.service.context import ServiceContext
from store import events, routes
from store.errors import Refused, UnknownName
from store.rows import rfc3339

HOUR = 3600


@pytest.fixture(name="past")
def past_of_a_day(serving):
    """v1 served, anna promoted v2, ben rolled back; an hour between each. The moments stand in the middle of each."""
    moments = {}

    def wait(name):
        serving.clock.advance(HOUR)
        moments[name] = serving.clock.now()
        serving.clock.advance(HOUR)

    wait("before")
    serving.run(submit_promote(serving.deck, serving.model, 2, actor="user:anna", reason="better on groups"))
    wait("promoted")
    serving.run(submit_rollback(serving.deck, serving.model, actor="user:ben", reason="errors"))
    wait("rolled back")
    return serving, moments


@pytest.fixture(name="ask")
def asking(past):
    """Ask the deck an operation as a viewer."""
    context = ServiceContext(past[0].deck, Caller("user:eve", Role.VIEWER))
    return lambda operation, **fields: call(context, operation, fields)


def told(moment):
    return [(one.host, one.version, one.weight, one.role, one.release_kind, one.actor) for one in moment.serving]


def test_three_past_moments_around_a_promotion_and_a_rollback(past, ask):
    _, moments = past
    answers = {name: ask("deck.at", time=rfc3339(at_us)) for name, at_us in moments.items()}
    assert {name: told(answer) for name, answer in answers.items()} == {
        "before": [("local", 1, 100, "champion", "promote", "user:anna")],
        "promoted": [("local", 2, 100, "champion", "promote", "user:anna")],
        "rolled back": [("local", 1, 100, "champion", "rollback", "user:ben")],
    }
    assert [answers[name].at for name in moments] == list(moments.values())
    promoted = answers["promoted"].serving[0]
    assert moments["before"] < promoted.since_at < moments["promoted"] < promoted.until_at < moments["rolled back"]
    assert (promoted.reason, promoted.image) == ("better on groups", None)
    assert answers["rolled back"].serving[0].until_at is None


def test_a_moment_in_the_middle_of_a_promotion_shows_both_shares(past, ask):
    spans = [one for one in routes.route_history(past[0].deck.database, "rates") if one.version == 2]
    champion, challenger = (next(one for one in spans if one.role == role) for role in ("champion", "challenger"))
    whole = ask("deck.at", time=rfc3339(champion.from_at - 1)).serving  # not champion yet, and all of the traffic
    assert [(one.version, one.weight, one.role) for one in whole] == [(2, 100, "challenger")]
    shares = ask("deck.at", time=rfc3339(challenger.from_at - 1)).serving
    assert [(one.version, one.weight) for one in shares] == [(1, 50), (2, 50)]
    assert whole[0].since_at == shares[1].since_at < challenger.from_at  # it served from its first share on


def test_an_aborted_promotion_leaves_who_brought_what_serves_and_since_when(past, ask):
    stage, _ = past
    before = ask("deck.at", time=rfc3339(stage.clock.now())).serving
    opened = submit_promote(stage.deck, stage.model, 2, actor="user:carl", reason="again, though it was left behind")

    def at_half():
        if stage.route()[0][1] == 50 and stage.release(opened).state == "running":
            abort(stage.deck, stage.model, actor="user:ben", reason="changed my mind")

    stage.on_sleep = at_half
    assert stage.run(opened).state == "aborted"
    stage.clock.advance(HOUR)
    [after] = ask("deck.at", time=rfc3339(stage.clock.now())).serving
    assert (after.since_at, after.until_at, after.actor, after.reason) == (
        before[0].since_at,
        None,
        "user:ben",
        "errors",
    )
    assert (after.weight, after.release_id) == (100, before[0].release_id)


def test_the_end_of_a_release_says_why_it_was_asked_for(past):
    told = [one for one in events.events(past[0].deck.database) if one.action == "release.completed"]
    assert [(one.body["kind"], one.reason) for one in told[:2]] == [
        ("rollback", "errors"),
        ("promote", "better on groups"),
    ]


def test_a_time_without_offset_is_the_decks_and_the_answer_says_both(past, ask):
    answer = ask("deck.at", time="2026-03-01T13:00")
    assert (answer.local, answer.zone, rfc3339(answer.at)) == ("2026-03-01 13:00:00", "UTC", "2026-03-01T13:00:00Z")
    shifted = ask("deck.at", time="2026-03-01T15:00+02:00")
    assert shifted == answer


def test_the_future_is_refused(ask):
    with pytest.raises(Refused, match="is in the future"):
        ask("deck.at", time="2126-03-01")


def test_before_anything_served_the_answer_says_so(past, ask):
    answer = ask("deck.at", time="2020-01-01")
    assert answer.serving == ()
    assert answer.note.startswith("nothing served yet: first at 2026-03-01")
    assert ask("deck.at", time="2020-01-01", model="rates").note.startswith("rates did not serve yet: first at 2026")


def test_a_stopped_endpoint_served_nothing(past, ask):
    stage, _ = past
    stop_endpoint(stage.deck, stage.model, actor="user:carl", reason="over")
    stage.reconcile()
    stage.clock.advance(HOUR)
    assert ask("deck.at", time=rfc3339(stage.clock.now()), model="rates").note == "rates was stopped"


@pytest.mark.parametrize("time", ["some day", "2026-13-01", "0001-01-01T00:00+14:00", "9999-12-31T23:59-14:00"])
def test_what_is_no_time_is_refused_in_one_line(ask, time):
    with pytest.raises(Refused) as caught:
        ask("deck.at", time=time)
    assert "\n" not in caught.value.line()


def test_a_model_nobody_knows(ask):
    with pytest.raises(UnknownName):
        ask("deck.at", time="2026-03-01T13:00", model="rate")
    with pytest.raises(UnknownName):
        ask("aliases.history", model="rate")
    with pytest.raises(UnknownName, match="no alias 'chmpion'"):
        ask("aliases.history", model="rates", name="chmpion")


def test_the_champion_names_who_moved_it_from_what_to_what_and_why(ask):
    moves = ask("aliases.history", model="rates", name="champion")
    assert [(move.from_version, move.to_version, move.actor, move.reason) for move in moves] == [
        (2, 1, "user:ben", "errors"),
        (1, 2, "user:anna", "better on groups"),
        (None, 1, "user:anna", ""),
    ]
    assert [move.generation for move in moves] == [3, 2, 1]
    assert {move.name for move in ask("aliases.history", model="rates")} == {"champion", "challenger"}
    assert len(ask("aliases.history", model="rates", limit=1)) == 1
