"""The second host of the tests is a host of its own: another engine, another network, reached by SSH alone."""

from __future__ import annotations

import gc
import subprocess
from typing import Any

import pytest

from engine.deploy.hosts.connection import DockerHost
from engine.settings.model import HostSettings
from store.errors import Unavailable

# the SDK leaves the socket of a connection that was refused to the garbage collector
pytestmark = [pytest.mark.docker, pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")]


@pytest.fixture
def far(second_engine: Any) -> Any:
    """The second host as deck.toml would declare it."""
    told = {"address": second_engine.address, "identity": str(second_engine.identity)}
    return HostSettings("far", "docker", port=8080, host_key=second_engine.host_key, **told)


def test_it_is_another_engine_and_leaves_the_first_ones_bridge_alone(far: Any, engine: Any) -> None:
    with DockerHost(far) as host:
        assert host.client().info()["ID"] != engine.info()["ID"]
    assert subprocess.run(["ip", "link", "show", "docker0"], check=False, capture_output=True).returncode == 0


def test_a_cut_link_is_said_and_a_mended_one_used_again(far: Any, second_engine: Any) -> None:
    with DockerHost(far) as host:
        host.client()
        second_engine.cut()
        try:
            with pytest.raises(Unavailable, match="host far does not answer any more"):
                host.client()
            with pytest.raises(Unavailable, match="host far cannot be reached"):
                host.client()
        finally:
            second_engine.mend()
        assert host.client().ping()
    gc.collect()  # what the SDK left of the cut connection, while it is expected
