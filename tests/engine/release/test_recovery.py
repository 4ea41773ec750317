"""A runner killed at any point leaves traffic on a good version, and its work is taken up."""

from __future__ import annotations

import pytest

from engine.release import abort, recover, run_release, submit_promote, submit_rollback
from store import events, jobs, models
from store.errors import LeaseLost, Refused, WorkFailed


class Killed(BaseException):
    """Stands for kill -9: nothing of ours catches it."""


def run_until_killed(stage, release, when):
    def strike():
        if when():
            raise Killed

    stage.on_sleep = strike
    with pytest.raises(Killed):
        stage.run(release)
    stage.on_sleep = lambda: None


def progress_of(stage, release):
    return [step.kind for step in stage.steps(release) if step.state == "done"]


@pytest.mark.parametrize("weight", [10, 50, 100])
def test_next_attempt_goes_on_from_the_recorded_steps(serving, weight):
    opened = submit_promote(serving.deck, serving.model, 2, actor="user:anna")
    run_until_killed(serving, opened, lambda: serving.weight_of(2) == weight)
    assert serving.champion() == 1
    done_before = progress_of(serving, opened)
    done = serving.run(opened)
    assert done.state == "completed"
    assert serving.champion() == 2
    assert progress_of(serving, opened)[: len(done_before)] == done_before
    assert serving.started(2) == 1  # no second set of servers


def test_kill_before_servers_are_ready_is_taken_up(serving):
    serving.reconciles = False
    opened = submit_promote(serving.deck, serving.model, 2, actor="user:anna")
    run_until_killed(serving, opened, lambda: 2 in serving.standing())
    serving.reconciles = True
    assert serving.run(opened).state == "completed"
    assert serving.started(2) == 1


def test_kill_after_the_alias_moved_only_leaves_the_record_to_write(serving):
    opened = submit_promote(serving.deck, serving.model, 2, actor="user:anna")
    run_until_killed(serving, opened, lambda: serving.champion() == 2)
    assert serving.release(opened).state == "completed"
    done = serving.run(opened)
    assert {step.state for step in serving.steps(done)} == {"done"}
    assert serving.standing() == {1: "warm", 2: "serving"}


def test_kill_after_an_abort_leaves_the_servers_to_be_stopped(serving):
    serving.error_rates = {2: 1.0}
    opened = submit_promote(serving.deck, serving.model, 2, actor="user:anna")
    run_until_killed(serving, opened, lambda: serving.release(opened).state == "aborted")
    assert serving.route() == [(1, 100, "champion")]
    serving.run(opened)
    assert serving.standing() == {1: "serving"}


def test_release_whose_job_gave_up_is_failed_with_traffic_back(serving):
    opened = submit_promote(serving.deck, serving.model, 2, actor="user:anna")
    run_until_killed(serving, opened, lambda: serving.weight_of(2) == 50)
    assert recover(serving.deck) == []  # its job still counts as running
    with serving.deck.database.write() as tx:
        jobs.abandon(tx, opened.job_id, "killed")
    [taken_up] = recover(serving.deck)
    assert (taken_up.id, taken_up.state, taken_up.verdict) == (opened.id, "failed", "failed")
    assert serving.route() == [(1, 100, "champion")]
    serving.run(taken_up)
    assert serving.standing() == {1: "serving"}
    assert serving.run(submit_promote(serving.deck, serving.model, 2, actor="user:anna")).state == "completed"


def test_held_release_waits_for_a_person_and_is_not_recovered(serving):
    serving.rate = 0.0
    opened = serving.run(submit_promote(serving.deck, serving.model, 2, actor="user:anna"))
    assert opened.state == "held"
    assert recover(serving.deck) == []
    assert serving.release(opened).state == "held"


def test_older_attempt_writes_nothing_once_a_newer_one_runs(serving):
    opened = submit_promote(serving.deck, serving.model, 2, actor="user:anna")
    stale = serving.fence_of(opened)
    serving.fence_of(opened)
    with pytest.raises(LeaseLost):
        run_release(serving.deck, opened.id, fence=stale, clock_sleep=serving.sleep, instruments=serving.instruments)
    assert serving.release(opened).state == "pending"


