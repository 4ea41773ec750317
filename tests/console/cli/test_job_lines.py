"""What is said in one line of a job's end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from one_model import deck_of_one_model

from console.commands.job_lines import job_line
from console.follow import failure
from console.parser import parse
from console.render.models import only_guesses
from engine.jobs.again import again
from engine.jobs.kinds import KINDS
from store import jobs
from store.rows import Job

JOB = Job(
    *("01a2", "train", "loans", {}, "succeeded", "", "user:anna", None, 1, 1, None, None, 1.0, "", 0, {}, 1, 2, 3)
)


def test_a_training_that_only_guesses_says_so_and_offers_no_promotion() -> None:
    result = {"model": "loans", "version": 2}
    assert job_line(replace(JOB, result=result)) == "loans@2 trained; next: modeldeck promote loans 2"
    lost = "log_loss 0.5012 by guessing, trees 0.5181"
    assert job_line(replace(JOB, result={**result, "lost_to_guessing": lost})) == (
        f"loans@2 only guesses: nothing beat the baseline ({lost}); see: modeldeck show version loans@2"
    )


def test_only_a_baseline_that_won_over_others_only_guesses() -> None:
    dummy, trees = {"name": "dummy"}, {"name": "trees"}
    assert only_guesses({"candidates": [dummy, trees]})
    assert not any(only_guesses(told) for told in ({"candidates": [trees, dummy]}, {"candidates": [dummy]}, {}, None))


def test_a_running_job_is_told_to_stop_and_how_to_follow_it(line: Callable[..., Any], folder: Path) -> None:
    deck = deck_of_one_model(folder)
    with deck.database.write() as tx:
        job = jobs.enqueue(tx, kind="train", model="rates", args={}, actor="user:anna", settings_revision=1)
        jobs.claim(tx, job.id)
    said = line("jobs", "cancel", job.id)
    short = job.id[:16]
    assert (said.code, said.out) == (
        0,
        f"job {short}: told to stop; how it ends: modeldeck jobs logs {short} --follow\n",
    )
    assert jobs.cancelled_by(deck.database, job.id).startswith("user:")
    deck.database.close()


def test_whoever_followed_a_job_that_was_killed_is_told_how_to_begin_again() -> None:
    gone = replace(JOB, state="abandoned", reason="its process was killed by SIGKILL", exit_code=None)
    error = failure(gone)
    assert error is not None
    assert (error.exit_code, error.message) == (1, "train abandoned: its process was killed by SIGKILL")
    assert error.hint == "its log: modeldeck jobs logs 01a2; again: modeldeck train loans"


def test_every_kind_of_job_that_is_not_taken_up_by_itself_says_how_to_begin_it_again() -> None:
    args = {"version": 3, "threshold": 0.4, "host": "edge"}
    told = {
        kind: again(replace(JOB, kind=kind, state="abandoned", args=args))
        for kind, one in KINDS.items()
        if not one.resumable
    }
    ours = {"notify", "attribute"}  # asked for by the deck itself, which asks again
    assert {kind for kind, line in told.items() if not line} == ours
    for line in told.values():
        if line:
            assert parse(line.split()[1:]) is not None
