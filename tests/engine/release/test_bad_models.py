"""Versions that attack: each is stopped by one clear line, the champion keeps the traffic, and no caller notices.

Once as processes of this machine, once as containers of a real engine.
"""

from __future__ import annotations

import pytest
from with_servers import Callers, run, running, wait_until

from engine.release import arrive, submit_promote
from engine.settings.model import DeploySettings, GateSettings, Limit, RolloutStep
from store import deployments, events, models

# What the workspace's own model does once a server holds it; in training, and when asked here, it is what it seems.
MODEL = """
import os, sys, time
from sklearn.linear_model import LinearRegression

SERVES = "engine.serving" in sys.orig_argv
KEPT = []
{at_import}

class Model(LinearRegression):
    def predict(self, X):
        if SERVES:
            {at_predict}
        return super().predict(X)
"""
BAD = {
    "wrong": ("", "return super().predict(X) + 1.0"),
    "crashes": ("if SERVES: raise OSError('no such device')", "pass"),
    "ends": ("if SERVES: os._exit(3)", "pass"),
    "hangs": ("", "time.sleep(3600)"),
    "neverready": ("if SERVES: time.sleep(3600)", "pass"),
    # only once it is proven: two hundred golden requests and more are asked before the first live one
    "leaks": ("", "KEPT.append(b'x' * ((4 << 20) if len(KEPT) > 300 else 0))"),
}


@pytest.fixture(name="bad")
def release_of_a_bad_version(live, host, add_real, stage_parts, model_settings, monkeypatch):
    """Let version 1 serve under traffic, promote a version that is bad in a way; return the release and who asked."""
    monkeypatch.setattr(arrive, "START_WAIT_S", 25.0)
    rollout = (RolloutStep(50), RolloutStep(100))
    deploy = DeploySettings(hosts=(host.name,), min_samples=2000, max_wait_s=90.0, rollout=rollout, memory_mb=400)
    # what a leak does to answers on a busy machine is no verdict here: the memory limit has to end it
    gates = GateSettings({"latency_p99_ms": Limit(max=2000.0)})
    settings = model_settings(gates=gates, deploy=deploy)
    stage_parts.apply(live, settings, host=host)
    add_real(1.0)
    first = run(live, submit_promote(live, settings.name, 1, actor="user:anna"))
    assert (first.state, first.detail) == ("completed", "")
    callers = Callers(deployments.endpoint(live.database, settings.name).addresses[host.name])

    def promote(how: str):
        at_import, at_predict = BAD[how]
        code = MODEL.format(at_import=at_import, at_predict=at_predict)
        number = add_real(1.05, code, f"bad_{how}")
        return run(live, submit_promote(live, settings.name, number, actor="user:anna")), callers

    yield promote
    callers.close()


def unharmed(live, callers, served: set[int]) -> None:
    """Look that the champion answers alone, and that nobody was refused."""
    wait_until(lambda: running(live) == {1: "serving"})
    before = callers.answers[200, 1]
    wait_until(lambda: callers.answers[200, 1] > before + 20)
    assert {status for status, _ in callers.answers} == {200}
    assert {version for _, version in callers.answers} == served
    assert models.model(live.database, "rates").champion == 1
    assert events.verify(live.database).ok


@pytest.mark.e2e
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("how", "cause", "line"),
    [
        ("wrong", "gate", "golden requests on {0}: 20 of 20 golden answers differ"),
        ("crashes", "error", "v2 did not become ready on {0}: ended with code 1: no such device"),
        ("ends", "error", "v2 did not become ready on {0}: ended with code 3"),
        ("hangs", "error", "v2 did not become ready on {0}: loading"),
        ("neverready", "error", "v2 did not become ready on {0}: loading"),
    ],
)
def test_a_bad_version_never_gets_a_live_request(live, host, bad, how, cause, line):
    ended, callers = bad(how)
    assert ended.state == "failed"
    assert ended.evidence["cause"] == cause
    assert ended.detail.startswith(line.format(host.name)), ended.detail
    assert "\n" not in ended.detail
    unharmed(live, callers, {1})


@pytest.mark.e2e
@pytest.mark.timeout(600)
def test_a_version_that_leaks_is_killed_at_its_limit_and_taken_back(live, host, bad):
    ended, callers = bad("leaks")
    assert ended.state == "aborted"
    assert ended.detail.startswith("at 50 %: servers of v2"), ended.detail
    assert "lack of memory" in ended.detail or "times" in ended.detail
    unharmed(live, callers, {1, 2})
