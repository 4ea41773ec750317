"""How an attempt that is no more becomes an ended job, or a queued one again."""

from __future__ import annotations

import os

import pytest

from engine.jobs.endings import MOST_ATTEMPTS, end, how_it_died
from engine.jobs.processes import boot_id, is_alive, started_mark
from engine.jobs.report import Report, attempt_folder, read_report, write_report
from store import events, jobs


@pytest.fixture(name="claimed")
def claimed_job(deck, apply_settings_body):
    """Return a function that makes a running job of a kind."""
    apply_settings_body("rates")

    def make(kind="train"):
        with deck.database.write() as tx:
            return jobs.claim(tx, jobs.enqueue(tx, kind=kind, model="rates", actor="user:anna").id)

    return make


def report(deck, job, **fields):
    write_report(attempt_folder(deck.workspace, job.id, job.attempt), Report(**fields))


def test_report_is_what_the_job_ends_with(deck, claimed):
    job = claimed()
    report(deck, job, state="failed", exit_code=5, reason="a gate said no", result={"x": 1})
    ended = end(deck, job.id, 1, -9)
    assert (ended.state, ended.exit_code, ended.reason, ended.result) == ("failed", 5, "a gate said no", {"x": 1})


def test_torn_report_counts_as_none(deck, claimed):
    job = claimed()
    folder = attempt_folder(deck.workspace, job.id, 1)
    folder.mkdir(parents=True)
    (folder / "result.json").write_text('{"state": "succ')
    assert read_report(folder) is None
    assert end(deck, job.id, 1, 1).reason == "its process ended with code 1 and no report"


def test_word_on_an_older_attempt_or_an_ended_job_changes_nothing(deck, claimed):
    job = claimed("release")
    end(deck, job.id, 1, -9)
    with deck.database.write() as tx:
        second = jobs.claim(tx, job.id)
    assert end(deck, job.id, 1, 0) == second
    report(deck, second, state="succeeded", exit_code=0)
    done = end(deck, job.id, 2, 0)
    assert end(deck, job.id, 2, -9) == done


def test_killed_release_is_queued_again_until_it_has_died_too_often(deck, claimed):
    job = claimed("release")
    for attempt in range(1, MOST_ATTEMPTS):
        assert end(deck, job.id, attempt, -9).state == "queued"
        with deck.database.write() as tx:
            jobs.claim(tx, job.id)
    assert end(deck, job.id, MOST_ATTEMPTS, -9).state == "abandoned"
    requeued = [event for event in events.events(deck.database) if event.action == "job.requeued"]
    assert len(requeued) == MOST_ATTEMPTS - 1


def test_killed_release_that_was_to_be_cancelled_is_not_queued_again(deck, claimed):
    job = claimed("release")
    with deck.database.write() as tx:
        jobs.request_cancel(tx, job.id)
    assert end(deck, job.id, 1, -9).state == "cancelled"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (None, "its process is gone"),
        (0, "its process ended with code 0 and no report"),
        (-9, "its process was killed by SIGKILL, perhaps for lack of memory"),
        (-11, "its process was killed by SIGSEGV"),
        (-99, "its process was killed by signal 99"),
        (74, "its report could not be written: the disk is full or not writable"),
    ],
)
def test_death_is_told_in_words(code, said):
    assert how_it_died(code) == said


def test_process_is_known_by_boot_and_start_and_not_by_its_number_alone():
    mark = started_mark(os.getpid())
    assert is_alive(os.getpid(), mark)
    assert not is_alive(os.getpid(), f"{boot_id()}:1")
    assert not is_alive(os.getpid(), mark.replace(boot_id(), "another boot"))
    assert not is_alive(None, mark)
    assert not is_alive(os.getpid(), None)
    assert started_mark(2**22 + 1) is None
