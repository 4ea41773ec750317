"""A promotion and a rollback with real servers, the real router, the real log, and requests all the while.

Once as processes of this machine, once as containers of a real engine.
"""

from __future__ import annotations

import time

import pytest
from with_servers import Callers, run, running, wait_until

from engine.release import preview_deploy, preview_rollback, submit_deploy, submit_promote, submit_rollback
from engine.settings.model import DeploySettings, GateSettings, Limit, RolloutStep
from store import deployments, events, models, releases


@pytest.mark.e2e
@pytest.mark.timeout(600)  # where nothing is kept, the image is made from nothing
def test_promotion_and_rollback_under_traffic_drop_no_request(live, host, add_real, stage_parts, model_settings):
    gates = GateSettings(limits={"latency_p99_ms": Limit(max=1000.0)})
    rollout = (RolloutStep(20, 0.5), RolloutStep(100))
    deploy = DeploySettings(hosts=(host.name,), min_samples=30, max_wait_s=30.0, rollout=rollout)
    settings = model_settings(gates=gates, deploy=deploy)
    stage_parts.apply(live, settings, host=host)
    model = settings.name
    add_real(1.0)
    first = run(live, submit_promote(live, model, 1, actor="user:anna"))
    assert (first.state, first.detail) == ("completed", "")
    add_real(1.05)
    callers = Callers(deployments.endpoint(live.database, model).addresses[host.name])
    try:
        done = run(live, submit_promote(live, model, 2, actor="user:anna"))
        assert (done.state, done.detail) == ("completed", ""), releases.steps(live.database, done.id)
        weights = [one for one in releases.steps(live.database, done.id) if one.kind == "weight"]
        assert all(one.verdict == "passed" and one.observed["new"]["rows"] >= 30 for one in weights)
        assert running(live) == {1: "warm", 2: "serving"}
        shown = preview_rollback(live, model)
        assert {check.verdict for check in shown.plan.checks} == {"passed"}

        begun = time.monotonic()
        back = submit_rollback(live, model, basis=shown.basis, reason="a drill", actor="user:anna")
        committed_s = time.monotonic() - begun
        assert back.state == "completed"
        answered = callers.answers[200, 1]
        wait_until(lambda: callers.answers[200, 1] > answered + 50)
        run(live, back)
        assert committed_s < 2.0
        wait_until(lambda: running(live) == {1: "serving"})
    finally:
        callers.close()
    assert {status for status, _ in callers.answers} == {200}
    assert callers.answers[200, 2] > 0
    assert models.model(live.database, model).champion == 1
    assert events.verify(live.database).ok


@pytest.mark.e2e
@pytest.mark.timeout(600)
def test_a_deploy_of_other_settings_and_its_rollback_under_traffic_drop_no_request(
    live, host, add_real, stage_parts, model_settings, monkeypatch
):
    monkeypatch.setattr("engine.release.deploy.WATCHED_S", 1.0)
    model = "rates"

    def apply(**changes):
        deploy = DeploySettings(hosts=(host.name,), min_samples=0, max_wait_s=30.0, **changes)
        stage_parts.apply(live, model_settings(gates=GateSettings(), deploy=deploy), host=host)

    apply(memory_mb=400)
    add_real(1.0)
    first = run(live, submit_promote(live, model, 1, actor="user:anna"))
    assert (first.state, first.detail) == ("completed", "")
    apply(memory_mb=500, replicas=2)
    callers = Callers(deployments.endpoint(live.database, model).addresses[host.name])
    try:
        shown = preview_deploy(live, model)
        assert {one.name for one in shown.plan.differences} == {"deploy.memory_mb", "deploy.replicas"}
        done = run(live, submit_deploy(live, model, basis=shown.basis, actor="user:anna"))
        assert (done.state, done.detail) == ("completed", ""), releases.steps(live.database, done.id)
        rows = {one.desired: one for one in deployments.deployments(live.database, endpoint=model)}
        assert (rows["serving"].replicas, rows["warm"].replicas) == (2, 1)
        answered = callers.answers[200, 1]
        wait_until(lambda: callers.answers[200, 1] > answered + 50)
        assert {one.state for one in deployments.replicas(live.database, rows["serving"].id)} == {"ready"}
        assert preview_deploy(live, model).already
        back = submit_rollback(live, model, reason="a drill", actor="user:anna")
        assert back.state == "completed"
        run(live, back)
        wait_until(lambda: [one.id for one in deployments.deployments(live.database)] == [rows["warm"].id])
        answered = callers.answers[200, 1]
        wait_until(lambda: callers.answers[200, 1] > answered + 50)
    finally:
        callers.close()
    assert set(callers.answers) == {(200, 1)}
    assert events.verify(live.database).ok
