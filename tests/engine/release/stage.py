"""A registry with trained versions, and an actor that plays the reconciler against it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from engine.deck import Deck
from engine.model_io import sealing
from engine.plans import Check
from engine.release import run_release
from engine.release.answers import Answers
from engine.release.judge import Live
from engine.release.work import Instruments
from engine.settings.model import DeckSettings, HostSettings, ModelSettings
from store import deployments, jobs, models, releases, runs, settings, snapshots, versions
from store.clock import FrozenClock
from store.database import Fence
from store.rows import Deployment, Job, Release, Replica, Snapshot, Step, Version

ACTOR = "user:anna"


def apply(deck: Deck, *bodies: ModelSettings, host: HostSettings | None = None) -> int:
    """Apply settings of these models on one host, this machine unless another is given; returns the revision."""
    body = DeckSettings("test", "UTC", (host or HostSettings("local"),), {one.name: one for one in bodies})
    with deck.database.write() as tx:
        revision, _ = settings.apply(tx, body.to_body(), ACTOR, "")
    return revision.revision


def add_version(deck: Deck, model: str, **changes: Any) -> Version:
    """Register a version as training would; `changes` are fields of it."""
    number = deck.clock.now()
    golden = deck.artifacts.put_bytes(b'{"contract": 1, "requests": [], "answers": []}')
    artifact = deck.artifacts.put_bytes(f"model {model} {number} {len(changes)}".encode())
    rows = deck.artifacts.put_bytes(f"rows {model} {number}".encode())
    snapshot = Snapshot(rows, model, 1000, (), "at", 0, number, "rows.csv", 100, number)
    fields: dict[str, Any] = {
        "snapshot_id": rows,
        "bundle_hash": "sha256:bundle",
        "environment_hash": "sha256:environment",
        "artifact_hash": artifact,
        "artifact_bytes": 10,
        "golden_hash": golden,
        "signature": {"inputs": [{"name": "x", "type": "double", "nullable": False}], "outputs": []},
        "decision": {},
        "evaluation": {
            "metric": "mae",
            "holdout": {"mae": {"value": 10.0, "low": 9.0, "high": 11.0, "n": 300}},
            "baseline": {"mae": {"value": 20.0, "low": 19.0, "high": 21.0, "n": 300}},
        },
        "estimator": "Ridge",
    }
    with deck.database.write() as tx:
        snapshots.add_snapshot(tx, snapshot, ACTOR)
        current = settings.current(tx)
        assert current is not None
        run = runs.start_run(tx, experiment=model, model=model, kind="train", name="train", actor=ACTOR)
        made = versions.register(
            tx,
            model=model,
            run_id=run.id,
            settings_revision=current.revision,
            actor=ACTOR,
            **{**fields, **changes},
        )
        if made.bundle_hash != "sha256:bundle":  # of code that is not there nothing is sealed, and nothing is loaded
            sealing.seal(deck, tx, made)
        return made


def never_asked(*_: Any) -> Any:
    """Say that a process host asked for an image."""
    raise AssertionError("a process host needs no image")


@dataclass
class Stage:
    """One endpoint's world: time moves when the runner sleeps, and with it the reconciler and the traffic."""

    deck: Deck
    clock: FrozenClock
    model: str
    rate: float = 100.0  # live requests per second
    error_rates: dict[int, float] = field(default_factory=dict)  # version -> share of requests that fail
    late_s: dict[int, float] = field(default_factory=dict)  # version -> how long its rows take to come home
    latency_ms: dict[int, float] = field(default_factory=dict)
    golden_ms: dict[int, float] = field(default_factory=dict)
    answers: dict[int, Callable[[str, int], Answers]] = field(default_factory=dict)  # version -> of n rows
    outcomes: dict[str, float | str] = field(default_factory=dict)
    gate_checks: list[Check] = field(default_factory=lambda: [Check("mae", "passed", "10", "at most 30")])
    proof_checks: list[Check] = field(default_factory=list)
    unreachable: str = ""
    reconciles: bool = True
    disproved: set[int] = field(default_factory=set)  # versions whose golden answers differ
    crashing: set[int] = field(default_factory=set)  # versions whose server ends at each start
    seen_down: bool = True  # False: such a server is up again whenever somebody looks
    _ends: dict[str, int] = field(default_factory=dict)
    applied: list[dict[str, Any]] = field(default_factory=list)
    weights_seen: list[tuple[tuple[int, int], ...]] = field(default_factory=list)
    golden_asked: dict[int, int] = field(default_factory=dict)
    on_sleep: Callable[[], None] = lambda: None
    _served: list[tuple[int, int, dict[str, float]]] = field(default_factory=list)  # from, to, deployment -> share

    def sleep(self, seconds: float) -> None:
        """Let the world go on."""
        before = self.clock.now()
        self.clock.advance(seconds)
        self._serve(before, self.clock.now())
        if self.reconciles:
            self.reconcile()
        self.on_sleep()

    def reconcile(self) -> None:
        """Play the reconciler once: servers as desired, routes acknowledged."""
        database = self.deck.database
        with database.write() as tx:
            for one in deployments.deployments(tx, endpoint=self.model):
                if one.desired == "stopped":
                    deployments.end_deployment(tx, one.id)
                elif one.version in self.crashing or not deployments.replicas(tx, one.id):
                    self._start(tx, one)
            for route in deployments.routes(tx):
                if route.applied_generation < route.desired_generation:
                    deployments.acknowledge(tx, route.endpoint, route.host, route.desired_generation)
                    self.applied = list(route.entries)
                    shares = tuple((one["version"], one["weight"]) for one in route.entries if one["role"] != "warm")
                    self.weights_seen.append(shares)

    def _start(self, tx: Any, deployment: Deployment) -> None:
        now = self.clock.now()
        wrong = deployment.version in self.disproved
        for number in range(1, deployment.replicas + 1):
            state, told = (
                ("unready", "1 of 20 golden answers differ") if wrong else ("ready", "20 of 20 golden answers")
            )
            id, proof = f"{deployment.id}-{number}", {}
            if deployment.version in self.crashing:
                state, told = "exited", "ended with code 1: ImportError: no module named hotel"
                self._ends[id] = self._ends.get(id, 0) + 1
                proof = {"ended": told, "ends": self._ends[id]}
                state, told = (state, told) if self.seen_down else ("starting", "loading")
            replica = Replica(id, deployment.id, number, state, 1, "boot:1", 5000, told, proof, now, now)
            deployments.put_replica(tx, replica)

    def _serve(self, start: int, end: int) -> None:
        route = deployments.route(self.deck.database, self.model, "local")
        if route is None or route.applied_generation < route.desired_generation:
            return
        shares = {one["deployment_id"]: one["weight"] / 100.0 for one in route.entries}
        self._served.append((start, end, shares))

    def live(self, deck: Deck, model: str, deployment_id: str, since: int) -> Live:
        """Count what a deployment answered since a time."""
        version = next(
            one.version
            for one in deployments.deployments(deck.database, endpoint=model, live_only=False)
            if one.id == deployment_id
        )
        home = self.clock.now() - int(self.late_s.get(version, 0.0) * 1e6)
        rows = sum(
            (min(end, home) - max(start, since)) / 1e6 * self.rate * shares.get(deployment_id, 0.0)
            for start, end, shares in self._served
            if end > since and home > max(start, since)
        )
        errors = int(rows * self.error_rates.get(version, 0.0))
        answers = self.answers.get(version, lambda _id, _rows: Answers())(deployment_id, int(rows))
        return Live(int(rows), errors, (self.latency_ms.get(version, 4.0),) * int(rows), answers=answers)

    def shadow(self, deck: Deck, model: str, deployment_id: str, since: int) -> Live:
        """Count the copies that a deployment answered since a time: all requests, while its route says shadow."""
        route = deployments.route(deck.database, model, "local")
        is_shadow = route is not None and any(
            one["deployment_id"] == deployment_id and one["role"] == "shadow" for one in route.entries
        )
        rows = int((self.clock.now() - since) / 1e6 * self.rate) if is_shadow else 0
        version = next(one.version for one in deployments.deployments(deck.database) if one.id == deployment_id)
        errors = int(rows * self.error_rates.get(version, 0.0))
        return Live(rows, errors, (self.latency_ms.get(version, 4.0),) * rows)

    def agreement(self, deck: Deck, model: str, champion: str, shadow: str, since: int) -> dict[str, Any]:
        """Compare what both have answered and what has come home of it."""
        rows = min(self.live(deck, model, champion, since).rows, self.shadow(deck, model, shadow, since).rows)
        return {"rows": rows, "differ": 0, "difference": {}}

    def latency(self, _deck: Deck, version: Version, _replica: Replica, repeats: int) -> list[float]:
        """Answer golden requests."""
        self.golden_asked[version.number] = self.golden_asked.get(version.number, 0) + repeats
        return [self.golden_ms.get(version.number, 3.0)] * repeats

    @property
    def instruments(self) -> Instruments:
        """The runner's view of this world."""
        return Instruments(
            live=self.live,
            shadow=self.shadow,
            agreement=self.agreement,
            outcomes=lambda _deck, _model, _since, ids: {
                one: self.outcomes[one] for one in ids if one in self.outcomes
            },
            latency=self.latency,
            memory_mb=lambda _deck, _replica: 100.0,
            gates=lambda _deck, _settings, _new, _champion: self.gate_checks,
            proof=lambda _deck, _version, _settings: self.proof_checks,
            unreachable=lambda _deck, _host: self.unreachable,
            build=never_asked,
            ship=never_asked,
        )

    def fence_of(self, release: Release) -> Fence:
        """Claim the release's job as the worker would."""
        assert release.job_id is not None
        with self.deck.database.write() as tx:
            jobs.requeue(tx, release.job_id, "its process is gone")
            job = jobs.claim(tx, release.job_id)
        return Fence(job.id, job.attempt)

    def run(
        self,
        release: Release,
        *,
        instruments: Instruments | None = None,
        progress: Callable[[float, str], None] = lambda share, text: None,
    ) -> Release:
        """Run a release's job to its end."""
        return self._run(self.fence_of(release), release, instruments, progress)

    def run_job(self, job: Job, release: Release) -> Release:
        """Run one queued job of a release to its end."""
        with self.deck.database.write() as tx:
            fence = jobs.fence(jobs.claim(tx, job.id))
        return self._run(fence, release, None, lambda share, text: None)

    def _run(
        self,
        fence: Fence,
        release: Release,
        instruments: Instruments | None,
        progress: Callable[[float, str], None],
    ) -> Release:
        done = run_release(
            self.deck,
            release.id,
            fence=fence,
            progress=progress,
            clock_sleep=self.sleep,
            instruments=instruments or self.instruments,
        )
        with self.deck.database.write() as tx:
            jobs.finish(tx, fence.job_id, fence.attempt, "succeeded")
        return done

    def versions(self) -> list[Version]:
        """Read every version."""
        return versions.versions(self.deck.database, self.model)

    def release(self, release: Release) -> Release:
        """Read a release again."""
        return releases.release(self.deck.database, release.id)

    def steps(self, release: Release) -> list[Step]:
        """Read the steps of a release."""
        return list(releases.steps(self.deck.database, release.id))

    def champion(self) -> int | None:
        """The champion's version."""
        return models.model(self.deck.database, self.model).champion

    def route(self) -> list[tuple[int, int, str]]:
        """The desired route: version, weight, role of what gets traffic."""
        route = deployments.route(self.deck.database, self.model, "local")
        found = route.entries if route else ()
        return [(one["version"], one["weight"], one["role"]) for one in found if one["weight"]]

    def reachable(self) -> set[int]:
        """The versions that the desired route names at no weight: a request may ask for them."""
        route = deployments.route(self.deck.database, self.model, "local")
        return {one["version"] for one in route.entries if not one["weight"]} if route else set()

    def standing(self) -> dict[int, str]:
        """Version -> desired, of every deployment that is to run."""
        live = deployments.deployments(self.deck.database, endpoint=self.model)
        return {one.version: one.desired for one in live if one.desired != "stopped"}

    def version(self, number: int) -> Version:
        """Read a version."""
        return versions.version(self.deck.database, self.model, number)

    def challenger(self) -> int | None:
        """The challenger's version."""
        return models.model(self.deck.database, self.model).challenger

    def weight_of(self, version: int) -> int:
        """The desired share of a version."""
        return sum(weight for number, weight, _ in self.route() if number == version)

    def started(self, version: int) -> int:
        """How many deployments of a version there ever were."""
        every = deployments.deployments(self.deck.database, endpoint=self.model, live_only=False)
        return sum(one.version == version for one in every)

    def stop_warm(self) -> None:
        """End what is kept warm, as a restart of the machine could."""
        with self.deck.database.write() as tx:
            for one in deployments.deployments(tx, endpoint=self.model):
                if one.desired == "warm":
                    deployments.set_desired(tx, one.id, "stopped", role="warm")
        self.reconcile()
