"""A PostgreSQL server of the tests' own, in a folder, on a free port of this machine, as a user without rights."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PASSWORD = "hunter2 of the tests"
USER = "reader"
START_S = 60
ACCOUNT = "nobody"  # the server refuses to run as root


@dataclass(frozen=True)
class Server:
    """Where it answers."""

    port: int
    programs: Path

    @property
    def source(self) -> str:
        """Its address, as a model file writes it."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/postgres"

    def run(self, sql: str) -> None:
        """Run statements as its owner."""
        environment = {**os.environ, "PGPASSWORD": PASSWORD}
        address = ["-h", "127.0.0.1", "-p", str(self.port), "-U", USER, "-d", "postgres"]
        command = [self.programs / "psql", *address, "-v", "ON_ERROR_STOP=1", "-q", "-c", sql]
        subprocess.run(command, env=environment, check=True, capture_output=True, timeout=30)


def programs() -> Path | None:
    """Return the folder of the newest server that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


@contextlib.contextmanager
def running(at: Path) -> Iterator[Server]:
    """Run one for as long as the block lasts."""
    here = Path(tempfile.mkdtemp(prefix="modeldeck-pg-"))  # below /tmp: another user has to get there
    as_user = {}
    if os.geteuid() == 0:
        account = pwd.getpwnam(ACCOUNT)
        os.chown(here, account.pw_uid, account.pw_gid)
        as_user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    quiet = {"check": True, "capture_output": True, "timeout": START_S, "cwd": here, **as_user}
    password = here / "password"
    password.write_text(PASSWORD)
    password.chmod(0o644)
    data = here / "data"
    initdb = [at / "initdb", "-D", data, "-U", USER, "--auth=scram-sha-256", f"--pwfile={password}", "--no-sync"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = f"-p {port} -k {here} -c listen_addresses=127.0.0.1 -c fsync=off"
    control = [at / "pg_ctl", "-D", data, "-w", "-t", str(START_S)]
    try:
        subprocess.run([*initdb, "--encoding=UTF8", "--locale=C"], **quiet)
        subprocess.run([*control, "-l", here / "log", "-o", settings, "start"], **quiet)
        try:
            yield Server(port, at)
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], **quiet)
    finally:
        shutil.rmtree(here, ignore_errors=True)
