"""Docker hosts behind SSH: one connection, pinned keys, cuts, and what is said when it cannot be made."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.deploy.hosts import host_keys
from engine.deploy.hosts.connection import DockerHost
from engine.deploy.hosts.preflight import preflight
from engine.settings.addresses import parse_address
from engine.settings.model import HostSettings
from store.errors import NotAllowed, Refused, Unavailable

# the SDK leaves the socket of a connection that was refused to the garbage collector
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

PLATFORM = "linux/amd64" if os.uname().machine == "x86_64" else "linux/arm64"


@pytest.fixture
def alpha(remote: Any) -> Iterator[DockerHost]:
    """The remote engine."""
    with DockerHost(remote.settings()) as host:
        yield host


@pytest.mark.docker
def test_the_engine_behind_ssh_answers_over_one_connection(alpha: DockerHost, engine: Any) -> None:
    assert alpha.state == "not connected"
    assert alpha.client().info()["ID"] == engine.info()["ID"]
    assert alpha.state == "connected"
    for _ in range(20):
        alpha.client().ping()
    assert alpha._tunnel is not None
    assert alpha._tunnel.opened == 1


@pytest.mark.docker
def test_a_cut_connection_is_made_again_by_the_next_call(alpha: DockerHost) -> None:
    client = alpha.client()
    assert alpha._tunnel is not None
    process = alpha._tunnel._process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert alpha.state == "not connected"
    assert alpha.client() is client
    assert alpha.state == "connected"
    assert alpha._tunnel.opened == 2


@pytest.mark.docker
def test_a_host_that_is_away_is_said_so_and_works_again_when_it_is_back(alpha: DockerHost, remote: Any) -> None:
    alpha.client()
    remote.stop()
    with pytest.raises(Unavailable, match=r"host alpha cannot be reached: .*Connection refused"):
        alpha.client()
    remote.start()
    assert alpha.client().ping()


@pytest.mark.docker
def test_a_changed_host_key_is_never_believed(alpha: DockerHost, remote: Any) -> None:
    remote.stop()
    remote.make_key("host")
    remote.start()
    with pytest.raises(Refused, match="host alpha shows another host key than the pinned one"):
        alpha.client()
    (line,) = preflight(alpha, PLATFORM)
    assert line.remedy == "find out why; if it is right: hosts remove alpha, then hosts add"


def test_a_key_that_the_host_does_not_let_in_is_said_so(sshd: Any) -> None:
    sshd.make_key("stranger")
    settings = sshd.settings(identity=str(sshd.folder / "stranger"))
    with DockerHost(settings) as host, pytest.raises(NotAllowed, match="host alpha accepts no key of ours"):
        host.client()


def test_ssh_without_an_engine_behind_it_is_said_so(sshd: Any) -> None:
    with (
        DockerHost(sshd.settings()) as host,
        pytest.raises(Unavailable, match="SSH works, but no Docker engine answers"),
    ):
        host.client()


def test_an_engine_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    here = HostSettings("here", "docker", f"unix://{tmp_path}/docker.sock")
    with DockerHost(here) as host, pytest.raises(Unavailable, match=r"no Docker engine answers at .*No such file"):
        host.client()


def test_a_socket_nobody_let_us_at_is_one_line_with_its_remedy() -> None:
    import docker  # noqa: F401 (as another user it could not be read everywhere)

    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as engine:
        place = Path(folder, "docker.sock")
        engine.bind(str(place))
        engine.listen()
        os.chmod(folder, 0o755)  # a folder everybody may enter, as /run is
        place.chmod(0o000)
        here = HostSettings("here", "docker", f"unix://{place}")
        root = os.geteuid() == 0
        try:
            if root:
                os.seteuid(65534)
            with DockerHost(here) as host:
                (line,) = preflight(host, PLATFORM)
        finally:
            if root:
                os.seteuid(0)
    assert line.verdict == "failed"
    assert line.observed == f"host here: no permission on the engine's socket {place}"
    assert line.remedy == "join the group docker"


def test_nothing_is_left_behind(sshd: Any) -> None:
    host = DockerHost(sshd.settings())
    assert host._tunnel is not None
    host._tunnel.up()
    process, folder = host._tunnel._process, host._tunnel.socket.parent
    assert process is not None
    assert folder.stat().st_mode & 0o077 == 0
    host.close()
    assert process.poll() is not None
    assert not folder.exists()


def test_a_fingerprint_is_the_one_ssh_itself_prints(sshd: Any) -> None:
    told = subprocess.run(["ssh-keygen", "-l", "-f", str(sshd.folder / "host.pub")], capture_output=True, text=True)
    assert host_keys.fingerprint(sshd.key) == told.stdout.split()[1]


def test_a_key_is_pinned_only_on_somebodys_word(sshd: Any) -> None:
    address = parse_address(sshd.address)
    mark = host_keys.fingerprint(sshd.key)
    with pytest.raises(Refused, check=lambda error: error.hint.endswith(f"add --host-key {mark}")):
        host_keys.pin(address, "")
    with pytest.raises(Refused, match="has no key SHA256:wrong: it offers ssh-ed25519"):
        host_keys.pin(address, "SHA256:wrong")
    assert host_keys.pin(address, mark) == sshd.key
    assert host_keys.pin(address, f"{sshd.key} a comment") == sshd.key


def test_nothing_listening_is_said_so(sshd: Any) -> None:
    sshd.stop()
    with pytest.raises(Unavailable, match=f"no SSH server answers at 127.0.0.1 port {sshd.port}"):
        host_keys.pin(parse_address(sshd.address), "")


@pytest.mark.docker
def test_a_preflight_has_a_remedy_for_whatever_fails(alpha: DockerHost, remote: Any) -> None:
    found = {line.name: line for line in preflight(alpha, PLATFORM)}
    assert {"connection", "engine API", "platform", "image store", "limits", "memory", "clock"} == set(found)
    assert {found[name].verdict for name in ("connection", "engine API", "platform", "clock")} == {"passed"}
    other = {line.name: line for line in preflight(alpha, "linux/s390x")}
    assert other["platform"].verdict == "failed"
    assert other["platform"].remedy == "images are made for linux/s390x: use a host of that kind"
    away = replace(remote.settings(), address="ssh://127.0.0.1:1")
    with DockerHost(away) as host:
        (line,) = preflight(host, PLATFORM)
    assert (line.verdict, line.remedy) == ("failed", "check the address, the port and the way there")
