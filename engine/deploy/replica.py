"""One replica as the reconciler holds it: its process, what is seen of it, and when it may be started again."""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import signal
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from engine.deploy.memory import LACK_OF_MEMORY, resident_mb
from engine.deploy.processes import Outliving, end, last_line, read_ready, ready_file, spawn
from engine.serving.log import close_abandoned
from engine.serving.process_id import is_alive
from engine.serving.seal import SIGNERS
from engine.workspace import Workspace
from store.rows import Deployment, Replica

PROBE_EVERY_S = 1.0
PROBE_TIMEOUT_S = 2.0
MISSED_UNREADY = 3  # probes without an answer until others are asked first
MISSED_KILL = 20  # and until it is taken for hung
STEADY_S = 60.0  # ready this long, the next death is the first again
BACKOFF_S = 0.5
BACKOFF_MOST_S = 30.0
TERM_S = 15.0
SEEN_EVERY_S = 10.0

TAKEN_EXIT = 75
PORT_EXIT = 98


class ReplicaProcess:
    """Acts on one replica; times are seconds since boot, `*_at` microseconds UTC."""

    def __init__(
        self,
        workspace: Workspace,
        deployment: Deployment,
        number: int,
        key: Path,
        *,
        memory_mb: int | None = None,
        signers: Sequence[str] = (),
    ) -> None:
        self.workspace = workspace
        self.deployment = deployment
        self.number = number
        self.id = f"{deployment.id}-{number}"
        self.state = "starting"
        self.detail = "not started yet"
        self.proof: dict[str, Any] = {}
        self.used: dict[str, Any] = {}  # of its machine since it started, as it last said
        self.pid: int | None = None
        self.pid_started: str | None = None
        self.port: int | None = None
        self.joined = False  # it has answered its golden requests: the router may know its address
        self.started_at = 0
        self.failures = 0
        self.ended = ""  # how it did the last time, until it is ready again
        self.may_start = 0.0
        self._key = key
        self._environment = {SIGNERS: ",".join(signers)} if signers else {}
        self._memory_mb = memory_mb
        self._over = ""  # what it held when it was killed for more than it may
        self._process: Outliving | None = None
        self._ready_since: float | None = None
        self._probe: Future[tuple[bool, dict[str, Any]]] | None = None
        self._probe_due = 0.0
        self._missed = 0
        self._term_at: float | None = None
        self._written: tuple[Any, ...] = ()
        self._written_at = -SEEN_EVERY_S

    @property
    def segments(self) -> Path:
        """Where its prediction log goes."""
        return self.workspace.segments / self.id

    @property
    def title(self) -> str:
        """The version it serves and its number, as a log names it."""
        return f"{self.deployment.endpoint}@{self.deployment.version} ({self.number})"

    @property
    def log(self) -> Path:
        """What it says."""
        name = f"{self.deployment.endpoint}@{self.deployment.version}"
        return self.workspace.logs / f"server-{name}-{self.id[-14:]}.log"

    @property
    def address(self) -> str | None:
        """`host:port`, None before it has one."""
        return f"127.0.0.1:{self.port}" if self.port else None

    def is_alive(self) -> bool:
        """Say whether its process runs; reaps one of our own."""
        if self._process is not None:
            return self._process.poll() is None
        return is_alive(self.pid, self.pid_started)

    @property
    def has_process(self) -> bool:
        """Say whether a process is held, alive or not."""
        return self.pid is not None or self._process is not None

    def noticed(self) -> str:
        """Notice nothing: a process that another hand ends has ended, and is seen as that."""
        return ""

    def adopt(self, row: Replica | None) -> bool:
        """Recognise a running process by its ready file; `row` tells its start. Returns whether one runs."""
        said = read_ready(ready_file(self.workspace, self.id))
        if said is None:
            return False
        self.pid, self.pid_started, self.port = said.pid, said.pid_started, said.port
        self.started_at = row.started_at if row and row.pid == said.pid else self.started_at
        self._take(said.state, said.detail)
        return True

    def start(self, prepared: Path, now_us: int) -> None:
        """Start a server from its folder; on the port it had, so that its address stays."""
        folder = prepared
        arguments = ["engine.serving", "--folder", str(folder), "--port", str(self.port or 0)]
        arguments += ["--segments", str(self.segments), "--deployment", self.deployment.id]
        arguments += ["--host", self.deployment.host, "--key-file", str(self._key)]
        arguments += ["--ready-file", str(ready_file(self.workspace, self.id))]
        self._process = spawn(arguments, self.log, folder, self._environment)
        self.pid = self.pid_started = None
        self.started_at = now_us
        self.state, self.detail, self.proof = "starting", "loading", {}
        self._missed = 0
        self._probe = None
        self._probe_due = 0.0

    def note_death(self, now: float) -> bool:
        """Note that the process has ended and when it may start again; returns whether to look at its folder anew."""
        code = self._process.returncode if self._process is not None else None
        self._process = None
        if code == TAKEN_EXIT:  # a server that nobody knew of holds the replica: it is adopted by its ready file
            self.may_start = now + BACKOFF_S
            return False
        if code == PORT_EXIT:
            self.port = None
        was_serving = self._ready_since is not None
        if was_serving and now - (self._ready_since or now) >= STEADY_S:
            self.failures = 0
        self.failures += 1
        delay = 0.0 if self.failures == 1 else min(BACKOFF_MOST_S, BACKOFF_S * 2.0 ** (self.failures - 2))
        self.may_start = now + delay
        self.pid = self.pid_started = None
        self._ready_since = None
        self._probe = None
        self.state, self.used = "exited", {}
        told, self._over = self._over, ""
        self.detail = self.ended = told or _how_it_ended(code, "" if was_serving else last_line(self.log))
        if not was_serving:
            self.joined = False
        close_abandoned(self.segments)
        return not was_serving

    def observe(self, now: float, probes: ThreadPoolExecutor) -> None:
        """Bring state, detail and proof up to date, without waiting for the server."""
        if self.pid is None or self._ready_since is None:
            said = read_ready(ready_file(self.workspace, self.id))
            if said is None or (self._process is not None and said.pid != self._process.pid):
                return
            self.pid, self.pid_started, self.port = said.pid, said.pid_started, said.port
            self._take(said.state, said.detail)
            if self._ready_since is None and said.state not in ("starting", "failed"):
                self._ready_since = now
        if now >= self._probe_due:
            self._check_memory()
        if self._probe is not None and self._probe.done():
            self._heed(self._probe)
            self._probe = None
        if self._probe is None and self._ready_since is not None and now >= self._probe_due and self.port:
            self._probe_due = now + PROBE_EVERY_S
            self._probe = probes.submit(_ask_ready, self.port)

    def _check_memory(self) -> None:
        """Kill it where it holds more than it may: it starts again, and others answer meanwhile."""
        if self._memory_mb is None or self.pid is None:
            return
        held = resident_mb(self.pid)
        if held is not None and held > self._memory_mb:
            self._over = f"{LACK_OF_MEMORY}: it held {held:.0f} MB and may hold {self._memory_mb}"
            end(self.pid, self.pid_started, signal.SIGKILL)

    def _take(self, state: str, detail: str) -> None:
        self.state = state if state in ("starting", "ready") else "unready"
        self.detail = detail
        self.proof = {"golden": detail} if state == "ready" else {}
        self.ended = "" if state == "ready" else self.ended
        self.joined = self.state == "ready" or (self.joined and self.state == "starting")

    def _heed(self, probe: Future[tuple[bool, dict[str, Any]]]) -> None:
        if probe.exception() is not None:
            self._missed += 1
            if self._missed >= MISSED_UNREADY:
                self.state, self.detail = "unready", f"no answer to {self._missed} probes: {probe.exception()}"
            if self._missed >= MISSED_KILL:
                end(self.pid, self.pid_started, signal.SIGKILL)
            return
        self._missed = 0
        ready, told = probe.result()
        self._take("ready" if ready else "unready", str(told.get("golden", "")))
        self.used = told.get("used", self.used)
        if self.state == "ready" and told.get("log"):
            # It keeps its place: the next server would meet the same disk, and it recovers by being asked.
            self.state, self.detail = "unready", str(told["log"])

    def stop(self, now: float) -> bool:
        """Ask the process to end, kill it if it does not; returns whether it is gone."""
        if not self.is_alive():
            self._process = None
            close_abandoned(self.segments)
            ready_file(self.workspace, self.id).unlink(missing_ok=True)
            return True
        pid = self.pid if self.pid is not None else (self._process.pid if self._process else None)
        self.state, self.detail = "draining", "stopping"
        if self._term_at is None:
            self._term_at = now
            if self._process is not None:
                self._process.terminate()
            else:
                end(pid, self.pid_started)
        elif now - self._term_at > TERM_S:
            if self._process is not None:
                self._process.kill()
            else:
                end(pid, self.pid_started, signal.SIGKILL)
        return False

    def let_go(self) -> None:
        """Say that it was stopped with everything else."""
        self.state, self.detail = "exited", "stopped with the daemon"
        self.pid = self.pid_started = None

    def clear(self) -> None:
        """Remove its segment folder where nothing is left in it; the collector takes what is in others."""
        with contextlib.suppress(OSError):
            if not [path for path in self.segments.iterdir() if path.name != "lock"]:
                shutil.rmtree(self.segments)

    def to_write(self, now: float, now_us: int) -> Replica | None:
        """Return the row to write, None while nothing has changed for a while."""
        proof = {**self.proof, "ended": self.ended, "ends": self.failures} if self.ended else self.proof
        seen = (self.state, self.pid, self.port, self.detail, tuple(proof.items()))
        if seen == self._written and now - self._written_at < SEEN_EVERY_S:
            return None
        self._written, self._written_at = seen, now
        return Replica(
            id=self.id,
            deployment_id=self.deployment.id,
            number=self.number,
            state=self.state,
            pid=self.pid,
            pid_started=self.pid_started,
            port=self.port,
            detail=self.detail,
            proof={**proof, **({"used": self.used} if self.used else {})},
            started_at=self.started_at or now_us,
            observed_at=now_us,
        )


def _ask_ready(port: int) -> tuple[bool, dict[str, Any]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PROBE_TIMEOUT_S)
    try:
        connection.request("GET", "/health/ready")
        answer = connection.getresponse()
        return answer.status == 200, json.loads(answer.read())
    finally:
        connection.close()


def _how_it_ended(code: int | None, said: str) -> str:
    if code is not None and code < 0:
        told = f"killed by {signal.Signals(-code).name}"
    else:
        told = "ended" if code is None else f"ended with code {code}"
    return f"{told}: {said}" if said else told
