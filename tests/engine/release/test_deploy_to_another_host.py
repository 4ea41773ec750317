"""A champion that serves as a process gets a Docker host by deploy, leaves this machine, and returns by rollback."""

from __future__ import annotations

import socket

import pytest
from with_servers import Callers, Ticking, clear, run, wait_until

from engine.deploy.containers.runtime import DockerRuntime
from engine.release import submit_deploy, submit_promote, submit_rollback
from engine.settings.model import DeckSettings, DeploySettings, GateSettings, HostSettings
from store import deployments, events, images, settings

ANNA = "user:anna"


@pytest.fixture(name="host")
def this_machine() -> HostSettings:
    """Where the model serves at first."""
    return HostSettings("local")


@pytest.mark.e2e
@pytest.mark.docker
@pytest.mark.timeout(600)
def test_a_deploy_ships_to_a_new_host_and_empties_the_one_no_longer_named(
    live, host, add_real, model_settings, engine, engine_url, monkeypatch
):
    monkeypatch.setattr("engine.release.deploy.WATCHED_S", 1.0)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        dock = HostSettings("dock", "docker", engine_url, free.getsockname()[1])

    def apply(*hosts):
        body = model_settings(gates=GateSettings(), deploy=DeploySettings(hosts=hosts, min_samples=0))
        with live.database.write() as tx:
            settings.apply(tx, DeckSettings("test", "UTC", (host, dock), {"rates": body}).to_body(), ANNA, "")

    def serving():
        rows = deployments.deployments(live.database, endpoint="rates")
        return {(one.host, one.desired) for one in rows}

    def addresses():
        return deployments.endpoint(live.database, "rates").addresses

    def completed(release):
        done = run(live, release)
        assert (done.state, done.detail) == ("completed", "")

    apply("local")
    add_real(1.0)
    completed(submit_promote(live, "rates", 1, actor=ANNA))
    ticking = Ticking(live, DockerRuntime(live, dock))
    callers = []
    try:
        callers.append(Callers(addresses()["local"]))
        apply("local", "dock")
        completed(submit_deploy(live, "rates", actor=ANNA))
        assert serving() == {("local", "serving"), ("dock", "serving")}
        callers.append(Callers(addresses()["dock"]))
        wait_until(lambda: callers[1].answers[200, 1] > 20)
        assert len(images.images(live.database, "rates")) == 1
        callers[0].close()  # who asks this machine is told to go elsewhere before it is left
        assert set(callers[0].answers) == {(200, 1)}
        apply("dock")
        completed(submit_deploy(live, "rates", actor=ANNA))
        wait_until(lambda: serving() == {("dock", "serving")})
        assert set(addresses()) == {"dock"}
        completed(submit_rollback(live, "rates", actor=ANNA))
        wait_until(lambda: serving() == {("local", "serving"), ("dock", "serving")})
        callers.append(Callers(addresses()["local"]))
        wait_until(lambda: callers[2].answers[200, 1] > 20)
        answered = callers[1].answers[200, 1]
        wait_until(lambda: callers[1].answers[200, 1] > answered + 20)
    finally:
        for one in callers:
            one.close()
        ticking.close()
        clear(engine, live)
    assert set(callers[1].answers) == {(200, 1)}
    assert events.verify(live.database).ok
