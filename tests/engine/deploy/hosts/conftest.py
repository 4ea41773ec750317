"""A real SSH server on loopback, in front of the real engine: what a remote Docker host looks like from here."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.settings.model import HostSettings


@dataclass
class SshHost:
    """An sshd of the test's own: its keys, its port, and the client key that it lets in."""

    folder: Path
    port: int
    engine_socket: str = "/nowhere.sock"
    process: subprocess.Popen[bytes] | None = None

    @property
    def key(self) -> str:
        """The public host key as settings pin it."""
        return " ".join((self.folder / "host.pub").read_text().split()[:2])

    @property
    def address(self) -> str:
        """The address of the engine behind it."""
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}{self.engine_socket}"

    def settings(self, **changed: str) -> HostSettings:
        """The host as deck.toml would declare it."""
        told = {"address": self.address, "identity": str(self.folder / "client"), "host_key": self.key, **changed}
        return HostSettings("alpha", "docker", port=8080, **told)  # type: ignore[arg-type]

    def make_key(self, name: str) -> None:
        """Make a key pair, in place of one of that name."""
        (self.folder / name).unlink(missing_ok=True)
        told = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(self.folder / name)]
        subprocess.run(told, check=True, stdin=subprocess.DEVNULL)

    def start(self) -> None:
        """Start the server and wait until it listens."""
        config = self.folder / "sshd_config"
        config.write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.folder}/host\n"
            f"AuthorizedKeysFile {self.folder}/client.pub\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
            f"PidFile {self.folder}/pid\nMaxStartups 50\n"
        )
        self.process = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", str(config)], stderr=subprocess.DEVNULL)
        until = time.monotonic() + 10
        while True:
            with socket.socket() as trial:
                if trial.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert time.monotonic() < until, "sshd does not listen"
            assert self.process.poll() is None, "sshd ended"
            time.sleep(0.02)

    def stop(self) -> None:
        """End the server and every session it holds."""
        if self.process is None:
            return
        for child in _children(self.process.pid):
            subprocess.run(["kill", "-9", str(child)], check=False, stderr=subprocess.DEVNULL)
        self.process.kill()
        self.process.wait()
        self.process = None


def _children(pid: int) -> list[int]:
    """Return the processes below one, the deepest first."""
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout.split()
    below = [int(word) for word in found]
    return [deeper for child in below for deeper in _children(child)] + below


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[SshHost]:
    """Start an SSH server that lets one key in."""
    if not Path("/usr/sbin/sshd").exists() or shutil.which("ssh") is None:
        pytest.skip("no OpenSSH here: apt-get install -y openssh-server")
    Path("/run/sshd").mkdir(exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    host = SshHost(tmp_path, port)
    host.make_key("host")
    host.make_key("client")
    host.start()
    yield host
    host.stop()


@pytest.fixture
def remote(sshd: SshHost, engine_url: str) -> SshHost:
    """The SSH server in front of the engine that the tests have."""
    sshd.engine_socket = engine_url.removeprefix("unix://")
    return sshd
