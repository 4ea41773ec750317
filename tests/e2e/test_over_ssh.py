"""A runner reaches a shared deck as people do: over SSH, as an account of the machine, and by no second door."""

from __future__ import annotations

import io
import shlex
import shutil
import socket
import subprocess
import sysconfig
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from accounts import REPOSITORY, RUN
from shared_tiny import SharedTiny, shared_tiny
from tiny_deck import MODEL

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

SSHD = "/usr/sbin/sshd"
START_S = 20.0
COMMIT = "commit-5f4e3d2"


@dataclass(frozen=True)
class Bastion:
    """An sshd of this machine on loopback, whose accounts find `modeldeck` on their path."""

    folder: Path
    port: int

    def __call__(
        self, user: str, *words: str, stdin: bytes = b"", key: str = "runner"
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a line there as a user, with a key."""
        options = [f"-oUserKnownHostsFile={self.folder}/known_hosts", "-oStrictHostKeyChecking=yes", "-oBatchMode=yes"]
        options += ["-oIdentitiesOnly=yes", f"-oIdentityFile={self.folder}/{key}", f"-oPort={self.port}", "-F/dev/null"]
        command = ["ssh", *options, f"{user}@127.0.0.1", "--", shlex.join(words)]
        return subprocess.run(command, check=False, input=stdin, capture_output=True, timeout=120)


@pytest.fixture(scope="module", name="tiny")
def shared_tiny_deck() -> Iterator[SharedTiny]:
    """The shared deck, with a runner's account that may apply settings."""
    if not Path(SSHD).exists() or shutil.which("ssh") is None:
        pytest.skip("openssh-server and openssh-client are not installed")
    with shared_tiny() as made:
        runner = made.accounts.add("run", member=True, shell="/bin/sh")
        text = (made.root / "deck.toml").read_text()
        (made.root / "deck.toml").write_text(f'{text}admin = ["{runner}"]\n')
        applied = made.as_owner("apply")
        assert applied.code == 0, applied
        yield made


@pytest.fixture(scope="module", name="bastion")
def sshd_on_loopback(tiny: SharedTiny) -> Iterator[Bastion]:
    """The door; only what was started is ended."""
    folder = tiny.accounts.home / "bastion"
    (folder / "bin").mkdir(parents=True)
    for name in ("host", "runner", "stranger"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)], check=True
        )
    command = folder / "bin" / "modeldeck"
    command.write_text(f'#!/bin/sh\nexec {tiny.accounts.interpreter} -P -c {shlex.quote(RUN)} "$@"\n')
    command.chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    key = " ".join((folder / "host.pub").read_text().split()[:2])
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {key}\n")
    config = folder / "sshd_config"
    config.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/runner.pub\n"
        "StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPidFile none\n"
        f"SetEnv PATH={folder}/bin:/usr/bin:/bin LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1"
        f" PYTHONPATH={REPOSITORY}:{sysconfig.get_path('purelib')}\n"
    )
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    started = [SSHD, "-D", "-f", str(config), "-E", str(folder / "sshd.log")]
    process = subprocess.Popen(started, stdin=subprocess.DEVNULL)
    bastion = Bastion(folder, port)
    try:
        until = time.monotonic() + START_S
        while bastion(_runner(tiny), "true").returncode:
            assert process.poll() is None, (folder / "sshd.log").read_text()
            assert time.monotonic() < until, (folder / "sshd.log").read_text()
            time.sleep(0.1)
        yield bastion
    finally:
        process.terminate()
        process.wait(10)


def _runner(tiny: SharedTiny) -> str:
    return next(user for user in tiny.accounts.users if user.endswith("-run"))


def _checkout(tiny: SharedTiny, model: str) -> bytes:
    """Return a deck's files as `tar -c` of a checkout gives them."""
    files = {"deck.toml": (tiny.root / "deck.toml").read_text(), "models/rates.toml": model}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, text in files.items():
            about = tarfile.TarInfo(name)
            about.size = len(text.encode())
            tar.addfile(about, io.BytesIO(text.encode()))
    return packed.getvalue()


def test_a_runner_plans_and_applies_over_ssh_under_its_own_account(tiny: SharedTiny, bastion: Bastion) -> None:
    runner = _runner(tiny)
    checkout = _checkout(tiny, MODEL.replace('name = "rates"', 'name = "rates"\ndescription = "as merged"'))
    planned = bastion(runner, "modeldeck", "--deck", tiny.name, "apply", "-", "--plan", stdin=checkout)
    assert planned.returncode == 1, planned
    assert b"~ models/rates.toml changed" in planned.stdout
    assert not tiny.events(f'reason="{COMMIT}"')
    line = ("modeldeck", "--deck", tiny.name, "apply", "-", "--reason", COMMIT)
    applied = bastion(runner, *line, stdin=checkout)
    assert applied.returncode == 0, applied
    assert 'description = "as merged"' in (tiny.root / "models" / "rates.toml").read_text()
    (event,) = tiny.events(f'action=settings.applied and reason="{COMMIT}"')
    assert event["actor"] == f"user:{runner}"
    again = bastion(runner, *line, stdin=checkout)
    assert (again.returncode, b"already applied" in again.stdout) == (0, True), again
    assert len(tiny.events(f'action=settings.applied and reason="{COMMIT}"')) == 1


def test_over_ssh_a_role_is_what_it_is_and_a_refusal_is_on_record(tiny: SharedTiny, bastion: Bastion) -> None:
    late = tiny.accounts.add("late", member=True, shell="/bin/sh")  # in the group, with no role
    refused = bastion(late, "modeldeck", "--deck", tiny.name, "apply", "-", stdin=_checkout(tiny, MODEL))
    assert refused.returncode == 6, refused
    assert f"{late} has no role on this deck".encode() in refused.stderr
    assert b"Traceback" not in refused.stderr
    assert tiny.events(f'action=access.refused and actor="user:{late}"')


def test_who_has_no_key_of_the_machine_does_not_come_to_the_door(tiny: SharedTiny, bastion: Bastion) -> None:
    before = len(tiny.events(""))
    assert bastion(_runner(tiny), "modeldeck", "--deck", tiny.name, "pulse", key="stranger").returncode == 255
    assert len(tiny.events("")) == before
