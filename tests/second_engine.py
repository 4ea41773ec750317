"""Another Docker host on this machine: a real sshd and a real dockerd in a network namespace of their own.

No packet of a test leaves the machine: the namespace has no route but to its own network, a blackhole route lies beside
that network here, and the link is cut from inside. The engine shares nothing with the one of the tests: its own data,
its own state, its own bridge, its own mounts, which all end with its processes.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

DISK = 8 << 30  # bytes that its engine's disk may grow to; sparse
BLOCK = 4096
START_S = 30.0
STOP_S = 20.0
NEEDED = {
    "ip": "iproute2",
    "mkfs.ext4": "e2fsprogs",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "dockerd": "docker.io",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "/usr/sbin/sshd": "openssh-server",
}


class CannotRun(Exception):
    """No second engine can run here, and why."""


class SecondEngine:
    """One host: `address` and `host_key` are what `hosts add` takes; `socket` is the engine's own, past the network."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        mark = secrets.token_hex(3)
        self.namespace = f"mdt-{mark}"
        self.network = f"10.213.{int(mark[:2], 16)}"
        self.ip = f"{self.network}.2"
        self.socket = folder / "engine.sock"
        self.identity = folder / "client"
        self.is_cut = False
        self._outer = f"mdt{mark}"
        self._dockerd: subprocess.Popen[bytes] | None = None
        self._sshd: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """The engine's address as `hosts add` takes it."""
        return f"ssh://root@{self.ip}"

    @property
    def url(self) -> str:
        """The engine's own socket, for a look past the network."""
        return f"unix://{self.socket}"

    @property
    def host_key(self) -> str:
        """The public host key as settings pin it."""
        return " ".join((self.folder / "host.pub").read_text().split()[:2])

    def client(self, timeout_s: int = 60) -> Any:
        """Return a client of the engine, past the network."""
        import docker

        return docker.DockerClient(base_url=self.url, timeout=timeout_s)

    def start(self) -> None:
        """Bring the host up.

        Raises:
            CannotRun: it cannot run on this machine.
        """
        self._look()
        for name in ("host", "client"):
            _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(self.folder / name))
        try:
            self._make_network()
        except subprocess.CalledProcessError as error:
            raise CannotRun(f"no network namespace can be made: {error.stderr.decode().strip()}") from None
        try:
            self._make_disk()
        except subprocess.CalledProcessError as error:
            raise CannotRun(f"no disk of its own can be made: {error.stderr.decode().strip()}") from None
        self.start_engine()
        self._start_sshd()

    def start_engine(self) -> None:
        """Start dockerd and wait until it answers.

        Raises:
            CannotRun: it ended, or does not answer in time.
        """
        (self.folder / "daemon.json").write_text("{}")  # not this machine's
        # A private /run with its engine's socket where a host has it. sshd joins it.
        setup = (
            "mount --make-rprivate / && mount -t tmpfs tmpfs /run && mkdir /run/sshd /run/lock"
            " && mkdir -p /etc/docker && mount -t tmpfs tmpfs /etc/docker"  # an engine's identity lies there
            f' && exec dockerd --data-root "{self.folder}/data" --exec-root "{self.folder}/exec"'
            f' --pidfile "{self.folder}/docker.pid" --config-file "{self.folder}/daemon.json"'
            f' --host unix:///run/docker.sock --host "unix://{self.socket}"'
        )
        with (self.folder / "dockerd.log").open("ab") as log:
            self._dockerd = subprocess.Popen(
                ["nsenter", f"--net=/run/netns/{self.namespace}", "unshare", "--mount", "sh", "-c", setup],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait(self._answers, self._dockerd, "dockerd")

    def stop_engine(self) -> None:
        """End dockerd as its service manager would; containers end with it."""
        if self._dockerd is not None:
            _end(self._dockerd, signal.SIGTERM)
            self._dockerd = None
        self.socket.unlink(missing_ok=True)

    def restart_engine(self) -> None:
        """End dockerd and start it again, with sshd in front of it."""
        self._stop_sshd()
        self.stop_engine()
        self.start_engine()
        self._start_sshd()

    def cut(self) -> None:
        """Take the link down, from inside: nothing is refused, nothing answers."""
        self.inside("ip", "link", "set", "eth0", "down")
        self.is_cut = True

    def mend(self) -> None:
        """Bring the link up again."""
        self.inside("ip", "link", "set", "eth0", "up")
        self.is_cut = False

    def fill_disk(self, leaving: int) -> None:
        """Take all but so many bytes of the engine's disk."""
        with (self.folder / "data" / "filler").open("wb") as file:
            piece = 1 << 30
            while piece >= BLOCK:  # what says where a file lies takes room too: smaller and smaller pieces
                found = os.statvfs(self.folder / "data")
                if found.f_bavail * found.f_frsize < leaving + piece:
                    piece //= 2
                    continue
                try:
                    os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, piece)
                except OSError:
                    piece //= 2

    def free_disk(self) -> None:
        """Give back what `fill_disk` took."""
        (self.folder / "data" / "filler").unlink(missing_ok=True)

    def inside(self, *command: str) -> None:
        """Run a command in the host's network."""
        _run("nsenter", f"--net=/run/netns/{self.namespace}", *command)

    def received_bytes(self) -> int:
        """Return what has come in by its only link, SSH and frames and all."""
        asked = _run("nsenter", f"--net=/run/netns/{self.namespace}", "cat", "/proc/net/dev")
        line = next(line for line in asked.splitlines() if line.strip().startswith("eth0:"))
        return int(line.split(":")[1].split()[0])

    def sweep(self) -> None:
        """Remove every container and volume that is left of a test; images stay for the next one."""
        docker = ("docker", "--host", self.url)
        for listed, removed in (
            ("ps --all --quiet", "rm --force --volumes"),
            ("volume ls --quiet", "volume rm --force"),
        ):
            names = _run(*docker, *listed.split()).split()
            if names:
                subprocess.run([*docker, *removed.split(), *names], check=False, capture_output=True)

    def stop(self) -> None:
        """End all of it: containers, processes by their ids, mounts with them, network, files."""
        with contextlib.suppress(Exception):
            self.sweep()
        self._stop_sshd()
        self.stop_engine()
        for command in (
            ("ip", "netns", "del", self.namespace),
            ("ip", "link", "del", self._outer),
            ("ip", "route", "del", "blackhole", f"{self.network}.0/24", "metric", "4000"),
        ):
            subprocess.run(command, check=False, capture_output=True)
        subprocess.run(["umount", "--lazy", str(self.folder / "data")], check=False, capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _look(self) -> None:
        if os.geteuid() != 0:
            raise CannotRun("a network namespace needs root")
        for program, package in NEEDED.items():
            if shutil.which(program) is None:
                raise CannotRun(f"no {program} here: apt-get install -y {package}")

    def _make_network(self) -> None:
        _run("ip", "netns", "add", self.namespace)
        _run("ip", "link", "add", self._outer, "type", "veth", "peer", "name", "eth0", "netns", self.namespace)
        _run("ip", "route", "add", "blackhole", f"{self.network}.0/24", "metric", "4000")
        _run("ip", "addr", "add", f"{self.network}.1/24", "dev", self._outer)
        _run("ip", "link", "set", self._outer, "up")
        _run("ip", "-n", self.namespace, "addr", "add", f"{self.ip}/24", "dev", "eth0")
        for name in ("lo", "eth0"):
            _run("ip", "-n", self.namespace, "link", "set", name, "up")

    def _make_disk(self) -> None:
        disk, data = self.folder / "disk.img", self.folder / "data"
        data.mkdir()
        with disk.open("wb") as file:
            file.truncate(DISK)
        _run("mkfs.ext4", "-q", "-F", "-m", "0", str(disk))
        _run("mount", "-o", "loop", str(disk), str(data))

    def _start_sshd(self) -> None:
        assert self._dockerd is not None
        config = self.folder / "sshd_config"
        config.write_text(
            f"Port 22\nListenAddress {self.ip}\nHostKey {self.folder}/host\n"
            f"AuthorizedKeysFile {self.folder}/client.pub\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
            f"PermitRootLogin yes\nPidFile none\nMaxStartups 50\nMaxSessions 50\n"
        )
        inside = ["nsenter", "--target", str(self._dockerd.pid), "--net", "--mount"]
        self._sshd = subprocess.Popen(
            [*inside, "/usr/sbin/sshd", "-D", "-f", str(config), "-E", str(self.folder / "sshd.log")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._wait(self._lets_in, self._sshd, "sshd")

    def _stop_sshd(self) -> None:
        if self._sshd is not None:
            for child in _below(self._sshd.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            _end(self._sshd, signal.SIGTERM)
            self._sshd = None

    def _answers(self) -> bool:
        command = ["docker", "--host", self.url, "version"]
        return subprocess.run(command, check=False, capture_output=True).returncode == 0

    def _lets_in(self) -> bool:
        command = ["ssh-keyscan", "-T", "2", self.ip]
        return b"ed25519" in subprocess.run(command, check=False, capture_output=True).stdout

    def _wait(self, is_so: Any, process: subprocess.Popen[bytes], name: str) -> None:
        until = time.monotonic() + START_S
        while not is_so():
            if process.poll() is not None or time.monotonic() > until:
                log = (self.folder / f"{name}.log").read_text(errors="replace").strip().splitlines()
                raise CannotRun(f"{name} does not answer: {log[-1] if log else 'it said nothing'}")
            time.sleep(0.05)


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL).stdout.decode()


def _below(pid: int) -> list[int]:
    """Return the processes below one, the deepest first."""
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout.split()
    below = [int(word) for word in found]
    return [deeper for child in below for deeper in _below(child)] + below


def _end(process: subprocess.Popen[bytes], by: signal.Signals) -> None:
    process.send_signal(by)
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
