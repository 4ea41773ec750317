"""One replica as a container: what is seen of it, when it may be started again, and its log on the way home."""

from __future__ import annotations

import contextlib
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

from engine.deploy.containers.link import Link
from engine.deploy.containers.watching import Seen, Watching
from engine.deploy.images import containers
from engine.deploy.images.container import PORT, ContainerSpec
from engine.deploy.images.containers import Found
from engine.deploy.memory import LACK_OF_MEMORY
from engine.workspace import Workspace
from store.errors import ModeldeckError, Unavailable
from store.rows import Deployment, Replica

LOOK_EVERY_S = 1.0
LOOK_JOINING_S = 0.2  # while a release waits for it
ARTIFACT_EVERY_S = 5.0
MISSED_UNREADY = 3  # looks without an answer until others are asked first
STEADY_S = 60.0
BACKOFF_MOST_S = 30.0
SEEN_EVERY_S = 10.0
ALIVE = ("running", "restarting", "created", "paused")


class Surroundings(Protocol):
    """What a replica asks of the runtime that keeps it."""

    name: str
    workspace: Workspace
    threads: ThreadPoolExecutor

    def engine(self) -> Any:
        """Return the engine's client."""

    def container(self, found: Found) -> Any:
        """Return the engine's own view of a container."""

    def spec(self, deployment: Deployment, number: int, image: str) -> ContainerSpec:
        """Return how a replica's container is to be."""

    def log_key(self) -> bytes:
        """Return the deck's log key."""

    def forget(self, id: str) -> None:
        """Let go of a replica."""

    def now(self) -> float:
        """Return seconds since boot."""


