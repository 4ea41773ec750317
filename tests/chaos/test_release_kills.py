"""kill -9 at every step of a release's plan: it is resumed or aborted, never half, and no client notices.

The points come from the plans themselves: the steps of the promotion and of the rollback that `preview` shows, times
the moments of their commits, times what is killed. Each point is a release of its own. Each kind of step is struck
once, moments and victims in turn; `MODELDECK_CHAOS_WALK=all` strikes at every point.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from counts import Report
from tiny_deck import MODEL, Tiny
from workload import Asking

from engine.deck import Deck, open_deck
from engine.deploy.containers.runtime import deck_id
from engine.jobs.report import log_of
from engine.monitoring.predictions import read
from engine.plans import Plan
from engine.release import preview_promote, preview_rollback
from engine.service.lock import holder
from engine.workspace import Workspace
from store import deployments, events, jobs, models, releases
from store.rows import Job, Release
from store.whole import damage

SETTLE_S = 120.0
MOMENTS = ("begun", "before", "after")  # a step's beginning is committed; its end is about to be; its end is
KILLED = ("job", "daemon", "both")
AT_SUBMIT = ("route", "alias")  # of a warm rollback: committed by the daemon, before there is a job's process
ON_AN_ENGINE = ("build", "ship", "start", "weight", "route")  # steps that are done in another way there
ALL = os.environ.get("MODELDECK_CHAOS_WALK") == "all"
ARMED = Path(__file__).parent / "armed"


@dataclass(frozen=True)
class Point:
    """Where a kill strikes: a step of a plan, the moment of its commit, and what dies."""

    release: str
    step: int
    kind: str
    when: str
    what: str

    @property
    def row(self) -> str:
        return f"{self.release} step {self.step} {self.kind}, {self.when}, {self.what} killed"


def points(plan: Plan) -> list[Point]:
    """Return every point of a plan."""
    found = []
    for number, step in enumerate(plan.steps, 1):
        at_submit = plan.kind == "rollback" and step.kind in AT_SUBMIT
        for when, what in product(MOMENTS, KILLED):
            if when == "begun" and (at_submit or step.kind in ("alias", "drain", "record")):
                continue  # such a step has no beginning of its own: it is one transaction
            if not at_submit or what == "daemon":
                found.append(Point(plan.kind, number, step.kind, when, what))
    return found


def one_of_each_kind(every: list[Point], seed: int) -> list[Point]:
    """Return one point of each kind of step, each with another moment and victim than the one before."""
    order = [(MOMENTS[(turn + turn // 3) % 3], KILLED[turn % 3]) for turn in range(9)]
    chosen = []
    for turn, kind in enumerate(dict.fromkeys(point.kind for point in every)):
        ways = [order[(seed + turn + later) % 9] for later in range(9)]
        of_kind = [point for point in every if point.kind == kind]
        way = next(way for way in ways if any((point.when, point.what) == way for point in of_kind))
        fitting = [point for point in of_kind if (point.when, point.what) == way]
        chosen.append(fitting[seed % len(fitting)])
    return chosen


def walk_of(plan: Plan, seed: int) -> list[Point]:
    """Return the points of a plan that are struck in this run."""
    every = points(plan)
    return every if ALL else one_of_each_kind(every, seed)


class Walk:
    """Walks releases of one deck through their points, one kill each, and looks at what became of each."""

    def __init__(self, tiny: Tiny, armed: Path, report: Report, until: Callable[..., Any]) -> None:
        self.tiny, self.report, self.until = tiny, report, until
        self.deck: Deck = open_deck(Workspace(tiny.root.resolve()))
        self.wrong: list[str] = []
        self.armed = armed

    def other(self) -> int:
        """Return the version that is not champion."""
        return 2 if self.champion() == 1 else 1

    def champion(self) -> int:
        """Return the champion."""
        alias = models.alias(self.deck.database, "rates", "champion")
        assert alias is not None
        return alias.version

    def strike(self, point: Point) -> None:
        """Run one release with a kill in it, then look at everything."""
        was, to = self.champion(), self.other()
        last = self._last()
        assert self.tiny("daemon", "start").code == 0
        found = holder(self.deck.workspace)
        assert found is not None
        said = {"step": point.step, "when": point.when, "what": point.what, "daemon": found.pid}
        self.armed.write_text(json.dumps(said))
        words = ("promote", "rates", str(to)) if point.release == "promote" else ("rollback", "rates")
        self.tiny(*words, "--yes", "--reason", "a kill", "--detach")
        self.until(lambda: not self.armed.exists(), SETTLE_S, f"{point.row}: the kill")
        self.report.count("kills")
        assert self.tiny("daemon", "start").code == 0
        self.until(self._is_quiet, SETTLE_S, f"{point.row}: an end")
        newest = self._last()
        done = newest if newest is not None and (last is None or newest.id != last.id) else None
        end = done.state if done else "never opened"
        self.report.counts.setdefault("ends", []).append([point.row, end])
        self.wrong += [f"{point.row} ({end}): {one}" for one in self._faults(done, was, to, point)]

    def _last(self) -> Release | None:
        return next(iter(releases.releases(self.deck.database, endpoint="rates", limit=1)), None)

    def _is_quiet(self) -> bool:
        active = releases.active(self.deck.database, "rates")
        live = jobs.jobs(self.deck.database, states=jobs.LIVE)
        if live or (active is not None and active.state != "held"):
            return False
        every = deployments.deployments(self.deck.database, endpoint="rates")
        routes = deployments.routes(self.deck.database)
        return all(one.desired != "stopped" for one in every) and all(
            one.applied_generation == one.desired_generation for one in routes
        )

    def _faults(self, done: Release | None, was: int, to: int, point: Point) -> Iterator[str]:
        """Yield what does not hold."""
        database = self.deck.database
        if done is None and not (point.kind in AT_SUBMIT and point.when == "before"):
            yield "no release was opened"
        ended = done.state if done else "never opened"
        if ended not in ("completed", "aborted", "failed", "never opened"):
            yield f"left {ended}"
        expected = to if ended == "completed" else was
        if self.champion() != expected:
            yield f"v{self.champion()} is champion, not v{expected}"
        for route in deployments.routes(database):
            served = [(one["version"], one["weight"]) for one in route.entries if one["weight"]]
            if served != [(expected, 100)]:
                yield f"{route.host} sends its traffic to {served}"
        for one in deployments.deployments(database, endpoint="rates"):
            state = (one.version == expected, one.desired, one.role)
            if state not in ((True, "serving", "champion"), (False, "warm", "warm")):
                yield f"v{one.version} is left {one.desired} as {one.role}"
        if done is not None:
            left = [one.kind for one in releases.steps(database, done.id) if one.state in ("pending", "running")]
            if left:
                yield f"steps left open: {left}"
        answered = self.tiny("predict", "rates", "asked.csv", "--json")
        if answered.code != 0:
            yield f"predict says {answered.err.strip()}"
        chain = events.verify(database)
        if not chain.ok:
            yield chain.detail
        for job in self._jobs_of(done):
            if job.attempt > 2:
                yield f"a job took {job.attempt} attempts"
            if "Traceback" in log_of(self.deck.workspace, job.id).read_text():
                yield f"a fault of ours: {done.detail if done else ''}"

    def _jobs_of(self, done: Release | None) -> list[Job]:
        every = jobs.jobs(self.deck.database, limit=20)
        return [one for one in every if done is not None and one.args.get("release_id") == done.id]


@pytest.fixture
def armed(tmp_path: Path) -> Path:
    """The file that says where to strike."""
    return tmp_path / "armed.json"


@pytest.fixture
def walked(tiny: Tiny, armed: Path, report: Report, until: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Walk]:
    """A deck with two versions, of which the first serves, whose daemon and jobs can be struck."""
    assert tiny("apply").code == 0
    yield from ready_to_walk(Walk(tiny, armed, report, until), "local", monkeypatch)


@pytest.fixture
def walked_on_an_engine(
    tiny: Tiny,
    armed: Path,
    report: Report,
    until: Any,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    engine_url: str,
) -> Iterator[Walk]:
    """The same with its servers in containers; the base of their images is kept from one run to the next."""
    tiny.write_model(MODEL.replace("[deploy]", '[deploy]\nhosts = ["local"]'))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert tiny("hosts", "add", "near", engine_url, "--port", str(port)).code == 0
    (tiny.root / ".modeldeck" / "images").symlink_to(request.config.cache.mkdir("images"))
    yield from ready_to_walk(Walk(tiny, armed, report, until), "near", monkeypatch)


def ready_to_walk(walk: Walk, host: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Walk]:
    """Train two versions and have the first one serve on a host."""
    tiny, inherited = walk.tiny, os.environ.get("PYTHONPATH", "")
    tiny.environment["PYTHONPATH"] = f"{ARMED}{os.pathsep}{inherited}" if inherited else str(ARMED)
    tiny.environment["MODELDECK_CHAOS_ARMED"] = str(walk.armed)
    monkeypatch.setenv("HOME", str(tiny.home))
    text = MODEL.replace('max_wait = "1s"', 'max_wait = "60s"')
    tiny.write_model(text.replace("[deploy]", f'latency_p99_ms = {{ max = 5000 }}\n\n[deploy]\nhosts = ["{host}"]'))
    tiny.asked(3)
    for _ in range(2):
        assert tiny("train", "rates").code == 0
    first = tiny("promote", "rates", "1", "--yes", timeout=240)
    assert first.code == 0, first
    yield walk
    walk.deck.database.close()


@pytest.mark.chaos
@pytest.mark.timeout(9000 if ALL else 3000)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # daemons that a client started
def test_a_release_killed_at_every_step_is_whole_or_undone(walked: Walk, seed: int) -> None:
    walk_there_and_back(walked, "local", lambda plan: walk_of(plan, seed))


@pytest.mark.chaos
@pytest.mark.docker
@pytest.mark.timeout(9000 if ALL else 3000)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_release_killed_on_an_engine_is_whole_or_undone(
    walked_on_an_engine: Walk, seed: int, engine: Any, until: Any
) -> None:
    walked = walked_on_an_engine

    def chosen(plan: Plan) -> list[Point]:
        return [point for point in walk_of(plan, seed) if ALL or point.kind in ON_AN_ENGINE]

    walk_there_and_back(walked, "near", chosen)
    mine = {"label": [f"modeldeck.deck-id={deck_id(walked.deck.workspace)}", "modeldeck.kind=model"]}
    until(lambda: len(engine.containers.list(all=True, filters=mine)) == 2, SETTLE_S, "the champion and the warm one")
    assert {one.status for one in engine.containers.list(all=True, filters=mine)} == {"running"}


def walk_there_and_back(walked: Walk, host: str, walk_of_plan: Callable[[Plan], list[Point]]) -> None:
    """Promote and roll back with a kill in each, under traffic, and look at what must hold of the whole walk."""
    tiny = walked.tiny
    asking = Asking(tiny, tiny("endpoints", "--json").data[0]["addresses"][host])
    asking.start()
    try:
        forward = walk_of_plan(preview_promote(walked.deck, "rates", 2).plan)
        back: list[Point] | None = None
        for point in forward:
            walked.strike(point)
            if walked.champion() == 2:
                back = walk_of_plan(preview_rollback(walked.deck, "rates").plan) if back is None else back
                if back:
                    walked.strike(back.pop(0))
        while back:
            if walked.champion() == 1:  # it went back: forward again, for the next one to have a way back
                forth = tiny("promote", "rates", "2", "--yes", "--reason", "again", timeout=SETTLE_S)
                assert forth.code == 0, forth
            walked.strike(back.pop(0))
        assert back is not None, "no promotion came to its end, and so none was rolled back"
    finally:
        asking.stop()
    look(walked, asking)


def look(walked: Walk, asking: Asking) -> None:
    """Look at what must hold of the whole walk: whatever was answered is on the log, once."""
    report, acknowledged = walked.report, set(asking.answered.ids)

    def logged() -> list[str]:
        return [*read(walked.deck, "rates", columns=["prediction_id"]).column("prediction_id").to_pylist()]

    walked.until(
        lambda: acknowledged <= set(logged()), SETTLE_S, "every answer is on the log"
    )  # a container's comes home
    report.counts["predictions acknowledged"] = len(asking.answered.ids)
    report.counts["predictions on the log"] = len(logged())
    report.counts["requests that failed"] = len(asking.answered.failures)
    report.counts["events verified"] = events.verify(walked.deck.database).verified
    assert damage(walked.deck.database.path) == []
    assert walked.wrong == []
    assert asking.answered.failures == []
    assert len(logged()) == len(set(logged()))
