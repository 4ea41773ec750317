"""Ways to roll out: by shares, all at once, or on copies of the traffic first."""

from __future__ import annotations

import dataclasses

import pytest
from with_servers import Callers, run, wait_until

from engine.release import preview_promote, submit_promote
from engine.settings.model import DeploySettings, GateSettings, RolloutStep
from store import deployments, releases

SHADOW = DeploySettings(min_samples=200, max_wait_s=20.0, rollout=(RolloutStep(100),), strategy="shadow")


def promote(stage):
    return submit_promote(stage.deck, stage.model, 2, actor="user:anna")


def test_a_shadow_gets_copies_before_any_share_and_its_step_is_in_the_plan(serving, apply_settings):
    apply_settings(deploy=SHADOW)
    steps = [
        one for one in preview_promote(serving.deck, serving.model, 2).plan.steps if one.kind in ("shadow", "weight")
    ]
    assert [one.kind for one in steps] == ["shadow", "weight"]
    assert steps[0].title == (
        "copies of the traffic to v2, answers never returned, until 200 rows; held after 20s without"
    )
    done = serving.run(promote(serving))
    assert done.state == "completed"
    assert serving.weights_seen[:2] == [((1, 100),), ((1, 100), (2, 0))]
    assert serving.champion() == 2


def test_a_shadow_that_fails_is_aborted_and_no_caller_got_its_answers(serving, apply_settings):
    apply_settings(deploy=SHADOW)
    serving.error_rates = {2: 0.2}
    done = serving.run(promote(serving))
    assert done.state == "aborted"
    assert done.detail.startswith("as a shadow: errors: ")
    assert all(weight == 0 for shares in serving.weights_seen for version, weight in shares if version == 2)
    assert serving.route() == [(1, 100, "champion")]


def test_a_shadow_without_traffic_is_held(serving, apply_settings):
    apply_settings(deploy=SHADOW)
    serving.rate = 0.0
    held = serving.run(promote(serving))
    assert (held.state, held.detail) == ("held", "as a shadow: 0 of 200 live rows after 20 s")


def test_a_shadow_passes_once_its_sample_is_compared_row_by_row(serving, apply_settings):
    apply_settings(deploy=SHADOW)
    serving.late_s = {1: 10.0}
    done = serving.run(promote(serving))
    shadow = next(one for one in releases.steps(serving.deck.database, done.id) if one.kind == "shadow").observed
    assert shadow["answers"]["rows"] >= SHADOW.min_samples
    assert shadow["new"]["rows"] > 1000


def test_a_shadow_whose_rows_nobody_else_answered_is_held(serving, apply_settings):
    apply_settings(deploy=SHADOW)
    serving.late_s = {1: 3600.0}
    held = serving.run(promote(serving))
    assert (held.state, held.verdict) == ("held", "no data")
    assert held.detail == "as a shadow: 0 of 200 rows answered by both after 20 s"


def test_a_shadow_that_a_person_decides_on_is_held_with_its_comparison_and_goes_on(serving, apply_settings):
    apply_settings(deploy=dataclasses.replace(SHADOW, strategy=DeploySettings().strategy))
    told = {"shadow": "decides", "actor": "policy:retrain"}
    steps = preview_promote(serving.deck, serving.model, 2, shadow="decides").plan.steps
    assert [one.kind for one in steps if one.kind in ("shadow", "weight")] == ["shadow", "weight"]
    held = serving.run(submit_promote(serving.deck, serving.model, 2, **told))
    assert (held.state, held.verdict) == ("held", "to decide")
    assert held.detail.startswith("compared as a shadow: 2")
    assert held.detail.endswith("answers agree")
    assert serving.weights_seen[-1] == ((1, 100), (2, 0))
    assert serving.champion() == 1
    preview = preview_promote(serving.deck, serving.model, 2)
    assert "the shadow is decided for v2" in preview.plan.summary
    assert [one.kind for one in preview.plan.steps][:2] == ["weight", "alias"]
    done = serving.run(promote(serving))
    assert (done.id, done.state) == (held.id, "completed")
    assert serving.champion() == 2


def test_a_shadow_that_nobody_has_to_decide_on_goes_on(serving, apply_settings):
    apply_settings(deploy=dataclasses.replace(SHADOW, strategy=DeploySettings().strategy))
    done = serving.run(submit_promote(serving.deck, serving.model, 2, shadow="goes on", actor="policy:retrain"))
    assert done.state == "completed"
    assert serving.weights_seen[1] == ((1, 100), (2, 0))


@pytest.mark.e2e
@pytest.mark.timeout(600)
def test_answers_of_a_shadow_are_stored_compared_and_never_returned(live, host, add_real, stage_parts, model_settings):
    deploy = dataclasses.replace(
        SHADOW, hosts=(host.name,), min_samples=60, max_wait_s=60.0, rollout=(RolloutStep(50), RolloutStep(100))
    )
    settings = model_settings(gates=GateSettings(), deploy=deploy)
    stage_parts.apply(live, settings, host=host)
    add_real(1.0)
    assert run(live, submit_promote(live, settings.name, 1, actor="user:anna")).state == "completed"
    add_real(1.05)  # a model that is merely different
    callers = Callers(deployments.endpoint(live.database, settings.name).addresses[host.name])
    try:
        opened = submit_promote(live, settings.name, 2, actor="user:anna")
        done = run(live, opened)
        assert (done.state, done.detail) == ("completed", ""), releases.steps(live.database, done.id)
        wait_until(lambda: callers.answers[200, 2] > 20)
    finally:
        callers.close()
    assert {status for status, _ in callers.answers} == {200}
    steps = {one.kind: one for one in releases.steps(live.database, done.id)}
    shadow = steps["shadow"].observed
    assert shadow["new"]["rows"] >= 60
    assert shadow["answers"]["rows"] >= 30
    assert shadow["answers"]["differ"] == shadow["answers"]["rows"]
    assert shadow["answers"]["difference"]["value"]["mean"] == pytest.approx(0.1)
    largest = shadow["answers"]["largest"]
    assert len(largest) == 5
    for one in largest:
        assert one["challenger"] - one["champion"] == pytest.approx(0.1)
        why = one["why"]
        moved = why["base"]["challenger"] - why["base"]["champion"]
        moved += sum(each["challenger"] - each["champion"] for each in why["columns"])
        assert moved == pytest.approx(0.1, abs=1e-3)
