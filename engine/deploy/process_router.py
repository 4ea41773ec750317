"""The router of a process host, from the reconciler's side: starts it, and speaks to its control socket."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.deploy.certificate import Certificate
from engine.deploy.gateway.table import Table
from engine.deploy.processes import Outliving, end, last_line, run_folder, spawn
from engine.deploy.router import ORDERS, DeploymentStats, Guard
from engine.serving.process_id import is_alive
from engine.workspace import Workspace
from store.errors import PortInUse, Unavailable, WorkFailed

START_S = 10.0
ANSWER_S = 5.0
STATE = "router.json"  # in the run folder: what the router keeps of itself
_PORT_EXIT = 98
_TAKEN_EXIT = 75


def runs(workspace: Workspace) -> bool:
    """Say whether a router of the deck answers, whoever started it."""
    try:
        ProcessRouter(workspace).hello()
    except Unavailable:
        return False
    return True


def keep_port(state: Path, workspace: Workspace) -> None:
    """Let the router of a deck that was put in another's place listen where that one's did.

    `state` is the state folder of the deck that was there.
    """
    before = Table(state / run_folder(workspace).name / STATE)
    with contextlib.suppress(ValueError, KeyError, TypeError, OSError):  # then it takes any, as a new one does
        before.load()
    if before.port:
        run_folder(workspace).mkdir(mode=0o700, parents=True, exist_ok=True)
        now = Table(run_folder(workspace) / STATE)
        now.port = before.port
        now.save()


class ProcessRouter:
    """A `Router` over our gateway process. Not for several threads at once."""

    def __init__(
        self,
        workspace: Workspace,
        *,
        address: str = "127.0.0.1",
        port: int = 0,
        certificate: Certificate | None = None,
    ) -> None:
        self._workspace = workspace
        self._certificate = certificate
        self._address = address
        self._port = port
        self._bound = 0
        self._is_secure = certificate is not None  # as far as is known, what the router that runs speaks
        self._link: socket.socket | None = None
        self._reader: Any = None
        self._process: Outliving | None = None
        self._log = workspace.logs / "router.log"
        self._state = run_folder(workspace) / STATE

    @property
    def control(self) -> Path:
        """The control socket of the router that runs, by its own word, or of one started now.

        The two differ where HOME was another one when it was started.
        """
        try:
            said = json.loads(self._state.read_bytes()).get("control")
        except (OSError, ValueError):
            said = None
        place = Path(said) if said else self._workspace.router_socket
        return place if place.exists() else self._workspace.router_socket

    @property
    def port_to_take(self) -> int:
        """The port it will ask for: the declared one, else that of last time; 0 where any will do."""
        kept = Table(self._state)
        with contextlib.suppress(ValueError, KeyError, TypeError, OSError):  # the router starts without it, too
            kept.load()
        return self._port or kept.port

    def ensure_running(self) -> bool:
        """Start the router unless one answers; returns whether it was started now.

        Raises:
            PortInUse: another process listens on its port.
            WorkFailed: it ended, or did not answer in time.
        """
        if self._process is not None and self._process.poll() is not None:
            self._process = None
        try:
            told = self._ask("hello")
        except Unavailable:
            self._start()
            return True
        if told.get("orders", 1) < ORDERS and self._process is None:
            self.stop()  # of an older version: it would refuse what it is told from now on
            self._start()
            return True
        self._bound, self._is_secure = told["port"], bool(told.get("tls"))
        return False

    def secure(self, certificate: Certificate | None) -> str:
        """Have it show this certificate, renewed or not, or none; returns why it cannot, empty where it is so.

        One that cannot be read, or does not fit its key, changes nothing at a router that runs.

        Raises:
            Unavailable: it does not answer.
        """
        self._certificate = certificate
        told = self._ask("hello")
        self._is_secure = bool(told.get("tls"))
        try:
            wanted = certificate.digest() if certificate is not None else ""
        except WorkFailed as error:
            return error.message
        if told.get("tls", "") == wanted:
            return ""
        if "tls" not in told:
            self.stop()  # of an older version, which knows no TLS
            self._start()
            return ""
        paths = certificate.paths() if certificate is not None else ("", "")
        cause = str(self._ask("secure", certificate=paths[0], key=paths[1]))
        self._is_secure = bool(wanted) if not cause else self._is_secure
        return cause

    def _start(self) -> None:
        folder = run_folder(self._workspace)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        control = self._workspace.router_socket
        control.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        arguments = ["engine.deploy.gateway", "--control", str(control), "--address", self._address]
        arguments += ["--port", str(self._port), "--state", str(self._state)]
        if self._certificate is not None:
            self._certificate.digest()  # said in a line before anything is started
            certificate, key = self._certificate.paths()
            arguments += ["--certificate", certificate, "--key", key]
        process = spawn(arguments, self._log, folder)
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            code = process.poll()
            if code == _PORT_EXIT:
                raise PortInUse(
                    f"the router cannot listen: {last_line(self._log)}",
                    "end the other process, or give the host another port in deck.toml and apply",
                )
            if code not in (None, _TAKEN_EXIT):
                raise WorkFailed(f"the router ended at its start: {last_line(self._log)}", f"see {self._log}")
            try:
                self._bound = self._ask("hello")["port"]
            except Unavailable:
                time.sleep(0.02)
                continue
            self._process, self._is_secure = process, self._certificate is not None
            return
        raise WorkFailed(f"the router did not answer within {START_S:.0f} s", f"see {self._log}")

    def move(self, address: str, port: int) -> str:
        """Have it listen where the settings say now, any port being right where they name none.

        Who is connected is served to the end. Returns why it cannot be done, empty where it is so or no router answers.
        """
        self._address, self._port = address, port
        try:
            told = self._ask("hello")
            wanted = port or told["port"]
            is_there = (told["address"], told["port"]) == (address, wanted)
            cause = "" if is_there else self._ask("move", address=address, port=wanted)
        except Unavailable:
            return ""  # one that is started now asks for that place
        if cause:
            return f"port {wanted} on {address} cannot be listened on ({str(cause).lower()})"
        self._bound = wanted
        return ""

    def stop(self, timeout_s: float = START_S) -> None:
        """End the router, its requests under way answered; nothing where none runs."""
        try:
            told = self._ask("hello")
        except Unavailable:
            return
        end(told["pid"], told["pid_started"])
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            if self._process is not None:
                self._process.poll()
            if not is_alive(told["pid"], told["pid_started"]):  # it stops answering a moment before it is gone
                self._hang_up()
                return
            time.sleep(0.02)
        end(told["pid"], told["pid_started"], signal.SIGKILL)
        self._hang_up()

    def hello(self) -> dict[str, Any]:
        """Return the router's pid, pid_started and port."""
        return dict(self._ask("hello"))

    def address(self) -> str:
        """Return the base URL at which endpoints answer."""
        if not self._bound:
            told = self._ask("hello")
            self._bound, self._is_secure = told["port"], bool(told.get("tls"))
        return f"{'https' if self._is_secure else 'http'}://{self._address}:{self._bound}"

    def add(self, deployment_id: str, replicas: Sequence[str]) -> None:
        """Set a deployment's addresses."""
        self._ask("add", deployment_id=deployment_id, replicas=list(replicas))

    def apply(self, endpoint: str, generation: int, entries: Sequence[Mapping[str, Any]]) -> None:
        """Apply a route; it is on disk when this returns."""
        self._ask("apply", endpoint=endpoint, generation=generation, entries=[dict(entry) for entry in entries])

    def applied(self) -> dict[str, int]:
        """Return the applied generations."""
        return dict(self._ask("applied"))

    def entries(self, endpoint: str) -> list[dict[str, Any]]:
        """Return the applied entries."""
        return list(self._ask("entries", endpoint=endpoint))

    def stats(self) -> dict[str, DeploymentStats]:
        """Return counts by deployment id."""
        return {
            name: DeploymentStats(one["requests"], one["errors"], one["in_flight"], tuple(one["latency"]))
            for name, one in self._ask("stats").items()
        }

    def drain(self, deployment_id: str, timeout_s: float) -> bool:
        """Send a deployment nothing new; return whether it is idle in time."""
        return bool(self._ask("drain", _within=timeout_s + ANSWER_S, deployment_id=deployment_id, timeout_s=timeout_s))

    def shadow(self, endpoint: str, deployment_id: str | None, percent: int = 100) -> None:
        """Copy a share of requests to a deployment."""
        self._ask("shadow", endpoint=endpoint, deployment_id=deployment_id, percent=percent)

    def guard(self, endpoint: str, guard: Guard) -> None:
        """Say what an endpoint takes and from whom; it is on disk when this returns."""
        keys = None if guard.keys is None else sorted(guard.keys)
        limits = (guard.requests_per_s, guard.at_once, guard.body_bytes)
        self._ask("guard", endpoint=endpoint, guard=[keys, *limits])

    def _ask(self, do: str, *, _within: float = ANSWER_S, **words: Any) -> Any:
        try:
            if self._link is None:
                link = socket.socket(socket.AF_UNIX)
                try:
                    link.settimeout(ANSWER_S)
                    link.connect(str(self.control))
                except OSError:
                    link.close()
                    raise
                self._link, self._reader = link, link.makefile("rb")
            self._link.settimeout(_within)
            self._link.sendall(json.dumps({"do": do, **words}).encode() + b"\n")
            line = self._reader.readline()
        except OSError as error:
            self._hang_up()
            raise Unavailable(f"the router does not answer: {error}", "the daemon starts it again") from error
        if not line:
            self._hang_up()
            raise Unavailable("the router ended", "the daemon starts it again")
        answer = json.loads(line)
        if not answer["ok"]:
            raise WorkFailed(f"the router refused {do}: {answer['error']}", f"see {self._log}")
        return answer["answer"]

    def _hang_up(self) -> None:
        if self._link is not None:
            self._reader.close()
            self._link.close()
        self._link = self._reader = None

    def close(self) -> None:
        """Let go of the control connection; the router goes on."""
        self._hang_up()
