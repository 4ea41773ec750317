"""Holding, pausing, resuming, aborting."""

from __future__ import annotations

import pytest

from engine.plans import Check
from engine.release import (
    abort,
    ending_error,
    pause,
    preview_promote,
    preview_rollback,
    resume,
    submit_promote,
    submit_rollback,
)
from store import events
from store.errors import Aborted, Held, Refused, StaleBasis


@pytest.fixture(name="held")
def held_release(serving):
    """A promotion held at its first weight, because nobody asks anything."""
    serving.rate = 0.0
    return serving.run(submit_promote(serving.deck, serving.model, 2, actor="user:anna"))


def test_release_without_samples_is_held_and_traffic_stays_as_it_is(serving, held):
    assert (held.state, held.verdict) == ("held", "no data")
    assert held.detail == "at 10 %: 0 of 200 live rows after 20 s"
    assert serving.route() == [(1, 90, "champion"), (2, 10, "challenger")]
    assert serving.champion() == 1
    assert isinstance(ending_error(held), Held)


def test_resume_needs_a_reason(serving, held):
    with pytest.raises(Refused, match="without the evidence"):
        resume(serving.deck, serving.model, reason=" ", actor="user:bob")
    assert serving.release(held).state == "held"


def test_resume_goes_on_past_the_unfilled_step_and_is_on_record(serving, held):
    serving.rate = 500.0
    done = serving.run(resume(serving.deck, serving.model, reason="no traffic at night", actor="user:bob"))
    assert done.state == "completed"
    assert serving.champion() == 2
    first = next(step for step in serving.steps(done) if step.kind == "weight")
    assert (first.state, first.verdict) == ("done", "no data")
    assert first.observed["resumed_by"] == "user:bob"
    told = events.events(serving.deck.database, subject=("release", done.id))
    assert any(one.actor == "user:bob" and one.reason == "no traffic at night" for one in told)


def test_one_resume_is_enough_while_nobody_asks_anything(serving, held):
    done = serving.run(resume(serving.deck, serving.model, reason="no traffic at night", actor="user:bob"))
    assert done.state == "completed"
    weights = [step.verdict for step in serving.steps(done) if step.kind == "weight"]
    assert weights == ["no data", "no data", "no data"]


def test_a_later_step_that_is_asked_too_little_is_held_again(serving, held):
    serving.rate = 10.0  # 5 rows a second at 50 %, 100 of 200 in time
    again = serving.run(resume(serving.deck, serving.model, reason="go on", actor="user:bob"))
    assert (again.state, again.detail) == ("held", "at 50 %: 100 of 200 live rows after 20 s")


def test_rows_that_come_after_a_resume_are_judged(serving, held):
    serving.rate = 100.0
    serving.error_rates = {2: 1.0}
    done = serving.run(resume(serving.deck, serving.model, reason="go on", actor="user:bob"))
    assert done.state == "aborted"
    assert serving.route() == [(1, 100, "champion")]


def test_abort_of_a_held_release_returns_the_traffic_at_once(serving, held):
    done = abort(serving.deck, serving.model, reason="not tonight", actor="user:bob")
    assert (done.state, done.verdict) == ("aborted", "aborted")
    assert serving.route() == [(1, 100, "champion")]
    assert serving.standing() == {1: "serving", 2: "warm"}
    serving.run(done)
    assert serving.standing() == {1: "serving"}
    assert serving.version(2).abandoned_at is None


def test_rollback_while_a_release_is_open_is_its_abort(serving, held):
    done = submit_rollback(serving.deck, serving.model, actor="user:bob")
    assert (done.id, done.state) == (held.id, "aborted")
    assert serving.champion() == 1
    assert serving.version(1).abandoned_at is None


def test_gates_without_data_hold_before_anything_starts(serving):
    serving.gate_checks = [Check("mae vs champion", "no data", "no rows later than both", "at most 1.02 x")]
    done = serving.run(submit_promote(serving.deck, serving.model, 2, actor="user:anna"))
    assert (done.state, done.verdict) == ("held", "no data")
    assert serving.standing() == {1: "serving"}
    done = serving.run(resume(serving.deck, serving.model, reason="first data of its kind", actor="user:bob"))
    assert done.state == "completed"


