"""A promotion from its first step to its record."""

from __future__ import annotations

import dataclasses

import pytest

from console.commands.job_lines import release_line
from engine.plans import Check
from engine.release import ending_error, preview_promote, submit_promote
from engine.settings.model import DeploySettings, GateSettings, Limit, RolloutStep
from store import deployments, events
from store.errors import GateFailed, WorkFailed


def promote(stage, version=None, **more):
    return submit_promote(stage.deck, stage.model, version, actor="user:anna", **more)


def test_first_release_has_no_weight_steps_and_serves_at_the_end(stage):
    assert preview_promote(stage.deck, stage.model, 1).plan.undo == f"modeldeck endpoints stop {stage.model}"
    done = stage.run(promote(stage, 1))
    assert done.state == "completed"
    assert release_line(done) == f"{stage.model}@1 serves; back to none: modeldeck endpoints stop {stage.model}"
    assert [step.kind for step in stage.steps(done)] == [
        "gates", "approvals", "build", "ship", "start", "proof", "alias", "record",
    ]  # fmt: skip
    assert all(step.state == "done" for step in stage.steps(done))
    assert stage.champion() == 1
    assert stage.route() == [(1, 100, "champion")]


def test_promotion_goes_up_by_weight_and_ends_with_the_alias(serving):
    done = serving.run(promote(serving, 2))
    assert done.state == "completed"
    assert serving.weights_seen == [
        ((1, 100),),
        ((1, 90), (2, 10)),
        ((1, 50), (2, 50)),
        ((1, 0), (2, 100)),
        ((2, 100),),
    ]
    assert serving.champion() == 2
    assert serving.route() == [(2, 100, "champion")]


def test_old_version_is_drained_and_kept_warm(serving):
    serving.run(promote(serving, 2))
    assert serving.standing() == {1: "warm", 2: "serving"}


def test_only_one_predecessor_is_kept_warm(serving, add_version):
    add_version()
    serving.run(promote(serving, 2))
    serving.run(promote(serving, 3))
    assert serving.standing() == {2: "warm", 3: "serving"}


def test_challenger_alias_goes_with_the_promotion_of_its_version(serving):
    assert serving.challenger() == 2
    serving.run(promote(serving, 2))
    assert serving.challenger() is None


def test_challenger_alias_of_another_version_stays(serving, add_version):
    add_version()
    serving.run(promote(serving, 2))
    assert serving.challenger() == 3


def test_alias_route_and_release_change_in_one_transaction(serving):
    done = serving.run(promote(serving, 2))
    told = events.events(serving.deck.database, limit=50, model=serving.model)
    moved = next(one for one in told if one.action == "alias.moved")
    assert moved.body["to"] == 2
    completed = next(one for one in told if one.subject_id == done.id and "completed" in one.action)
    assert completed.at == moved.at
    assert events.verify(serving.deck.database).ok


def test_a_step_waits_for_its_minimum_of_live_rows(serving):
    serving.rate = 20.0  # 2 rows a second at 10 %
    done = serving.run(promote(serving, 2))
    assert done.state == "held"
    first = next(step for step in serving.steps(done) if step.kind == "weight")
    assert first.verdict == "no data"
    assert 0 < first.observed["new"]["rows"] < 200


def test_errors_on_the_new_version_abort_and_return_the_traffic(serving):
    serving.error_rates = {2: 0.5}
    done = serving.run(promote(serving, 2))
    assert (done.state, done.verdict) == ("aborted", "failed")
    assert "errors" in done.detail
    assert serving.route() == [(1, 100, "champion")]
    assert serving.champion() == 1
    assert serving.standing() == {1: "serving"}
    assert isinstance(ending_error(done), WorkFailed)


def test_slow_answers_of_the_new_version_abort(serving):
    serving.latency_ms = {2: 50.0}
    done = serving.run(promote(serving, 2))
    assert done.state == "aborted"
    assert "latency" in done.detail


def test_a_failed_gate_ends_the_release_before_any_server_starts(serving):
    serving.gate_checks = [Check("mae", "failed", "41.2", "at most 30")]
    done = serving.run(promote(serving, 2))
    assert (done.state, done.verdict) == ("failed", "failed")
    assert done.detail == "mae: 41.2, asked at most 30"
    assert isinstance(ending_error(done), GateFailed)
    assert serving.standing() == {1: "serving"}
    assert serving.champion() == 1
    rest = [step.state for step in serving.steps(done)[1:]]
    assert set(rest) == {"skipped"}


def test_a_server_that_answers_golden_requests_otherwise_takes_no_traffic(serving):
    serving.disproved = {2}
    done = serving.run(promote(serving, 2))
    assert done.state == "failed"
    assert "golden" in done.detail
    assert serving.weights_seen == [((1, 100),)]
    assert serving.standing() == {1: "serving"}


@pytest.mark.parametrize("seen_down", [True, False])
def test_a_server_that_ends_at_each_start_fails_the_release_with_its_last_words(serving, seen_down):
    serving.crashing, serving.seen_down = {2}, seen_down
    before = serving.clock.now()
    done = serving.run(promote(serving, 2))
    assert done.state == "failed"
    assert "ImportError: no module named hotel" in done.detail
    assert serving.clock.now() - before < 10_000_000
    assert serving.standing() == {1: "serving"}


def test_latency_gate_asks_200_golden_requests_before_any_live_one(serving, apply_settings):
    apply_settings(gates=GateSettings(limits={"latency_p99_ms": Limit(max=20.0)}))
    serving.golden_ms = {2: 55.0}
    done = serving.run(promote(serving, 2))
    assert done.state == "failed"
    assert done.detail == "latency_p99_ms: 55, asked at most 20"
    assert isinstance(ending_error(done), GateFailed)
    assert serving.golden_asked[2] >= 200
    assert serving.weights_seen == [((1, 100),)]


