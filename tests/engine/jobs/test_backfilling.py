"""Trainings as at each time of a span: so many at once, ended together, what failed tried again and that alone."""

from __future__ import annotations

import csv
import datetime
import signal

import pytest

from engine.access import Caller, Role
from engine.jobs.processes import signal_group
from engine.service.call import call
from engine.service.context import ServiceContext
from engine.settings.apply import apply_settings
from store import events, jobs, runs, versions
from store.errors import Refused
from store.rows import microseconds

TIMED = """[model]
name = "timed"
task = "regression"
[data]
source = "timed.csv"
time_column = "at"
target = "y"
[train]
estimator = "sklearn.linear_model.Ridge"
folds = 2
"""
DAY = 86_400_000_000
FIRST = microseconds("2024-01-01T00:00:00Z")


def write_rows(stage, first_day, days):
    """Write four rows a day."""
    start = datetime.datetime(2024, 1, 1) + datetime.timedelta(days=first_day)
    with (stage.deck.workspace.root / "timed.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["at", "x", "y"])
        for count in range(days * 4):
            at = start + datetime.timedelta(hours=6 * count)
            rows.writerow([at.isoformat(), count % 17, 2.0 * (count % 17) + count % 3])


@pytest.fixture(name="ask")
def backfill_of_timed(stage):
    """Ask through the door, as a person does."""
    (stage.deck.workspace.root / "models/timed.toml").write_text(TIMED)
    write_rows(stage, 0, 60)
    apply_settings(stage.deck, "user:anna", "a test")

    def ask(model="timed", **body):
        context = ServiceContext(stage.deck, Caller("user:anna", Role.OPERATOR))
        return call(context, "runs.train", {"model": model, **body})

    return ask


def trainings(stage):
    return [job for job in reversed(jobs.jobs(stage.deck.database, limit=100)) if job.kind == "train"]


def test_a_training_per_time_and_again_only_what_failed(stage, ask):
    job = ask(backfill="2023-12-22..2024-03-01", every="60d", reason="a year anew")
    assert job.args["times_us"] == [FIRST - 10 * DAY, FIRST + 50 * DAY]
    ended = stage.end(job)
    assert (ended.state, ended.exit_code) == ("failed", 1)
    assert ended.reason.startswith("1 of 2 trainings failed, until 2023-12-22: the same command tries those again")
    made = versions.versions(stage.deck.database, "timed")
    assert [one.number for one in made] == [1]
    assert {job.args["backfill"] for job in trainings(stage)} == {job.id}
    untils = [run.params["until"][:10] for run in runs.runs(stage.deck.database, model="timed", state="finished")]
    assert untils == ["2024-02-20"]

    write_rows(stage, -40, 100)  # the source has what was missing
    again = stage.end(ask(backfill="2023-12-22..2024-03-01", every="60d"))
    assert (again.state, again.result) == ("succeeded", {"made": 1, "passed_over": 1})
    assert len(versions.versions(stage.deck.database, "timed")) == 2


def test_cancelled_it_ends_with_the_trainings_it_asked_for_and_no_more_than_so_many_at_once(stage):
    stage.source.hold()
    times = [FIRST + day * DAY for day in range(5)]
    job = stage.enqueue("backfill", "waiting", times_us=times, at_once=2)
    stage.work_until(lambda: stage.source.is_reached() and len(trainings(stage)) == 2)
    stage.cancel(job)
    assert stage.end(job).state == "cancelled"
    stage.work_until(lambda: all(one.ended_at is not None for one in trainings(stage)))
    assert [one.state for one in trainings(stage)] == ["cancelled", "cancelled"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"backfill": "2024-01-01"}, "is no span of time"),
        ({"backfill": "2024-02-01..2024-01-01"}, "ends before it begins"),
        ({"backfill": "then..2024-01-01"}, "'then' is not a time"),
        ({"backfill": "2024-01-01..2024-02-01", "every": "often"}, "--every 'often' is no duration"),
        ({"backfill": "2024-01-01..2024-02-01", "every": "1s"}, "2678400 trainings, 500 at most"),
        ({"backfill": "2024-01-01..2024-02-01", "at_once": 0}, "--at-once 0 is not from 1 to 64"),
        ({"backfill": "2024-01-01..2024-02-01", "until": "2024-01-01"}, "--backfill and --until do not go together"),
        ({"model": "plain", "backfill": "2024-01-01..2024-02-01"}, "plain has no data.time_column"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(stage, ask, body, said):
    with pytest.raises(Refused) as caught:
        ask(**body)
    assert said in caught.value.line()
    assert jobs.jobs(stage.deck.database) == []


def test_killed_in_the_middle_it_goes_on_with_the_trainings_it_asked_for(stage, ask):
    job = ask(backfill="2024-02-01..2024-03-01", every="15d", at_once=1)
    stage.work_until(lambda: len(trainings(stage)) == 1 and stage.job(job).pid)
    signal_group(stage.job(job).pid, signal.SIGKILL)
    ended = stage.end(job)
    assert (ended.state, ended.attempt) == ("succeeded", 2)
    assert len(versions.versions(stage.deck.database, "timed")) == 2
    assert sorted(one.args["until_us"] for one in trainings(stage)) == job.args["times_us"]


def door(stage, operation, job, **body):
    context = ServiceContext(stage.deck, Caller("user:anna", Role.OPERATOR))
    return call(context, operation, {"id": job.id, **body})


def test_paused_it_asks_for_no_more_goes_on_when_resumed_and_a_kill_does_not_forget_it(stage, ask):
    job = ask(backfill="2024-02-01..2024-03-01", every="15d", at_once=1)
    assert door(stage, "jobs.pause", job, reason="the source moves", dry_run=True).message.startswith("would be paused")
    assert door(stage, "jobs.pause", job, reason="the source moves").message == f"paused: backfill {job.id[:16]}"
    assert door(stage, "jobs.pause", job).already is True
    stage.work_until(lambda: stage.job(job).progress_text == "paused: 0 of 2 trained")
    assert trainings(stage) == []
    signal_group(stage.job(job).pid, signal.SIGKILL)
    stage.work_until(lambda: stage.job(job).attempt == 2 and "paused" in stage.job(job).progress_text)
    assert trainings(stage) == []
    assert door(stage, "jobs.resume", job).message == f"running: backfill {job.id[:16]}"
    stage.work_until(lambda: trainings(stage))
    door(stage, "jobs.pause", job)
    stage.work_until(lambda: stage.job(job).progress_text == "paused: 1 of 2 trained")
    assert [one.state for one in trainings(stage)] == ["succeeded"]  # the one that ran went on to its end
    door(stage, "jobs.resume", job)
    ended = stage.end(job)
    assert (ended.state, ended.result) == ("succeeded", {"made": 2, "passed_over": 0})
    told = [one.action for one in events.events(stage.deck.database, subject=("job", job.id), limit=100)]
    assert (told.count("job.paused"), told.count("job.resumed")) == (2, 2)


def test_only_a_backfill_that_has_not_ended_is_paused(stage, ask):
    other = stage.enqueue("ingest", "plain")
    with pytest.raises(Refused) as caught:
        door(stage, "jobs.pause", other)
    assert caught.value.line().startswith("a job of kind ingest is not paused: only a backfill is")
    job = ask(backfill="2024-02-01..2024-03-01", every="30d")
    stage.cancel(job)
    stage.end(job)
    with pytest.raises(Refused) as caught:
        door(stage, "jobs.pause", job)
    assert "has cancelled already" in caught.value.line()
