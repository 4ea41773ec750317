"""The wall clock jumps an hour both ways: schedules neither storm nor starve, and no job is taken for dead."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from counts import Report
from faketime import moved_clock
from tiny_deck import MODEL, Tiny

from engine.deck import Deck, open_deck
from engine.workspace import Workspace
from store import events, jobs

EVERY_S = 4
LOOK_S = 16.0
SCHEDULE = f"""
[schedules.often]
run = "ingest"
every = "{EVERY_S}s"
overlap = "skip"
"""


@pytest.fixture
def faked(tmp_path: Path) -> Callable[[int], dict[str, str]]:
    """Return a function that moves the wall clock by seconds, and returns the environment of those who see it."""
    return moved_clock(tmp_path / "clock")


@pytest.fixture
def daemon(tiny: Tiny, faked: Callable[[int], dict[str, str]], until: Any) -> Iterator[Deck]:
    """A daemon that sees the moved clock, with a schedule every few seconds."""
    tiny.write_model(MODEL + SCHEDULE)
    assert tiny("apply").code == 0
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "engine.daemon", "-w", str(tiny.root)],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "HOME": str(tiny.home), **faked(0)},
        start_new_session=True,
    )
    deck = open_deck(Workspace(tiny.root.resolve()))
    until(lambda: tiny("daemon", "status", "--json").data["state"] == "running", 60, "the daemon answers")
    yield deck
    deck.database.close()
    assert tiny("daemon", "stop", "--all").code == 0
    process.wait(60)


def fired(deck: Deck) -> int:
    row = deck.database.row("SELECT count(*) AS n FROM job WHERE substr(actor, 1, 9) = 'schedule:' AND kind = 'ingest'")
    return int(row["n"]) if row else 0


@pytest.mark.chaos
@pytest.mark.timeout(600)
def test_an_hour_forth_and_back(
    tiny: Tiny, daemon: Deck, faked: Callable[[int], dict[str, str]], report: Report, until: Any
) -> None:
    until(lambda: fired(daemon) >= 2, 60, "the schedule fires")
    for name, seconds in (("an hour on", 3600), ("back", 0), ("an hour before", -3600), ("on again", 0)):
        told = tiny("train", "rates", "--detach")
        assert told.code == 0, told.err
        asked = told.out.strip()
        until(lambda asked=asked: jobs.job(daemon.database, asked).pid, 60, "the training runs")
        before, since = fired(daemon), time.monotonic()
        faked(seconds)
        until(lambda before=before: fired(daemon) > before, LOOK_S * 4, f"the schedule fires {name}")
        report.counts[f"{name}: first firing after s"] = round(time.monotonic() - since, 1)
        until(lambda since=since: time.monotonic() - since > LOOK_S, LOOK_S * 4, "a while has passed")
        took = time.monotonic() - since
        count = fired(daemon) - before
        report.counts[f"{name}: firings in {round(took)} s"] = count
        assert count <= took / EVERY_S + 2
        job = until(lambda asked=asked: _ended(daemon, asked), 90, "the training ends")
        assert (job.state, job.attempt) == ("succeeded", 1), job
    chain = events.verify(daemon.database)
    assert chain.ok
    times = [event.at for event in reversed(events.events(daemon.database, limit=100_000))]
    report.counts["events that are earlier than the one before"] = sum(
        later < earlier for earlier, later in itertools.pairwise(times)
    )
    assert report.counts["events that are earlier than the one before"] > 0  # the clock did jump


def _ended(deck: Deck, id: str) -> Any:
    job = jobs.job(deck.database, id)
    return job if job.ended_at is not None else None
