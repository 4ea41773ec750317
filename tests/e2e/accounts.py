"""Real accounts of this machine, made for a test and removed after it, and the command line run as one of them."""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tiny_deck import WITHIN_S, Said
from wire import Link

REPOSITORY = Path(__file__).resolve().parents[2]
RUN = "import sys; from console.main import main; sys.exit(main())"


@dataclass
class Accounts:
    """A group and users of a name nobody else has; `interpreter` is one that every account may run."""

    group: str
    home: Path
    interpreter: str
    users: list[str] = field(default_factory=list)

    def add(self, name: str, *, member: bool, shell: str = "/usr/sbin/nologin") -> str:
        """Make a user, in the group or not, and return its name; with a real shell it may log in."""
        user = f"{self.group}-{name}"
        groups = ["--groups", self.group] if member else []
        password = ["--password", "*"]  # none is right, which is not the same as locked: a key may let in
        subprocess.run(
            [
                "useradd",
                "--no-create-home",
                "--home-dir",
                str(self.home / user),
                "--shell",
                shell,
                *password,
                *groups,
                user,
            ],
            check=True,
            capture_output=True,
        )
        self.users.append(user)
        home = self.home / user
        home.mkdir(mode=0o700)
        shutil.chown(home, user)
        return user

    def home_of(self, user: str) -> Path:
        """Return the account's private folder."""
        return self.home / user

    def run(self, user: str, *words: str, cwd: Path | None = None, within_s: float = WITHIN_S) -> Said:
        """Run one command line as a user: its uid, its groups, its home, nothing of ours."""
        command = [self.interpreter, "-P", "-c", RUN, *words]
        ran = self.execute(user, command, cwd=cwd or Path("/"), within_s=within_s)
        return Said(" ".join(words), ran.returncode, ran.stdout, ran.stderr)

    def execute(
        self, user: str, command: Sequence[str], *, cwd: Path, within_s: float = WITHIN_S, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run any program as a user."""
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=within_s,
            cwd=cwd,
            env={**self._environment(user), **environment},
            check=False,
            **self.identity(user),  # type: ignore[arg-type]
        )

    def console(self, user: str, *words: str, cwd: Path = Path("/")) -> Link:
        """Open the console as a user in an 80x24 terminal."""
        found = pwd.getpwnam(user)

        def become() -> None:
            os.initgroups(user, found.pw_gid)
            os.setgid(found.pw_gid)
            os.setuid(found.pw_uid)

        command = [self.interpreter, "-P", "-c", RUN, *words]
        return Link(command, self._environment(user), cwd=cwd, inherits=False, become=become)

    def screen(self, user: str, *words: str, until: str) -> str:
        """Open the console as a user until it shows a text; return the screen."""
        link = self.console(user, *words)
        try:
            return link.until(until, WITHIN_S)
        finally:
            link.close()

    def remove(self) -> None:
        """Remove users and group, and first whatever a failed test left running in their name."""
        for user in self.users:
            self._end_processes(pwd.getpwnam(user).pw_uid)
            subprocess.run(["userdel", user], check=True, capture_output=True)
        subprocess.run(["groupdel", self.group], check=True, capture_output=True)

    def _end_processes(self, uid: int) -> None:
        deadline = time.monotonic() + 20
        while left := [int(each.name) for each in Path("/proc").iterdir() if _is_of(each, uid)]:
            if time.monotonic() > deadline - 15:
                for pid in left:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            assert time.monotonic() < deadline, left
            time.sleep(0.05)

    def identity(self, user: str) -> dict[str, object]:
        """Return what makes a process this user's: uid, gid and groups."""
        found = pwd.getpwnam(user)
        groups = os.getgrouplist(user, found.pw_gid)
        return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": groups}

    def _environment(self, user: str) -> dict[str, str]:
        return {
            "HOME": str(self.home_of(user)),
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "PYTHONPATH": f"{REPOSITORY}:{sysconfig.get_path('purelib')}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }


def _is_of(process: Path, uid: int) -> bool:
    try:
        return process.name.isdigit() and process.stat().st_uid == uid
    except FileNotFoundError:
        return False


def make_accounts(home: Path) -> Accounts:
    """Make the group, or skip with the reason why this machine cannot."""
    if os.geteuid() != 0:
        pytest.skip("only root may make accounts")
    if not all(shutil.which(tool) for tool in ("useradd", "userdel", "groupadd", "groupdel")):
        pytest.skip("useradd and its like are not installed")
    group = f"md{secrets.token_hex(3)}"
    subprocess.run(["groupadd", group], check=True, capture_output=True)
    made = Accounts(group, home, "")
    try:
        made.interpreter = _interpreter_for(made)
    except BaseException:
        made.remove()
        raise
    return made


def _interpreter_for(accounts: Accounts) -> str:
    """Return an interpreter of this version that an account can run the command with."""
    user = accounts.add("probe", member=False)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for path in (sys.executable, shutil.which(version, path="/usr/local/bin:/usr/bin:/bin")):
        accounts.interpreter = path or ""
        if not path:
            continue
        try:
            if accounts.run(user, "--version").code == 0:
                return path
        except PermissionError:
            continue
    pytest.skip(f"no {version} here that another account can run")
