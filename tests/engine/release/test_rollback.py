"""Ways back."""

from __future__ import annotations

import pytest

from engine.plans import Check
from engine.release import preview_rollback, stop_endpoint, submit_converge, submit_promote, submit_rollback
from store import deployments, events, faults, releases
from store.errors import Refused, StaleBasis


@pytest.fixture(name="promoted")
def promoted_stage(serving):
    """v2 serves, v1 is warm."""
    serving.run(submit_promote(serving.deck, serving.model, 2, actor="user:anna"))
    return serving


def test_rollback_to_a_warm_version_is_one_transaction(promoted):
    before = promoted.clock.now()
    done = submit_rollback(promoted.deck, promoted.model, reason="errors", actor="user:bob")
    assert promoted.clock.now() == before  # nothing was waited for
    assert done.state == "completed"
    assert promoted.champion() == 1
    assert promoted.route() == [(1, 100, "champion")]
    assert promoted.version(2).abandoned_at is not None
    told = events.events(promoted.deck.database, limit=20, model=promoted.model)
    moved = next(one for one in told if one.action == "alias.moved")
    assert (moved.body["from"], moved.body["to"], moved.actor) == (2, 1, "user:bob")


def test_the_left_version_is_stopped_only_after_the_router_has_let_go_of_it(promoted):
    done = submit_rollback(promoted.deck, promoted.model, actor="user:bob")
    assert promoted.standing() == {1: "serving", 2: "warm"}
    done = promoted.run(done)
    assert promoted.standing() == {1: "serving"}
    assert {step.state for step in promoted.steps(done)} == {"done"}


def test_the_job_of_a_warm_rollback_says_what_it_does(promoted):
    """Its traffic is back before it starts; its log tells so, and each step that is left."""
    done = submit_rollback(promoted.deck, promoted.model, actor="user:bob")
    left = [step.title for step in promoted.steps(done) if step.state == "pending"]
    said = []
    promoted.run(done, progress=lambda share, text: said.append((share, text)))
    assert [text for _, text in said] == [f"traffic is with {promoted.model}@1", *left]
    assert [share for share, _ in said] == sorted(share for share, _ in said)
    assert left


def test_rollback_names_the_release_it_reverts(promoted):
    done = submit_rollback(promoted.deck, promoted.model, actor="user:bob")
    reverted = next(
        one for one in releases.releases(promoted.deck.database, endpoint=promoted.model) if one.reverted_by
    )
    assert (reverted.to_version, reverted.reverted_by) == (2, done.id)


def test_rollback_shows_its_proof_and_its_way_forward(promoted, monkeypatch):
    shown = preview_rollback(promoted.deck, promoted.model)
    assert shown.plan.lines()[:2] == [
        "1. [local] all traffic to v1, kept warm here",
        "2. champion moves from v2 to v1, and all traffic with it; v2 is marked abandoned",
    ]
    names = [check.name for check in shown.plan.checks]
    assert "golden answers on local" in names
    assert shown.plan.undo == f"modeldeck promote {promoted.model} 2 --reason …"


def test_rollback_after_another_change_is_stale(promoted, apply_settings):
    shown = preview_rollback(promoted.deck, promoted.model)
    apply_settings(owner="someone else")
    with pytest.raises(StaleBasis):
        submit_rollback(promoted.deck, promoted.model, basis=shown.basis, actor="user:bob")
    assert promoted.champion() == 2


def test_second_rollback_has_nothing_to_go_back_to(promoted):
    assert releases.has_way_back(promoted.deck.database, promoted.model)
    promoted.run(submit_rollback(promoted.deck, promoted.model, actor="user:bob"))
    assert not releases.has_way_back(promoted.deck.database, promoted.model)
    with pytest.raises(Refused, match="nothing to go back to"):
        submit_rollback(promoted.deck, promoted.model, actor="user:bob")
    assert promoted.champion() == 1


def test_a_request_may_name_the_version_that_is_kept_warm(promoted):
    assert promoted.route() == [(2, 100, "champion")]
    assert promoted.reachable() == {1}


def test_third_version_rolls_back_to_the_second_and_then_to_the_first(promoted, add_version):
    add_version()
    promoted.run(submit_promote(promoted.deck, promoted.model, 3, actor="user:anna"))
    promoted.run(submit_rollback(promoted.deck, promoted.model, actor="user:bob"))
    assert promoted.champion() == 2
    done = promoted.run(submit_rollback(promoted.deck, promoted.model, actor="user:bob"))
    assert (done.state, promoted.champion()) == ("completed", 1)


