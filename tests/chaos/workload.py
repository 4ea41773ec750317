"""People at work: consoles that train, promote and roll back, and clients that ask for predictions all the while."""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import signal
import subprocess
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tiny_deck import COMMAND, Tiny

from engine.client import Client
from engine.workspace import Workspace
from store.errors import ModeldeckError, Refused

JOB_ID = re.compile(r"[0-9a-f]{32}")


@dataclass
class Answered:
    """What clients were told."""

    ids: list[str] = field(default_factory=list)
    versions: set[int] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)


class Consoles:
    """Several `modeldeck` processes at a time, one after another until stopped; any of them may be killed."""

    def __init__(self, tiny: Tiny, seed: int, kinds: tuple[str, ...] = ("train", "promote", "rollback")) -> None:
        self._tiny, self._dice, self._kinds = tiny, random.Random(seed), kinds
        self._live: dict[int, subprocess.Popen[str]] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self.jobs: list[str] = []  # ids that a console said before anything could kill it
        self.said: list[tuple[str, int, str]] = []
        self._threads = [threading.Thread(target=self._work, args=(kind,)) for kind in kinds]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let the consoles that run end, and start no more."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def pids(self) -> list[int]:
        """Return the consoles that run now."""
        with self._lock:
            return [pid for pid, process in self._live.items() if process.poll() is None]

    def _work(self, kind: str) -> None:
        while not self._stopping.is_set():
            self._one(kind)
            self._stopping.wait(self._dice.uniform(0.0, 0.4))

    def _one(self, kind: str) -> None:
        words = {"train": ["train", "rates"], "rollback": ["rollback", "rates", "--yes"]}.get(kind)
        if words is None:
            newest = self._tiny("versions", "rates", "--json")
            if newest.code != 0 or not json.loads(newest.out):
                return
            number = self._dice.choice(json.loads(newest.out)[:3])["number"]
            words = ["promote", "rates", str(number), "--yes", "--reason", "chaos"]
        if self._dice.random() < 0.5:
            words.append("--detach")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MODELDECK_")}
        process = subprocess.Popen(
            [str(COMMAND), *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self._tiny.root,
            env={**environment, "HOME": str(self._tiny.home)},
        )
        with self._lock:
            self._live[process.pid] = process
        out, err = process.communicate(timeout=120)
        with self._lock:
            del self._live[process.pid]
            self.jobs.extend(JOB_ID.findall(out))
            self.said.append((" ".join(words), process.returncode, (out + err).strip()))


class Feeder:
    """Someone who always has a training, an ingest and a release under way, asked for over the socket."""

    def __init__(self, workspace: Workspace, seed: int) -> None:
        self._client = Client(workspace)
        self._dice = random.Random(seed)
        self.jobs: list[str] = []  # acknowledged, so never to be lost
        self.asked: Counter[str] = Counter()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._feed)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        self._thread.join()
        self._client.close()

    def _feed(self) -> None:
        while not self._stopping.wait(0.15):
            try:
                self._keep_busy()
            except Refused:  # a release is open, the version serves already, there is nothing to go back to
                self.asked["refused"] += 1
            except ModeldeckError:  # the daemon was killed and comes back
                self.asked["not answered"] += 1

    def _keep_busy(self) -> None:
        live = {job.kind for job in self._client.call("jobs.list", {"limit": 20}) if job.ended_at is None}
        for kind, operation in (("train", "runs.train"), ("ingest", "data.ingest")):
            if kind not in live:
                self._remember(self._client.call(operation, {"model": "rates"}).id, kind)
        if "release" not in live:
            newest = self._client.call("releases.list", {"model": "rates", "limit": 1})
            if newest and newest[0].state == "held":
                self._client.call("releases.abort", {"model": "rates", "reason": "chaos: held"})
                self.asked["abort"] += 1
            elif self._dice.random() < 0.3:
                self._release("rollback", self._client.call("releases.rollback", {"model": "rates", "reason": "chaos"}))
            else:
                number = self._dice.choice(self._client.call("versions.list", {"model": "rates"})[:4]).number
                request = {"model": "rates", "version": number, "reason": "chaos"}
                self._release("promote", self._client.call("releases.promote", request))

    def _release(self, kind: str, release: Any) -> None:
        if release.job_id:
            self._remember(release.job_id, kind)

    def _remember(self, job_id: str, kind: str) -> None:
        self.jobs.append(job_id)
        self.asked[kind] += 1


class Asking:
    """A client of the endpoint that asks without rest."""

    def __init__(self, tiny: Tiny, url: str) -> None:
        self._rows = [{name: row[name] for name in ("night", "rooms", "season")} for row in tiny.rows[-2:]]
        self._url = urlsplit(url)
        self.answered = Answered()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._ask_on)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        self._thread.join()

    def _ask_on(self) -> None:
        while not self._stopping.wait(0.02):
            try:
                self._note(self._ask())
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.answered.failures.append(f"{type(error).__name__}: {error}")

    def _ask(self) -> Any:
        connection = http.client.HTTPConnection(self._url.hostname or "", self._url.port, timeout=20)
        try:
            body = json.dumps({"rows": self._rows})
            connection.request("POST", f"{self._url.path}/predict", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 200:
                raise ValueError(f"{answer.status} {text[:200]!r}")
            return json.loads(text)
        finally:
            connection.close()

    def _note(self, answer: Any) -> None:
        records = answer["predictions"] if isinstance(answer, dict) else answer
        self.answered.ids.extend(record["prediction_id"] for record in records)


def kill(pid: int) -> bool:
    """Kill as nothing else would; returns whether there was such a process."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def attempts_alive(root: str) -> dict[str, set[str]]:
    """Return the attempts of each job of this deck that live now, by the processes of the machine."""
    from pathlib import Path

    found: dict[str, set[str]] = {}
    for place in Path("/proc").iterdir():
        if not place.name.isdigit():
            continue
        try:
            words = (place / "cmdline").read_bytes().decode(errors="replace").split("\0")
            state = (place / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if "engine.jobs.main" in words and root in words and state not in "ZX":
            job = words[words.index("--job") + 1]
            found.setdefault(job, set()).add(words[words.index("--attempt") + 1])
    return found


class Watch:
    """Looks again and again that no job has two live attempts."""

    def __init__(self, root: str) -> None:
        self._root = root
        self.looks = 0
        self.doubles: list[dict[str, set[str]]] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stopping.wait(0.1):
            alive = attempts_alive(self._root)
            self.looks += 1
            twice = {job: attempts for job, attempts in alive.items() if len(attempts) > 1}
            if twice:
                self.doubles.append(twice)


def wait_s(dice: random.Random) -> float:
    """Return a pause before the next kill: most strike soon, some late."""
    return min(2.0, dice.expovariate(2.0))
