"""What is said in one line of a job's end."""

from __future__ import annotations

from dataclasses import replace

from console.commands.operation import job_line
from console.render.models import only_guesses
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