def test_a_version_that_is_not_warm_is_started_and_proved_before_it_gets_the_traffic(promoted):
    promoted.stop_warm()
    shown = preview_rollback(promoted.deck, promoted.model)
    assert "not warm" in shown.plan.summary
    done = submit_rollback(promoted.deck, promoted.model, actor="user:bob")
    assert done.state == "pending"
    assert promoted.champion() == 2
    done = promoted.run(done)
    assert done.state == "completed"
    assert [step.kind for step in promoted.steps(done)] == [
        "build", "ship", "start", "proof", "alias", "drain", "record",
    ]  # fmt: skip
    assert promoted.champion() == 1
    assert promoted.standing() == {1: "serving"}
    assert promoted.version(2).abandoned_at is not None


def test_a_cold_way_back_over_a_host_that_is_away_is_held_and_goes_on_when_it_is_back(promoted):
    promoted.stop_warm()
    opened = submit_rollback(promoted.deck, promoted.model, actor="user:bob")
    with promoted.deck.database.write() as tx:
        faults.found(tx, "local", faults.CONNECTION, "no answer for 30 s")
    held = promoted.run(opened)
    assert (held.state, held.evidence["cause"]) == ("held", "no answer")
    assert (promoted.champion(), promoted.route()) == (2, [(2, 100, "champion")])
    with pytest.raises(Refused):
        submit_converge(promoted.deck, promoted.model, actor="user:bob")
    away = faults.silent(promoted.deck.database, "local")
    with promoted.deck.database.write() as tx:
        faults.cleared(tx, away, "it answers again")
    job = submit_converge(promoted.deck, promoted.model, actor="user:bob")
    done = promoted.run_job(job, held)
    assert (done.state, promoted.champion()) == ("completed", 1)
    proof = next(step for step in promoted.steps(done) if step.kind == "proof")
    assert (proof.state, proof.verdict) == ("done", "passed")


def test_another_environment_does_not_bar_the_way_back_but_is_on_record(promoted):
    promoted.stop_warm()
    promoted.proof_checks = [Check("environment", "failed", "numpy 2.4 is 2.3", "abc")]
    done = promoted.run(submit_rollback(promoted.deck, promoted.model, actor="user:bob"))
    assert done.state == "completed"
    start = next(step for step in promoted.steps(done) if step.kind == "start")
    assert start.observed["checks"][0]["verdict"] == "failed"


def test_rollback_of_a_rollback_that_still_starts_its_version_is_its_abort(promoted):
    promoted.stop_warm()
    first = submit_rollback(promoted.deck, promoted.model, actor="user:bob")
    second = submit_rollback(promoted.deck, promoted.model, actor="user:bob")
    assert (second.id, second.state) == (first.id, "aborted")
    assert promoted.champion() == 2
    assert promoted.version(2).abandoned_at is None


def test_former_champion_gets_traffic_without_a_request_finding_nothing(promoted):
    promoted.run(submit_rollback(promoted.deck, promoted.model, actor="user:bob"))
    assert all(weights for weights in promoted.weights_seen)


def test_stopped_endpoint_serves_nothing_and_can_be_promoted_again(serving):
    assert stop_endpoint(serving.deck, serving.model, reason="end of season", actor="user:anna")
    serving.reconcile()
    assert serving.route() == []
    assert serving.standing() == {}
    assert serving.champion() == 1
    assert not stop_endpoint(serving.deck, serving.model, actor="user:anna")
    done = serving.run(submit_promote(serving.deck, serving.model, 1, actor="user:anna"))
    assert done.state == "completed"
    assert done.from_version is None
    assert "weight" not in [step.kind for step in serving.steps(done)]
    assert serving.route() == [(1, 100, "champion")]
    endpoint = deployments.endpoint(serving.deck.database, serving.model)
    assert endpoint.stopped_at is None


def test_stop_is_refused_while_a_release_is_open(serving):
    submit_promote(serving.deck, serving.model, 2, actor="user:anna")
    with pytest.raises(Refused, match="release"):
        stop_endpoint(serving.deck, serving.model, actor="user:anna")


def test_a_deleted_version_is_neither_promoted_nor_gone_back_to(promoted):
    with promoted.deck.database.write() as tx:
        tx.execute("UPDATE version SET deleted_at = 1 WHERE number = 1")
    with pytest.raises(Refused, match="rates@1 is deleted"):
        submit_promote(promoted.deck, promoted.model, 1, actor="user:bob")
    with pytest.raises(Refused, match="nothing to go back to"):
        submit_rollback(promoted.deck, promoted.model, actor="user:bob")
    assert promoted.champion() == 2
