"""A deploy that fails, is aborted, held or killed leaves the former servers with the traffic."""

from __future__ import annotations

import pytest
from deploy_world import WHO, killed_after

from engine.release import (
    abort,
    preview_deploy,
    recover,
    resume,
    stop_endpoint,
    submit_deploy,
    submit_promote,
)
from engine.settings.approvals import ApprovalSettings
from engine.settings.model import GateSettings, Limit
from store import deployments, events, faults, releases
from store.errors import Held, Refused, StaleBasis


def test_wrong_golden_answers_stop_it_and_the_former_servers_keep_the_traffic(world):
    world.apply("local", replicas=2)
    world.stage.disproved.add(1)
    done = world.deploy()
    assert (done.state, done.evidence["cause"]) == ("failed", "gate")
    assert world.live() == [("local", "serving", 1, 2)]
    assert world.routed("local") == [(2, 100)]


def test_gates_of_running_servers_are_asked_before_the_traffic(world):
    world.apply("local", memory_mb=80, gates=GateSettings(limits={"memory_mb": Limit(max=90.0)}))
    done = world.deploy()  # the stage's servers hold 100 MB
    assert (done.state, done.evidence["cause"]) == ("failed", "gate")
    assert "memory_mb" in done.detail
    assert set(world.stage.weights_seen) == {((1, 100),)}


def test_new_servers_that_end_under_traffic_are_taken_back(world):
    world.apply("local", memory_mb=64)
    release = submit_deploy(world.deck, "rates", actor=WHO)

    def killed() -> None:
        new = next(d for d in deployments.deployments(world.deck.database) if d.release_id == release.id)
        if world.routed("local") == [(3, 100)]:
            world.replica(new, "exited", world.stage.clock.now(), "killed for lack of memory, 64 MB")

    world.stage.on_sleep = killed
    done = world.run(release)
    assert (done.state, done.evidence["cause"]) == ("aborted", "harm")
    assert "lack of memory" in done.detail
    assert world.routed("local") == [(2, 100)]
    assert world.live() == [("local", "serving", 1, 2)]


def test_abort_in_the_middle_returns_every_host_to_its_former_servers(world):
    world.apply("local", "far")
    world.deploy()
    world.apply("local", "far", replicas=2)
    opened = submit_deploy(world.deck, "rates", actor=WHO)

    def stop_at_the_second_host() -> None:
        if world.routed("local") == [(4, 100)] and world.stage.release(opened).state == "running":
            far = [d for d in deployments.deployments(world.deck.database, host="far") if d.release_id == opened.id]
            if far:
                abort(world.deck, "rates", reason="enough", actor="user:bob")

    world.stage.on_sleep = stop_at_the_second_host
    ended = world.run(opened)
    ended = world.run(world.stage.release(ended))  # the job that finishes the rest
    assert ended.state == "aborted"
    assert (world.routed("local"), world.routed("far")) == ([(2, 100)], [(3, 100)])
    assert world.live() == [("local", "serving", 1, 2), ("far", "serving", 1, 3)]


def test_a_silent_host_holds_it_and_it_goes_on_from_there(world):
    world.apply("local", "far", replicas=2)
    opened = submit_deploy(world.deck, "rates", actor=WHO)
    with world.deck.database.write() as tx:
        faults.found(tx, "far", faults.CONNECTION, "no answer for 30 s")
    held = world.run(opened)
    assert (held.state, held.evidence["cause"]) == ("held", "no answer")
    assert world.routed("local") == [(2, 100)]
    with world.deck.database.write() as tx:
        faults.cleared(tx, faults.silent(tx, "far"), "it answers again")
    done = world.run(resume(world.deck, "rates", reason="it is back", actor="user:carla"))
    assert (done.state, done.detail) == ("completed", "")
    assert [row[:3] for row in world.live()] == [("local", "warm", 1), ("local", "serving", 2), ("far", "serving", 2)]


def test_killed_at_any_write_it_is_resumed_or_the_former_servers_serve(world):
    """Every fenced write of the release is one place to die at; whatever had been done, the next attempt ends well."""
    world.apply("local", "far")
    world.deploy()
    ended = set()
    for replicas in range(2, 40):
        world.apply("local", "far", replicas=replicas)
        release = submit_deploy(world.deck, "rates", actor=WHO)
        died = killed_after(world, release, replicas - 2)
        again = world.run(world.stage.release(release)) if died else world.stage.release(release)
        assert again.state == "completed", (replicas, again.detail)
        serving = [row for row in world.live() if row[1] == "serving"]
        assert [(host, count) for host, _, count, _ in serving] == [("local", replicas), ("far", replicas)]
        assert len(world.live()) == 4  # each host keeps its former servers warm, and nothing else
        ended.add(died)
        if not died:
            break
    assert ended == {True, False}
    assert events.verify(world.deck.database).ok


def test_a_deploy_whose_job_died_for_good_leaves_the_former_servers(world):
    from store import jobs

    world.apply("local", replicas=2)
    release = submit_deploy(world.deck, "rates", actor=WHO)
    assert killed_after(world, release, 6)
    with world.deck.database.write() as tx:
        job = jobs.job(tx, world.stage.release(release).job_id)
        jobs.finish(tx, job.id, job.attempt, "failed")
    failed = recover(world.deck)
    assert [(one.id, one.state) for one in failed] == [(release.id, "failed")]
    world.run(failed[0])
    assert world.routed("local") == [(2, 100)]
    assert world.live() == [("local", "serving", 1, 2)]


def test_what_was_looked_at_is_what_is_done(world):
    world.apply("local", replicas=2)
    shown = preview_deploy(world.deck, "rates")
    world.apply("local", replicas=3)
    with pytest.raises(StaleBasis):
        submit_deploy(world.deck, "rates", basis=shown.basis, actor=WHO)
    assert releases.active(world.deck.database, "rates") is None


def test_it_is_refused_where_it_cannot_be(world, add_version, model_settings):
    stop_endpoint(world.deck, "rates", actor=WHO)
    world.stage.reconcile()
    with pytest.raises(Refused, match="nothing of rates serves"):
        preview_deploy(world.deck, "rates")
    world.run(submit_promote(world.deck, "rates", 1, actor=WHO))
    add_version()
    world.apply("local", replicas=2)
    submit_promote(world.deck, "rates", 2, actor=WHO)
    assert "a release of rates is open" in preview_deploy(world.deck, "rates").blocked
    with pytest.raises(Refused, match="a release of rates is open"):
        submit_deploy(world.deck, "rates", actor=WHO)
    abort(world.deck, "rates", actor=WHO)
    world.apply("local", replicas=2, gates=GateSettings(approvals=ApprovalSettings(2)))
    assert preview_deploy(world.deck, "rates").awaits
    with pytest.raises(Held, match="rates@1 needs 2 approvals, and none is requested"):
        submit_deploy(world.deck, "rates", actor=WHO)


def test_a_model_that_never_served_is_promoted_not_deployed(stage):
    with pytest.raises(Refused, match="nothing of rates serves") as refused:
        preview_deploy(stage.deck, "rates")
    assert refused.value.hint == "give a version the traffic: modeldeck promote rates"
