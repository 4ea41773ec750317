"""One OpenSSH process per host behind SSH: its engine's socket appears as a private socket on this machine.

Everything that is said to the engine goes through this one connection; the host needs no port but SSH. A lost
connection is noticed within `ALIVE_EVERY_S * ALIVE_MISSED` seconds and made again by the next call.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from engine.deploy.hosts.host_keys import known_hosts
from engine.settings.addresses import EngineAddress
from store.errors import ModeldeckError, NotAllowed, Refused, Unavailable

WITHIN_S = 10.0
ALIVE_EVERY_S, ALIVE_MISSED = 5, 3


class Tunnel:
    """Keeps one ssh running. Safe to use from several threads."""

    def __init__(self, name: str, address: EngineAddress, host_key: str, identity: str = "") -> None:
        self._name = name
        self._address = address
        self._folder = Path(tempfile.mkdtemp(prefix="modeldeck-ssh-"))
        (self._folder / "known_hosts").write_text(known_hosts(address, host_key), encoding="ascii")
        self._identity = identity
        self._process: subprocess.Popen[str] | None = None
        self._starting = threading.Lock()
        self.opened = 0  # how often a connection was made

    @property
    def socket(self) -> Path:
        """The local socket; it answers while `is_up`."""
        return self._folder / "engine.sock"

    @property
    def is_up(self) -> bool:
        """Say whether the connection stands, as far as ssh knows."""
        return self._process is not None and self._process.poll() is None and self.socket.exists()

    def ends_within(self, seconds: float) -> bool:
        """Wait for ssh to notice that its connection is lost; returns whether it has ended."""
        process = self._process
        if process is None:
            return False  # it never came up
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        return process.poll() is not None

    def up(self, within_s: float = WITHIN_S) -> Path:
        """Make the connection unless it stands; returns the local socket.

        Raises:
            Refused: the host shows another key than the pinned one.
            NotAllowed: it accepts no key of ours.
            Unavailable: it cannot be reached, or not in time.
        """
        with self._starting:
            if self.is_up:
                return self.socket
            self._end()
            self.socket.unlink(missing_ok=True)  # one that a dead ssh left would refuse connections
            process = self._start()
            until = time.monotonic() + within_s
            while not self._listens():
                if process.poll() is not None:
                    raise self._failure(process)
                if time.monotonic() >= until:
                    self._end()
                    raise Unavailable(f"host {self._name}: no SSH connection within {within_s:.0f} s", _REACH)
                time.sleep(0.01)
            self.opened += 1
            return self.socket

    def _listens(self) -> bool:
        """Say whether the socket takes connections: the file is there a moment before."""
        with socket.socket(socket.AF_UNIX) as knock:
            return knock.connect_ex(str(self.socket)) == 0

    def drop(self) -> None:
        """End a connection that carries nothing any more; the next call makes another."""
        with self._starting:
            self._end()

    def close(self) -> None:
        """End the connection and take its files away."""
        with self._starting:
            self._end()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> subprocess.Popen[str]:
        started = threading.Event()
        failed: list[OSError] = []

        def run() -> None:
            # the kernel ends ssh with the thread that started it, so that thread must live as long: it waits
            try:
                process = self._process = subprocess.Popen(
                    self._command(),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    text=True,
                    errors="replace",
                    start_new_session=True,
                )
            except OSError as error:
                failed.append(error)
                started.set()
                return
            started.set()
            process.wait()

        threading.Thread(target=run, name=f"ssh-{self._name}", daemon=True).start()
        started.wait()
        if failed or self._process is None:
            raise Unavailable("ssh is not installed here", "apt-get install -y openssh-client")
        return self._process

    def _command(self) -> list[str]:
        options = {
            "BatchMode": "yes",
            "StrictHostKeyChecking": "yes",
            "UserKnownHostsFile": str(self._folder / "known_hosts"),
            "GlobalKnownHostsFile": "/dev/null",
            "UpdateHostKeys": "no",
            "ConnectTimeout": "5",
            "ExitOnForwardFailure": "yes",
            "ServerAliveInterval": str(ALIVE_EVERY_S),
            "ServerAliveCountMax": str(ALIVE_MISSED),
            "ControlMaster": "no",
            "ControlPath": "none",
            "ClearAllForwardings": "no",
            "ForwardAgent": "no",
        }
        command = ["setpriv", "--pdeathsig", "TERM", "ssh", "-N", "-T", "-p", str(self._address.port)]
        for key, value in options.items():
            command += ["-o", f"{key}={value}"]
        if self._identity:
            command += ["-i", str(Path(self._identity).expanduser()), "-o", "IdentitiesOnly=yes"]
        if self._address.user:
            command += ["-l", self._address.user]
        return [*command, "-L", f"{self.socket}:{self._address.socket}", "--", self._address.host]

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
        if process.poll() is None:
            process.kill()
            process.wait()
        if process.stderr is not None:
            process.stderr.close()

    def _failure(self, process: subprocess.Popen[str]) -> ModeldeckError:
        said = process.stderr.read().strip().splitlines() if process.stderr else []
        self._end()
        told = next((line for line in reversed(said) if line.strip()), "it ended without a word")
        where = f"host {self._name}"
        if any("Host key verification failed" in line for line in said):
            return Refused(
                f"{where} shows another host key than the pinned one",
                f"find out why; if it is right: hosts remove {self._name}, then hosts add",
            )
        if any("Permission denied" in line for line in said):
            return NotAllowed(f"{where} accepts no key of ours ({told})", "add a public key there, or name --identity")
        return Unavailable(f"{where} cannot be reached: {told}", _REACH)


_REACH = "check the address, the port and the way there"