class ReplicaContainer:
    """A `ReplicaHandle`; times are seconds since boot, `*_at` microseconds UTC."""

    def __init__(self, runtime: Surroundings, deployment: Deployment, number: int) -> None:
        self.deployment = deployment
        self.number = number
        self.id = f"{deployment.id}-{number}"
        self.state = "starting"
        self.detail = "not started yet"
        self.proof: dict[str, Any] = {}
        self.used: dict[str, Any] = {}  # of its machine since it started, as it last said
        self.joined = False
        self.failures = 0
        self.ended = ""  # how it did the last time, until it is ready again
        self.may_start = 0.0
        self.port: int | None = None
        self.started_at = 0
        self.found: Found | None = None
        self.damage = ""  # what is wrong with the artifact it was made from, as last looked at
        self._seen: Found | None = None  # as at the last look, to tell what another hand has done since
        self._runtime = runtime
        self._watching = Watching(self._open_link, runtime.workspace.segments / self.id)
        self._wanted = ""  # the artifact it is to be made from, once that was asked for
        self._look_due = 0.0
        self._artifact_due = 0.0
        self._missed = 0
        self._ready_since: float | None = None
        self._stopping: Future[Found] | None = None
        self._written: tuple[Any, ...] = ()
        self._written_at = -SEEN_EVERY_S

    @property
    def title(self) -> str:
        """The version it serves and its number, as a log names it."""
        return f"{self.deployment.endpoint}@{self.deployment.version} ({self.number}) on {self._runtime.name}"

    @property
    def address(self) -> str | None:
        """`host:port` on the engine's network, None while it is down."""
        return f"{self.found.address}:{PORT}" if self.found is not None and self.found.address else None

    @property
    def has_process(self) -> bool:
        """Say whether a container is there, alive or not."""
        return self.found is not None

    def is_alive(self) -> bool:
        """Say whether it runs, or its engine is about to start it again."""
        return self.found is not None and self.found.state in ALIVE

    def adopt(self, row: Replica | None) -> bool:
        """Recognise a running container by its labels."""
        if not self.is_alive():
            return False
        if row is not None:
            self.started_at = row.started_at
        if self.state == "exited":
            self.state, self.detail = "starting", "found running"
        return True

    def noticed(self) -> str:
        """Return what was done to its container by another hand: removed, or started again."""
        before, now = self._seen, self.found
        self._seen = now
        if before is None or self._stopping is not None:
            return ""
        if now is None:
            self._watching.hang_up()
            self.state, self.detail = "exited", "its container was removed"
            return self.detail
        if now.id != before.id or now.state not in ALIVE:
            return ""
        if now.restarts > before.restarts:
            return self._starts_over(f"ended and was started again by its engine ({now.restarts} times so far)")
        if now.begun != before.begun and before.begun and before.state in ALIVE:
            return self._starts_over("was started again, by another hand or with its engine")
        return ""

    def _starts_over(self, told: str) -> str:
        self._watching.hang_up()
        self.state, self.detail = "unready", told
        self._look_due = 0.0
        return told

    def start(self, prepared: str, now_us: int) -> None:
        """Create a container of an image that is on the engine, and start it."""
        self.started_at = now_us
        self.state, self.detail, self.proof = "starting", "loading", {}
        self._missed = 0
        self._look_due = 0.0
        try:
            spec = self._runtime.spec(self.deployment, self.number, prepared)
            engine = self._runtime.engine()
            containers.create(engine, spec, self._runtime.log_key())
            self.found = self._seen = containers.start(engine, self._runtime.name, spec.name)
        except ModeldeckError as error:
            self._failed(self._runtime.now(), error.line())

    def note_death(self, now: float) -> bool:
        """Note how it ended, bring its log home and remove it."""
        found = self.found
        assert found is not None
        was_serving = self._ready_since is not None
        if was_serving and now - (self._ready_since or now) >= STEADY_S:
            self.failures = 0
        told = LACK_OF_MEMORY if found.out_of_memory else f"ended with code {found.exit_code}"
        said = "" if was_serving else self._last_line()
        self._finish()
        self._failed(now, f"{told}: {said}" if said else told)
        if not was_serving:
            self.joined = False
        self._ready_since = None
        return not was_serving

    def _failed(self, now: float, detail: str) -> None:
        self.failures += 1
        delay = 0.0 if self.failures == 1 else min(BACKOFF_MOST_S, 0.5 * 2.0 ** (self.failures - 2))
        self.may_start = now + delay
        self.state, self.detail, self.ended, self.used = "exited", detail, detail, {}

    def observe(self, now: float, threads: ThreadPoolExecutor) -> None:
        """Heed the last look at the server inside and its log, and begin the next one when it is due."""
        seen = self._watching.seen()
        if seen is not None:
            self._heed(seen, now)
        found = self.found
        if found is None or now < self._look_due or self._watching.is_looking:
            return
        self._look_due = now + (LOOK_EVERY_S if self.joined else LOOK_JOINING_S)
        if not self.joined and found.restarts:  # it never served, and its engine would try for ever
            with contextlib.suppress(ModeldeckError):
                self.found = containers.stop(self._runtime.engine(), self._runtime.name, found.name)
            return
        if found.state != "running":
            self.state, self.detail = "unready", f"its container is {found.state}"
            self._watching.hang_up()
            return
        artifact = bool(self._wanted) and self.joined and now >= self._artifact_due
        if artifact:
            self._artifact_due = now + ARTIFACT_EVERY_S
        self._watching.begin(threads, artifact=artifact)

    def _heed(self, seen: Seen, now: float) -> None:
        if seen.answered:
            self._missed = 0
            self._take(seen.ready, seen.told, now)
        if seen.artifact:
            there = seen.artifact == self._wanted
            self.damage = "" if there else f"the artifact of {self.title} was changed on the host"
        if seen.wrong:
            self._missed += 1
            if self.joined and self._missed >= MISSED_UNREADY:
                self.state, self.detail = "unready", f"no answer to {self._missed} probes: {seen.wrong}"

    def _take(self, ready: bool, told: dict[str, Any], now: float) -> None:
        detail = str(told.get("golden", ""))
        if not ready and not self.joined and not detail:
            return  # still loading
        self.state, self.detail = ("ready" if ready else "unready"), detail
        self.proof = {"golden": detail} if ready else {}
        self.used = told.get("used", self.used)
        self.ended = "" if ready else self.ended
        self.joined = self.joined or ready
        if self._ready_since is None:
            self._ready_since = now
        if ready and told.get("log"):
            self.state, self.detail = "unready", str(told["log"])

    def away(self, detail: str) -> None:
        """Say that its host does not answer: whether it runs is not known."""
        self._watching.hang_up()
        if self.state != "exited":
            self.state, self.detail = "unready", detail

    def stop(self, now: float) -> bool:
        """Stop it, bring the rest of its log home and remove it; returns whether it is gone."""
        if self.found is None:
            return True
        self.state, self.detail = "draining", "stopping"
        if self._stopping is None:
            self._watching.hang_up()
            self._stopping = self._runtime.threads.submit(
                containers.stop, self._runtime.engine(), self._runtime.name, self.found.name
            )
        if not self._stopping.done():
            return False
        stopping, self._stopping = self._stopping, None
        stopping.result()
        self._finish()
        return True

    def end(self) -> None:
        """Stop it, and wait: for what the deck no longer knows."""
        assert self.found is not None
        containers.stop(self._runtime.engine(), self._runtime.name, self.found.name)
        self._finish()

    def _finish(self) -> None:
        """Bring home what a stopped container still holds, and remove it with its volumes."""
        found = self.found
        if found is None:
            return
        self._watching.hang_up()
        engine = self._runtime.engine()
        self._watching.fetch_stopped(self._runtime.container(found), self._runtime.name)
        containers.remove(engine, self._runtime.name, found.name, with_log=True)
        self.found = self._seen = None

    def let_go(self) -> None:
        """Say that it was stopped with everything else."""
        self.state, self.detail = "exited", "stopped with the daemon"

    def clear(self) -> None:
        """Give its log folder back, and remove it where nothing is left in it."""
        self._runtime.forget(self.id)
        self._watching.let_go(for_good=True)

    def release(self) -> None:
        """Let go of its link and its log folder; it goes on."""
        self._watching.let_go(for_good=False)

    def to_write(self, now: float, now_us: int) -> Replica | None:
        """Return the row to write, None while nothing has changed for a while."""
        told: dict[str, Any] = {}
        if self.found is not None:
            told = {"container": self.found.id[:12], "restarts": self.found.restarts}
        told |= {"ended": self.ended, "ends": self.failures} if self.ended else {}
        seen = (self.state, self.detail, tuple(told.items()), tuple(self.proof.items()))
        if seen == self._written and now - self._written_at < SEEN_EVERY_S:
            return None
        self._written, self._written_at = seen, now
        started = self.started_at or now_us
        return Replica(
            id=self.id,
            deployment_id=self.deployment.id,
            number=self.number,
            state=self.state,
            pid=None,
            pid_started=None,
            port=PORT if self.found else None,
            detail=self.detail,
            proof={**self.proof, **told, **({"used": self.used} if self.used else {})},
            started_at=started,
            observed_at=now_us,
        )

    def look(self, wanted: str) -> str:
        """Have the artifact in its container compared with this hash; returns what was wrong at the last look."""
        self._wanted = wanted
        return self.damage

    def _open_link(self) -> Link:
        found = self.found
        if found is None:
            raise Unavailable(f"{self.title} has no container")
        return Link(self._runtime.container(found), self._runtime.name)

    def _last_line(self) -> str:
        assert self.found is not None
        try:
            said = self._runtime.container(self.found).logs(tail=3).decode(errors="replace").strip()
        except (Unavailable, OSError):
            return ""
        return said.splitlines()[-1] if said else ""