def test_pause_holds_the_running_release_and_its_runner_stops(serving):
    opened = submit_promote(serving.deck, serving.model, 2, actor="user:anna")

    def at_half():
        if serving.route()[0][1] == 50 and serving.release(opened).state == "running":
            pause(serving.deck, serving.model, reason="let me look", actor="user:bob")

    serving.on_sleep = at_half
    done = serving.run(opened)
    assert done.state == "held"
    assert done.detail == "paused by user:bob: let me look"
    assert serving.route() == [(1, 50, "champion"), (2, 50, "challenger")]
    serving.on_sleep = lambda: None
    done = serving.run(resume(serving.deck, serving.model, reason="looks fine", actor="user:bob"))
    assert done.state == "completed"
    assert serving.champion() == 2


def test_abort_while_the_runner_works_wins(serving):
    opened = submit_promote(serving.deck, serving.model, 2, actor="user:anna")

    def at_half():
        if serving.route()[0][1] == 50 and serving.release(opened).state == "running":
            abort(serving.deck, serving.model, actor="user:bob")

    serving.on_sleep = at_half
    done = serving.run(opened)
    assert done.state == "aborted"
    assert serving.champion() == 1
    assert serving.route() == [(1, 100, "champion")]


def test_a_host_that_starts_nothing_holds_the_release_and_resume_tries_again(serving):
    serving.reconciles = False
    done = serving.run(submit_promote(serving.deck, serving.model, 2, actor="user:anna"))
    assert done.state == "held"
    assert "started nothing" in done.detail
    serving.reconciles = True
    done = serving.run(resume(serving.deck, serving.model, reason="host is back", actor="user:bob"))
    assert done.state == "completed"


@pytest.mark.parametrize("change", [pause, abort])
def test_without_an_open_release_there_is_nothing_to_change(serving, change):
    with pytest.raises(Refused, match="no release"):
        change(serving.deck, serving.model, actor="user:bob")


def test_resume_of_a_release_that_is_not_held_is_refused(serving):
    submit_promote(serving.deck, serving.model, 2, actor="user:anna")
    with pytest.raises(Refused, match="not held"):
        resume(serving.deck, serving.model, reason="go", actor="user:bob")


def test_an_abort_decided_before_the_release_was_held_asks_again(serving):
    opened = submit_promote(serving.deck, serving.model, 2, actor="user:anna")
    shown = preview_rollback(serving.deck, serving.model)
    pause(serving.deck, serving.model, actor="user:carla")
    with pytest.raises(StaleBasis):
        abort(serving.deck, serving.model, basis=shown.basis, actor="user:bob")
    assert serving.release(opened).state == "held"
    again = preview_rollback(serving.deck, serving.model)
    assert abort(serving.deck, serving.model, basis=again.basis, actor="user:bob").state == "aborted"


def test_whoever_followed_a_release_that_a_person_aborted_is_told_and_no_job_failed(serving, held):
    done = abort(serving.deck, serving.model, reason="not tonight", actor="user:bob")
    error = ending_error(done, "the job that was at work before")
    assert isinstance(error, Aborted)
    assert error.exit_code == 1
    assert error.hint == "the champion keeps the traffic"


def test_a_first_version_that_fails_its_gates_is_not_said_to_leave_a_champion(stage):
    stage.gate_checks = [Check("mae", "failed", "31", "at most 30")]
    done = stage.run(submit_promote(stage.deck, stage.model, 1, actor="user:anna"))
    assert ending_error(done).hint == "nothing serves yet"


def test_the_release_in_the_way_says_who_asked_for_it_and_where_to_look(serving, held):
    blocked = preview_promote(serving.deck, serving.model, 2).blocked
    assert f"anna asked for the promote of v2 ({held.id[:12]}) at " in blocked
    assert f"look first: modeldeck releases show {serving.model}; then modeldeck releases resume" in blocked
