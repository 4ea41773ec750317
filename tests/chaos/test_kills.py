"""kill -9 of daemon, jobs and consoles at random points of people's work: nothing is lost, doubled or left hanging."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from typing import Any

import pytest
from counts import KILLS, Report
from tiny_deck import Tiny
from workload import Asking, Consoles, Feeder, Watch, kill, wait_s

from engine.deck import Deck, open_deck
from engine.monitoring.predictions import read
from engine.service.lock import holder
from engine.workspace import Workspace
from store import events, jobs, models, releases, versions
from store.whole import damage

SETTLE_S = 180.0


@pytest.mark.chaos
@pytest.mark.timeout(1500)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # daemons that a client started
def test_nothing_is_lost_or_doubled_by_kills(
    tiny: Tiny, dice: random.Random, seed: int, report: Report, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        assert tiny("train", "rates").code == 0
    assert tiny("promote", "rates", "1", "--yes").code == 0
    url = tiny("endpoints", "--json").data[0]["addresses"]["local"]
    monkeypatch.setenv("HOME", str(tiny.home))
    workspace = Workspace(tiny.root.resolve())
    deck = open_deck(workspace)
    consoles, feeder, asking = Consoles(tiny, seed), Feeder(workspace, seed), Asking(tiny, url)
    watch = Watch(str(workspace.root))
    daemons: list[subprocess.Popen[bytes]] = []
    for part in (consoles, feeder, asking, watch):
        part.start()
    try:
        while report.counts.get("kills", 0) < KILLS:
            time.sleep(wait_s(dice))
            what, pid = _one(deck, consoles, dice)
            if pid is not None and kill(pid):
                report.count("kills")
                report.count(f"{what} killed")
                if what == "daemon" and dice.random() < 0.8:
                    daemons.append(_start_daemon(tiny))  # else whoever asks next starts it
    finally:
        for part in (consoles, feeder, asking, watch):
            part.stop()
    tiny("daemon", "start")
    until(lambda: _is_quiet(deck), SETTLE_S, "every job and release has ended")
    _look(deck, tiny, consoles, feeder, asking, watch, report)
    deck.database.close()
    assert tiny("daemon", "stop", "--all").code == 0
    for daemon in daemons:
        daemon.wait(60)


def _one(deck: Deck, consoles: Consoles, dice: random.Random) -> tuple[str, int | None]:
    """Choose what to kill: mostly jobs, where there are any."""
    found = holder(deck.workspace)
    able: dict[str, list[int]] = {
        "daemon": [found.pid] if found is not None and found.role == "daemon" and found.pid else [],
        "job": [job.pid for job in jobs.running(deck.database) if job.pid],
        "console": consoles.pids(),
    }
    what = dice.choices(("job", "console", "daemon"), (5, 3, 2))[0]
    return what, dice.choice(able[what]) if able[what] else None


def _start_daemon(tiny: Tiny) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "engine.daemon", "-w", str(tiny.root)],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "HOME": str(tiny.home)},
        start_new_session=True,
    )


def _is_quiet(deck: Deck) -> bool:
    live = jobs.jobs(deck.database, states=jobs.LIVE)
    active = [one for one in releases.releases(deck.database) if one.state in ("pending", "running", "held")]
    return not live and not [one for one in active if one.state != "held"]


def _look(
    deck: Deck, tiny: Tiny, consoles: Consoles, feeder: Feeder, asking: Asking, watch: Watch, report: Report
) -> None:
    """Look at everything that must hold."""
    database = deck.database
    chain = events.verify(database)
    assert chain.ok, chain.detail
    assert damage(database.path) == []
    report.counts["events verified"] = chain.verified

    aliases = models.aliases(database)
    assert aliases
    for alias in aliases:
        version = versions.version(database, alias.model, alias.version)
        for content in (version.artifact_hash, version.golden_hash, version.bundle_hash, version.snapshot_id):
            deck.artifacts.verify(content)

    report.counts["looks at live attempts"] = watch.looks
    assert watch.doubles == []
    every = jobs.jobs(database, limit=100_000)
    report.counts["jobs"] = len(every)
    report.counts["jobs by end"] = dict(Counter(job.state for job in every))
    told_of = {*consoles.jobs, *feeder.jobs}
    assert {job.id for job in every} >= told_of
    report.counts["jobs acknowledged"] = len(told_of)
    report.counts["asked for"] = dict(feeder.asked)
    told: dict[str, Counter[str]] = {job.id: Counter() for job in every}
    for event in events.events(database, limit=1_000_000):
        if event.subject_kind == "job":
            told[event.subject_id][event.action] += 1
    for job in every:
        assert told[job.id]["job.ended"] == 1, job
        assert told[job.id]["job.requested"] == 1, job
        assert told[job.id]["job.started"] == job.attempt, job

    made = Counter(
        row["job_id"]
        for row in database.rows(
            "SELECT r.job_id FROM version v JOIN run r ON r.id = v.run_id WHERE r.job_id IS NOT NULL"
        )
    )
    assert not [job for job, count in made.items() if count > 1]
    for job in every:
        if job.kind == "train" and job.state == "succeeded":
            assert made[job.id] == 1, job
    report.counts["versions made"] = sum(made.values())
    assert not database.rows("SELECT id FROM run WHERE state = 'running'")

    done = [one for one in releases.releases(database, limit=100_000) if one.state == "completed"]
    champion = models.alias(database, "rates", "champion")
    assert champion is not None
    report.counts["releases by end"] = dict(Counter(one.state for one in releases.releases(database, limit=100_000)))
    assert champion.version == max(done, key=lambda one: one.ended_at or 0).to_version

    tiny.asked(3)
    answered = tiny("predict", "rates", "asked.csv", "--json")
    assert answered.code == 0, answered
    served = {one["version"] for one in json.loads(answered.out)} if "version" in answered.out else {champion.version}
    assert served == {champion.version}

    logged = read(deck, "rates", columns=["prediction_id"]).column("prediction_id").to_pylist()
    report.counts["predictions acknowledged"] = len(asking.answered.ids)
    report.counts["predictions on the log"] = len(logged)
    report.counts["requests that failed"] = len(asking.answered.failures)
    assert set(asking.answered.ids) <= set(logged)
    assert len(logged) == len(set(logged))
    assert asking.answered.failures == []
    odd = [said for said in consoles.said if "Traceback" in said[2] or "an error of ours" in said[2]]
    assert odd == []
    report.counts["consoles by exit code"] = {
        str(code): n for code, n in sorted(Counter(s[1] for s in consoles.said).items())
    }
