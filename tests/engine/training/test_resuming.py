"""A search whose process is killed: the next training of the same terms goes on with it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from store import events, jobs, runs

KILLED_SEARCH = """
import os, signal, sys
from pathlib import Path
from engine.deck import open_deck
from engine.settings.apply import current_settings
from engine.training import recording
from engine.training.train import train
from engine.workspace import Workspace
from store import jobs

begun, write = recording.TrialRecorder.begun, recording.TrialRecorder.write
WRITTEN = sys.argv[2] == "after"
is_fifth = False

def hear(self, number, family, params):
    global is_fifth
    begun(self, number, family, params)
    is_fifth = number == 4

def die_in_the_fifth(self):
    if is_fifth and not WRITTEN:
        os.kill(os.getpid(), signal.SIGKILL)
    write(self)
    if is_fifth:
        os.kill(os.getpid(), signal.SIGKILL)

recording.TrialRecorder.begun, recording.TrialRecorder.write = hear, die_in_the_fifth
deck = open_deck(Workspace(Path(sys.argv[1])))
with deck.database.write() as tx:
    asked = jobs.enqueue(tx, kind="train", actor="user:anna", model="rates")
    claimed = jobs.claim(tx, asked.id)
settings, revision = current_settings(deck)
train(deck, settings.models["rates"], revision, job=jobs.fence(claimed), actor="user:anna")
"""


@pytest.mark.parametrize("moment", ["after", "before"])
def test_killed_search_is_taken_up_with_no_trial_lost_or_counted_twice(bench, rates, moment):
    """Killed just after, or just before, the end of the fourth trial and the begin of the fifth are on record."""
    known = 4 if moment == "after" else 3
    settings = rates(estimator="auto", features=("nights", "segment"), time_budget_s=120.0, trials=4)
    bench.apply(settings)
    root = str(bench.deck.workspace.root)
    done = subprocess.run([sys.executable, "-P", "-c", KILLED_SEARCH, root, moment], capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    database = bench.deck.database
    (left,) = runs.runs(database)
    before = runs.children(database, left.id)
    assert [trial.state for trial in before] == ["finished"] * known + ["running"]
    with database.write() as tx:
        jobs.abandon(tx, left.job_id, "its process was killed by SIGKILL")
    version = bench.train(settings)
    resumed = runs.run(database, version.run_id)
    after = runs.children(database, resumed.id)
    assert resumed.tags["resumes"] == left.id
    assert {trial.id for trial in before[:known]} < {trial.id for trial in after}
    assert [trial.id for trial in runs.children(database, left.id)] == [before[known].id]
    numbers = [trial.name.split()[1] for trial in after]
    assert sorted(numbers, key=int) == [str(number) for number in range(1, 8)]
    (again,) = [trial for trial in after if trial.name.startswith(f"trial {known + 1} ")]
    assert again.params == before[known].params
    assert sum(one["trials"] for one in version.evaluation["candidates"]) == sum(
        trial.state == "finished" for trial in after
    )
    assert events.verify(database).ok