def test_champion_moved_by_another_hand_stops_the_release(serving):
    opened = submit_promote(serving.deck, serving.model, 2, actor="user:anna")

    def move():
        if serving.weight_of(2) == 100 and serving.champion() == 1:
            with serving.deck.database.write() as tx:
                models.set_alias(tx, serving.model, "champion", 2, actor="user:eve")
                models.set_alias(tx, serving.model, "champion", 1, actor="user:eve")

    serving.on_sleep = move
    done = serving.run(opened)
    assert done.state == "failed"
    assert "moved in the meantime" in done.detail
    assert serving.route() == [(1, 100, "champion")]


def test_a_warm_rollback_survives_the_death_of_its_job(serving):
    serving.run(submit_promote(serving.deck, serving.model, 2, actor="user:anna"))
    done = submit_rollback(serving.deck, serving.model, actor="user:bob")
    assert recover(serving.deck) == []
    assert serving.champion() == 1
    with pytest.raises(Refused):
        submit_rollback(serving.deck, serving.model, actor="user:bob")
    serving.run(done)
    assert serving.standing() == {1: "serving"}


def test_servers_of_an_aborted_release_end_even_when_its_last_job_dies(serving):
    opened = submit_promote(serving.deck, serving.model, 2, actor="user:anna")
    run_until_killed(serving, opened, lambda: serving.weight_of(2) == 50)
    aborted = abort(serving.deck, serving.model, actor="user:bob")
    with serving.deck.database.write() as tx:
        jobs.abandon(tx, aborted.job_id, "killed")
    assert serving.standing() == {1: "serving", 2: "warm"}
    recover(serving.deck)
    assert serving.standing() == {1: "serving", 2: "warm"}  # the router has not let go of it yet
    serving.reconcile()
    recover(serving.deck)
    assert serving.standing() == {1: "serving"}


def test_left_version_of_a_rollback_ends_even_when_its_job_dies(serving):
    serving.run(submit_promote(serving.deck, serving.model, 2, actor="user:anna"))
    done = submit_rollback(serving.deck, serving.model, actor="user:bob")
    with serving.deck.database.write() as tx:
        jobs.abandon(tx, done.job_id, "killed")
    recover(serving.deck)
    serving.run(serving.release(done))
    assert serving.standing() == {1: "serving"}
    assert {step.state for step in serving.steps(done)} == {"done"}


def test_recovering_a_quiet_deck_writes_nothing(serving):
    serving.run(submit_promote(serving.deck, serving.model, 2, actor="user:anna"))
    before = events.verify(serving.deck.database).verified
    assert recover(serving.deck) == []
    assert events.verify(serving.deck.database).verified == before


def test_champion_whose_router_does_not_follow_is_told_and_not_called_done(serving):
    opened = submit_promote(serving.deck, serving.model, 2, actor="user:anna")

    def stall():
        serving.reconciles = (2, 100) not in serving.weights_seen[-1]

    serving.on_sleep = stall
    with pytest.raises(WorkFailed, match="has not followed"):
        serving.run(opened)
    assert serving.release(opened).state == "completed"
    assert {step.verdict for step in serving.steps(opened)[-2:]} == {"no data"}
    serving.reconcile()
    assert serving.applied[0]["version"] == 2


def test_left_version_ends_once_a_late_router_has_followed_its_rollback(serving):
    serving.run(submit_promote(serving.deck, serving.model, 2, actor="user:anna"))
    serving.reconciles = False
    done = submit_rollback(serving.deck, serving.model, actor="user:bob")
    with pytest.raises(WorkFailed, match="has not followed"):
        serving.run(done)
    with serving.deck.database.write() as tx:
        jobs.abandon(tx, done.job_id, "failed")
    recover(serving.deck)
    assert serving.standing() == {1: "serving", 2: "warm"}
    serving.reconcile()
    recover(serving.deck)
    assert serving.standing() == {1: "serving"}


def test_version_promoted_again_after_its_rollback_is_kept_warm_like_any_other(serving, add_version):
    serving.run(submit_promote(serving.deck, serving.model, 2, actor="user:anna"))
    serving.run(submit_rollback(serving.deck, serving.model, actor="user:bob"))
    serving.run(submit_promote(serving.deck, serving.model, 2, reason="mended", actor="user:anna"))
    add_version()
    serving.run(submit_promote(serving.deck, serving.model, 3, actor="user:anna"))
    recover(serving.deck)
    assert serving.standing() == {2: "warm", 3: "serving"}
