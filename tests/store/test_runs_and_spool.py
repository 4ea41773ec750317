"""Runs keep what they were told and measured; spooled points arrive exactly once, in order."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from store import jobs, runs, spool
from store.clock import FrozenClock
from store.database import Database, Reader
from store.errors import Refused, UnknownName
from store.point_lines import Point
from store.rows import Job, Run

ANNA = "user:anna"


@pytest.fixture
def run(database: Database) -> Run:
    """A running run of `rates`."""
    with database.write() as tx:
        return runs.start_run(tx, model="rates", actor=ANNA, params={"depth": 6}, tags={"why": "nightly"})


def end(database: Database, run: Run, state: str = "finished") -> Run:
    with database.write() as tx:
        runs.finish_run(tx, run.id, state)
        return runs.run(tx, run.id)


def steps(database: Database, run: Run, key: str = "mae") -> list[int]:
    return [step for step, _, _ in runs.metric_history(database, run.id, key)]


def points(first: int, count: int) -> list[Point]:
    return [("mae", step, step, step / 2) for step in range(first, first + count)]


def test_run_belongs_to_the_experiment_of_its_model(run: Run) -> None:
    assert (run.experiment, run.state, run.params, run.tags) == ("rates", "running", {"depth": "6"}, {"why": "nightly"})


def test_run_without_a_model_has_an_experiment_of_its_own(database: Database) -> None:
    with database.write() as tx:
        free = runs.start_run(tx, experiment="notebook", actor=ANNA)
    assert (free.experiment, free.model) == ("notebook", None)
    with pytest.raises(Refused), database.write() as tx:
        runs.start_run(tx, actor=ANNA)


def test_metrics_of_a_run_are_the_newest_step_of_each(database: Database, run: Run) -> None:
    with database.write() as tx:
        runs.log_points(tx, run.id, [("mae", 2, 2, 20.0), ("mae", 1, 3, 30.0), ("loss", 1, 1, 0.5)])
        runs.log_points(tx, run.id, [("mae", 1, 9, 31.0), ("loss", 2, 2, math.nan)])
    assert runs.run(database, run.id).metrics == {"mae": 20.0}
    assert runs.metric_history(database, run.id, "mae") == [(1, 9, 31.0), (2, 2, 20.0)]
    assert runs.metric_history(database, run.id, "loss") == [(1, 1, 0.5), (2, 2, None)]


def test_many_points_of_one_metric_keep_the_later_of_a_step_and_null_for_what_is_no_number(
    database: Database, run: Run
) -> None:
    told: list[Point] = [("mae", step, step, 1e308) for step in range(250)]
    told += [("mae", 7, 700, math.inf), ("mae", 249, 900, 4.5), ("mae", 249, 901, 2.5), ("mae", 8, 800, None)]
    with database.write() as tx:
        runs.log_points(tx, run.id, told)
    history = runs.metric_history(database, run.id, "mae")
    assert [point[0] for point in history] == list(range(250))
    assert history[6:10] == [(6, 6, 1e308), (7, 700, None), (8, 800, None), (9, 9, 1e308)]
    assert (history[-1], runs.run(database, run.id).metrics) == ((249, 901, 2.5), {"mae": 2.5})


def test_trials_are_listed_only_when_asked_for(database: Database, run: Run) -> None:
    with database.write() as tx:
        trials = [
            runs.start_run(tx, model="rates", actor=ANNA, parent_id=run.id, kind="trial", name=f"trial {number}")
            for number in range(3)
        ]
        runs.log_points(tx, trials[1].id, [("mae", 0, 0, 7.0)])
    assert [one.id for one in runs.runs(database)] == [run.id]
    assert len(runs.runs(database, trials=True)) == 4
    assert [one.name for one in runs.children(database, run.id)] == ["trial 0", "trial 1", "trial 2"]
    assert runs.children(database, run.id)[1].metrics == {"mae": 7.0}
    recorded = database.rows("SELECT action FROM event WHERE subject_kind = 'run'")
    assert [row["action"] for row in recorded] == ["run.started"]


def test_runs_are_listed_newest_first_by_page_and_model(database: Database, clock: FrozenClock) -> None:
    with database.write() as tx:
        made = [runs.start_run(tx, model="rates", actor=ANNA).id for _ in range(5)]
        runs.start_run(tx, experiment="other", actor=ANNA)
    page = runs.runs(database, model="rates", limit=2)
    assert [one.id for one in page] == [made[4], made[3]]
    assert [one.id for one in runs.runs(database, model="rates", limit=2, before_id=page[-1].id)] == [made[2], made[1]]
    assert len(runs.runs(database)) == 6


def test_run_ends_once(database: Database, run: Run) -> None:
    assert end(database, run).state == "finished"
    assert end(database, run, "failed").state == "finished"
    with pytest.raises(Refused, match="cannot end as"):
        end(database, run, "sleeping")


def test_abandoned_job_takes_its_runs_and_trials_with_it(database: Database, running_job: Callable[..., Job]) -> None:
    with database.write() as tx:
        job = running_job(tx)
        mine = runs.start_run(tx, model="rates", actor=ANNA, job_id=job.id)
        trial = runs.start_run(tx, model="rates", actor=ANNA, parent_id=mine.id, kind="trial")
        other = runs.start_run(tx, model="rates", actor=ANNA)
        ended = jobs.abandon(tx, job.id, "its process was killed")
    assert (ended.state, ended.reason) == ("abandoned", "its process was killed")
    states = {one.id: (one.state, one.reason) for one in runs.runs(database, trials=True)}
    assert states[mine.id] == states[trial.id] == ("abandoned", "its process was killed")
    assert states[other.id] == ("running", "")


@pytest.mark.parametrize(
    ("ended", "expected"), [("failed", "failed"), ("cancelled", "cancelled"), ("succeeded", "abandoned")]
)
def test_ended_job_leaves_no_run_running(
    database: Database, running_job: Callable[..., Job], ended: str, expected: str
) -> None:
    with database.write() as tx:
        job = running_job(tx)
        left = runs.start_run(tx, model="rates", actor=ANNA, job_id=job.id)
        done = runs.start_run(tx, model="rates", actor=ANNA, job_id=job.id)
        runs.finish_run(tx, done.id, "finished")
        jobs.finish(tx, job.id, 1, ended, reason="as told")
    assert runs.run(database, left.id).state == expected
    assert runs.run(database, done.id).state == "finished"
    assert runs.runs(database, job_id=job.id, state="running") == []
    assert {run.id for run in runs.runs(database, job_id=job.id)} == {left.id, done.id}


def test_spooled_points_arrive_once_and_in_order(database: Database, run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    with spool.PointWriter(folder, run.id) as writer:
        writer.write(points(0, 3))
        assert spool.ingest(database, folder) == 3
        assert spool.ingest(database, folder) == 0
        writer.write(points(3, 4))
        writer.write([("loss", 0, 1, math.nan)])
    assert spool.ingest(database, folder) == 5
    assert steps(database, run) == list(range(7))
    assert runs.metric_history(database, run.id, "loss") == [(0, 1, None)]


def test_spooled_params_arrive_with_the_points(database: Database, run: Run, tmp_path: Path) -> None:
    with spool.PointWriter(tmp_path, run.id) as writer:
        writer.write_params({"depth": 7})
        writer.write(points(0, 1))
        writer.write_params({"alpha": 0.5})
    end(database, run)
    assert spool.ingest(database, tmp_path) == 1
    found = runs.run(database, run.id)
    assert (found.params, found.metrics) == ({"depth": "7", "alpha": "0.5"}, {"mae": 0.0})
    assert not writer.path.exists()


def test_half_a_line_waits_for_its_other_half(database: Database, run: Run, tmp_path: Path) -> None:
    with spool.PointWriter(tmp_path, run.id) as writer:
        writer.write(points(0, 1))
    with writer.path.open("ab") as file:
        file.write(b'["mae",1,1,')
        file.flush()
        assert spool.ingest(database, tmp_path) == 1
        file.write(b"0.5]\n")
    assert spool.ingest(database, tmp_path) == 1
    assert steps(database, run) == [0, 1]


def test_torn_line_is_passed_over(database: Database, run: Run, tmp_path: Path) -> None:
    path = tmp_path / f"{run.id}.jsonl"
    path.write_bytes(b'["mae",0,0,1.0]\n["mae",1,["mae",2,2,3.0]\nnull\n["mae",3,3,4.0]\n')
    spool.ingest(database, tmp_path)
    assert steps(database, run) == [0, 3]


def test_spool_file_goes_when_its_run_has_ended(database: Database, run: Run, tmp_path: Path) -> None:
    with spool.PointWriter(tmp_path, run.id) as writer:
        writer.write(points(0, 2))
    spool.ingest(database, tmp_path)
    assert writer.path.exists()
    with writer.path.open("ab") as file:
        file.write(b'["mae",2,2,1.0]\n["mae",3,')
    end(database, run, "abandoned")
    assert spool.ingest(database, tmp_path) == 1
    assert not writer.path.exists()
    assert steps(database, run) == [0, 1, 2]
    assert database.rows("SELECT * FROM spool_offset") == []


def test_the_end_of_a_run_takes_in_what_its_spool_still_holds(database: Database, run: Run, tmp_path: Path) -> None:
    writer = spool.PointWriter(tmp_path, run.id)
    writer.write(points(0, 2))
    assert spool.ingest(database, tmp_path) == 2
    writer.write_params({"depth": 7})
    writer.write(points(2, 3))
    with spool.ending(database, writer) as tx:
        runs.finish_run(tx, run.id, "finished")
    found = runs.run(database, run.id)
    assert (found.state, found.params, steps(database, run)) == ("finished", {"depth": "7"}, [0, 1, 2, 3, 4])
    assert not writer.path.exists()
    assert spool.ingest(database, tmp_path) == 0
    assert database.rows("SELECT * FROM spool_offset") == []


def test_an_end_that_fails_leaves_spool_and_run_as_they_were(database: Database, run: Run, tmp_path: Path) -> None:
    writer = spool.PointWriter(tmp_path, run.id)
    writer.write(points(0, 3))
    with pytest.raises(Refused), spool.ending(database, writer) as tx:
        runs.finish_run(tx, run.id, "done")
    assert (runs.run(database, run.id).state, steps(database, run)) == ("running", [])
    writer.write(points(3, 1))
    with spool.ending(database, writer) as tx:
        runs.finish_run(tx, run.id, "finished")
    assert (runs.run(database, run.id).state, steps(database, run)) == ("finished", [0, 1, 2, 3])


def test_a_spool_left_behind_by_a_killed_end_changes_nothing(
    database: Database, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = spool.PointWriter(tmp_path, run.id)
    writer.write([("mae", 0, 0, 1.0), ("mae", 0, 5, 2.0)])
    writer.write_params({"depth": 7})
    writer.write_params({"depth": 8})
    with monkeypatch.context() as killed:
        killed.setattr(spool.PointWriter, "discard", lambda _writer: None)
        with spool.ending(database, writer) as tx:
            runs.finish_run(tx, run.id, "finished")
    ended = runs.run(database, run.id)
    assert writer.path.exists()
    spool.ingest(database, tmp_path)
    assert runs.run(database, run.id) == ended
    assert runs.metric_history(database, run.id, "mae") == [(0, 5, 2.0)]
    assert not writer.path.exists()


def test_a_run_that_ends_while_its_spool_is_looked_at_disturbs_no_ingester(
    database: Database, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = spool.PointWriter(tmp_path, run.id)
    writer.write(points(0, 3))
    stands = spool._offset
    turns = []

    def ended_meanwhile(reader: Reader, name: str) -> int:
        turns.append(name)
        if len(turns) == 1:
            with spool.ending(database, writer) as tx:
                runs.finish_run(tx, run.id, "finished")
        return stands(reader, name)

    monkeypatch.setattr(spool, "_offset", ended_meanwhile)
    assert spool.ingest(database, tmp_path) == 0
    assert (runs.run(database, run.id).state, steps(database, run)) == ("finished", [0, 1, 2])


def test_a_long_spool_is_taken_in_by_short_transactions_before_the_end(
    database: Database, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "_BATCH_BYTES", 1000)
    writer = spool.PointWriter(tmp_path, run.id)
    for step in range(400):
        writer.write(points(step, 1))
    size = writer.path.stat().st_size
    with spool.ending(database, writer) as tx:
        before = database.rows("SELECT offset_bytes FROM spool_offset")[0]["offset_bytes"]
        runs.finish_run(tx, run.id, "finished")
    assert size - 1000 <= before < size
    assert steps(database, run) == list(range(400))


def test_a_spool_that_is_gone_does_not_keep_a_run_from_ending(database: Database, run: Run, tmp_path: Path) -> None:
    writer = spool.PointWriter(tmp_path, run.id)
    writer.path.unlink()
    with spool.ending(database, writer) as tx:
        runs.finish_run(tx, run.id, "finished")
    assert runs.run(database, run.id).state == "finished"


def test_a_run_ends_with_all_its_points_where_its_file_was_closed_before(
    database: Database, run: Run, tmp_path: Path
) -> None:
    writer = spool.PointWriter(tmp_path, run.id)
    writer.write(points(0, 5))
    writer.close()
    with spool.ending(database, writer) as tx:
        runs.finish_run(tx, run.id, "finished")
    assert steps(database, run) == list(range(5))
    assert not writer.path.exists()


def test_spool_of_a_run_not_yet_committed_is_kept(database: Database, tmp_path: Path) -> None:
    path = tmp_path / f"{'0' * 32}.jsonl"
    path.write_bytes(b'["mae",0,0,1.0]\n')
    assert spool.ingest(database, tmp_path) == 0
    assert path.exists()


def test_crash_between_reading_and_commit_takes_nothing_twice(
    database: Database, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with spool.PointWriter(tmp_path, run.id) as writer:
        writer.write(points(0, 5))
    with monkeypatch.context() as patched:
        patched.setattr(runs, "log", lambda *_: os.fspath(None))  # type: ignore[call-overload]
        with pytest.raises(TypeError):
            spool.ingest(database, tmp_path)
    assert database.rows("SELECT * FROM spool_offset") == []
    assert spool.ingest(database, tmp_path) == 5


def test_second_ingester_with_an_old_offset_changes_nothing(
    database: Database, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with spool.PointWriter(tmp_path, run.id) as writer:
        writer.write(points(0, 2))
    spool.ingest(database, tmp_path)
    with database.write() as tx:
        tx.execute("DELETE FROM run_metric")
    stands = spool._offset
    old = [0]
    monkeypatch.setattr(spool, "_offset", lambda *place: old.pop() if old else stands(*place))
    assert spool.ingest(database, tmp_path) == 0
    assert not old
    assert steps(database, run) == []


def test_large_spool_is_taken_in_several_transactions(
    database: Database, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "_BATCH_BYTES", 100)
    with spool.PointWriter(tmp_path, run.id) as writer:
        writer.write(points(0, 500))
    assert spool.ingest(database, tmp_path) == 500
    assert steps(database, run) == list(range(500))


def test_columns_of_a_run_are_in_the_order_of_its_fields() -> None:
    fields = [field.name for field in dataclasses.fields(Run)]
    *columns, number = runs.COLUMNS.split(", ")
    assert number == "number"
    assert [*columns[:14], "params", "metrics", "tags", *columns[14:], "comments"] == fields


def test_what_starting_returns_is_what_is_read(database: Database, run: Run) -> None:
    assert runs.run(database, run.id) == run


def test_ending_a_run_again_changes_nothing(database: Database, run: Run) -> None:
    with database.write() as tx:
        assert runs.finish_run(tx, run.id, "failed", "no data")
        assert not runs.finish_run(tx, run.id, "finished")
    assert (runs.run(database, run.id).state, runs.run(database, run.id).reason) == ("failed", "no data")
    with pytest.raises(UnknownName), database.write() as tx:
        runs.finish_run(tx, "f" * 32, "finished")


@pytest.mark.parametrize("key", ["mae", "a],[b", 'quo"te\\', "two\nlines", "\u00fc"])
def test_any_key_goes_through_the_spool(database: Database, run: Run, tmp_path: Path, key: str) -> None:
    with spool.PointWriter(tmp_path, run.id) as writer:
        writer.write([(key, 0, 1, 0.1), ("mae", 7, 7, None), (key, 1, 2, 1e300)])
        writer.write([])
    assert spool.ingest(database, tmp_path) == 3
    assert runs.metric_history(database, run.id, key)[:2] == [(0, 1, 0.1), (1, 2, 1e300)]