def test_memory_gate_is_asked_of_the_running_server(serving, apply_settings):
    apply_settings(gates=GateSettings(limits={"memory_mb": Limit(max=50.0)}))
    done = serving.run(promote(serving, 2))
    assert done.state == "failed"
    assert done.detail == "memory_mb: 100, asked at most 50"


def test_latency_gate_against_the_champion_measures_both(serving, apply_settings):
    apply_settings(gates=GateSettings(limits={"latency_p99_ms": Limit(vs_champion=1.2)}))
    serving.golden_ms = {1: 4.0, 2: 4.4}
    assert serving.run(promote(serving, 2)).state == "completed"
    assert serving.golden_asked[1] >= 200


def test_plan_says_in_words_what_will_happen(serving, apply_settings):
    gates = GateSettings(limits={"mae": Limit(max=30.0, vs_champion=1.02), "latency_p99_ms": Limit(max=20.0)})
    apply_settings(gates=gates)
    plan = preview_promote(serving.deck, serving.model, 2).plan
    assert plan.lines() == [
        "1. gates on data that neither v2 nor v1 was trained on",
        "2. approvals: none asked",
        "3. [local] image: not needed on a process host",
        "4. [local] shipping: not needed on a process host",
        "5. [local] start 1 server of v2 beside v1",
        "6. [local] warm, and answer the golden requests as recorded, on every server",
        "7. [local] gates latency_p99_ms: 200 golden requests before any live one",
        "8. [local] 10 % of traffic to v2, until 200 live rows and 2s; held after 20s without",
        "9. [local] 50 % of traffic to v2, until 200 live rows and 2s; held after 20s without",
        "10. [local] 100 % of traffic to v2, until 200 live rows; held after 20s without",
        "11. champion moves from v1 to v2, and all traffic with it",
        "12. drain v1 and keep it warm",
        "13. record the evidence and the way back",
    ]
    assert plan.undo == f"modeldeck rollback {serving.model}"
    verdicts = {check.name: check.verdict for check in plan.checks}
    assert verdicts == {
        "mae": "passed",
        "mae vs champion": "pending",
        "latency_p99_ms": "pending",
        "live answers vs champion": "pending",
        "live mae vs champion": "pending",
    }


def test_plan_says_how_long_each_step_will_take_and_the_step_waits_for_those_rows(serving, apply_settings, segment):
    deploy = DeploySettings(min_samples=20, max_wait_s=30.0, rollout=(RolloutStep(50), RolloutStep(100)))
    apply_settings(deploy=dataclasses.replace(deploy, detect_errors=0.05))
    segment(600, 60.0, failed=1)
    preview = preview_promote(serving.deck, serving.model, 2)
    told = [step.title for step in preview.plan.steps if step.kind == "weight"]
    assert told == [
        "50 % of traffic to v2 for about 83s: 415 rows at 5/s to see +5 % errors or 49 % of answers moved;"
        " held after 30s",
        "100 % of traffic to v2 for about 42s: 415 rows at 10/s to see +5 % errors or 69 % of answers moved;"
        " held after 30s",
    ]
    opened = promote(serving, 2)
    serving.rate = 10.0
    held = serving.run(opened)
    assert (held.state, held.detail) == ("held", "at 50 %: 150 of 415 live rows after 30 s")


def test_without_a_stated_harm_the_plan_says_what_its_rows_would_show(serving, segment):
    segment(6000, 60.0)
    titles = [
        step.title for step in preview_promote(serving.deck, serving.model, 2).plan.steps if step.kind == "weight"
    ]
    assert titles[0] == (
        "10 % of traffic to v2 for about 20s: 200 rows at 10/s to see +3.7 % errors or 48 % of answers moved"
    )


def test_an_image_is_null_on_a_process_host(serving):
    serving.run(promote(serving, 2))
    assert all(one.image is None for one in deployments.deployments(serving.deck.database, endpoint=serving.model))


@pytest.mark.parametrize("kind", ["gates", "live"])
def test_a_fault_of_ours_returns_the_traffic_before_it_is_shown(serving, kind):
    def broken(*_args):
        raise RuntimeError("boom")

    opened = promote(serving, 2)
    instruments = dataclasses.replace(serving.instruments, **{kind: broken})
    with pytest.raises(RuntimeError, match="boom"):
        serving.run(opened, instruments=instruments)
    done = serving.release(opened)
    assert done.state == "failed"
    assert serving.route() == [(1, 100, "champion")]
    assert serving.standing() == {1: "serving"}


def test_a_corrupt_artifact_ends_the_release_before_a_server_starts(serving):
    serving.proof_checks = [Check("artifact hash", "failed", "bytes differ", "9f86d081884c")]
    done = serving.run(promote(serving, 2))
    assert done.state == "failed"
    assert done.detail == "artifact hash: bytes differ, asked 9f86d081884c"
    assert isinstance(ending_error(done), WorkFailed)
    assert serving.started(2) == 0
    assert serving.champion() == 1


def test_another_environment_ends_a_promotion(serving):
    serving.proof_checks = [Check("environment", "failed", "numpy 2.4 is 2.3", "abc")]
    assert serving.run(promote(serving, 2)).state == "failed"


def test_a_port_that_is_not_ours_ends_a_release_before_a_server_starts(serving):
    serving.unreachable = "port 8080 on 127.0.0.1 cannot be listened on (address already in use)"
    done = serving.run(promote(serving, 2))
    assert (done.state, done.detail) == ("failed", serving.unreachable)
    assert isinstance(ending_error(done), WorkFailed)
    assert serving.started(2) == 0
    assert serving.champion() == 1
