"""Real servers, the real router, the real log: absurd answers and a worse metric send the traffic back."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from with_servers import Callers, run, running, wait_until

from engine.monitoring import outcomes, predictions
from engine.release import submit_promote
from engine.settings.model import DeploySettings, GateSettings, HostSettings, JudgeSettings, RolloutStep
from store import deployments, models, releases

ROLLOUT = (RolloutStep(50, 30.0), RolloutStep(100))  # harm is seen long before the hold is over


@pytest.fixture(name="host")
def this_machine() -> HostSettings:
    return HostSettings("local")


@pytest.fixture(name="promoted")
def promotion_under_traffic(live, host, add_real, stage_parts, model_settings):
    """Serve v1, ask it all the while, promote v2 of another slope; returns how the release ended."""
    stopped: list[Any] = []

    def promote(slope: float, judge: JudgeSettings) -> Any:
        deploy = DeploySettings(min_samples=30, max_wait_s=60.0, rollout=ROLLOUT, judge=judge)
        settings = model_settings(gates=GateSettings(), deploy=deploy)
        stage_parts.apply(live, settings, host=host)
        add_real(1.0)
        assert run(live, submit_promote(live, settings.name, 1, actor="user:anna")).state == "completed"
        add_real(slope)
        callers = Callers(deployments.endpoint(live.database, settings.name).addresses[host.name])
        stopped.append(callers)
        ended = run(live, submit_promote(live, settings.name, 2, actor="user:anna"))
        wait_until(lambda: running(live) == {1: "serving"})
        callers.close()
        assert {status for status, _ in callers.answers} == {200}
        return ended

    yield promote
    for one in stopped:
        one.close()


def weight_step(live: Any, release: Any) -> Any:
    return next(one for one in releases.steps(live.database, release.id) if one.kind == "weight")


@pytest.mark.e2e
def test_twice_the_values_abort_before_the_hold_is_over(live, promoted):
    ended = promoted(2.0, JudgeSettings())
    assert ended.state == "aborted"
    assert ended.detail.startswith("at 50 %: answers: 100 % of value moved by more than 0.2, at least ")
    step = weight_step(live, ended)
    assert step.observed["new"]["errors"] == 0
    assert step.observed["predictions"]["looks"][-1]["verdict"] == "failed"
    assert models.model(live.database, "rates").champion == 1


@pytest.mark.e2e
def test_outcomes_that_prove_the_new_version_worse_abort(live, promoted):
    over = threading.Event()

    def deliver() -> None:
        while not over.wait(0.5):
            seen = predictions.read(live, "rates", columns=["prediction_id", "status"]).to_pylist()
            rows = [{"prediction_id": one["prediction_id"], "value": 2.0} for one in seen if one["status"] == 200]
            if rows:
                outcomes.record(live, "rates", rows, "a test", "user:anna")

    courier = threading.Thread(target=deliver, daemon=True)
    courier.start()
    try:
        ended = promoted(1.05, JudgeSettings(labels=50))
    finally:
        over.set()
        courier.join(30.0)
    assert ended.state == "aborted"
    assert ended.detail.startswith("at 50 %: outcomes: mae 0.1 on ")
    told = weight_step(live, ended).observed["metric"]
    assert (told["verdict"], told["new"]) == ("failed", pytest.approx(0.1))
    assert told["champion"] == pytest.approx(0.0, abs=1e-9)
    assert min(told["labels"]) >= 50
