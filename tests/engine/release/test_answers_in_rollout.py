"""A rollout that looks at answers and outcomes: abort, hold for a person, on record either way."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from engine.release import resume, submit_promote
from engine.release.answers import Answers
from engine.settings.model import DeploySettings, JudgeSettings, RolloutStep
from store import releases

DEPLOY = DeploySettings(min_samples=200, max_wait_s=20.0, rollout=(RolloutStep(50), RolloutStep(100)))


def answering(value: Callable[[int], float]) -> Callable[[str, int], Answers]:
    """Answer row i with `value(i)`, each row a request of its own."""

    def answers(deployment: str, rows: int) -> Answers:
        ids = tuple(f"{deployment}-{number}" for number in range(rows))
        return Answers(ids, ids, {"value": tuple(value(number) for number in range(rows))})

    return answers


def usual(number: int) -> float:
    return 100.0 + (number * 37) % 60


def promote(stage: Any) -> Any:
    return stage.run(submit_promote(stage.deck, stage.model, 2, actor="user:anna"))


def seen_at(stage: Any, release: Any, weight: int) -> Any:
    return next(one for one in releases.steps(stage.deck.database, release.id) if one.args.get("weight") == weight)


@pytest.fixture(name="answering_stage")
def stage_with_answers(serving, apply_settings):
    apply_settings(deploy=DEPLOY)
    serving.answers = {1: answering(usual), 2: answering(usual)}
    return serving


def test_answers_that_are_alike_pass_and_the_record_says_what_was_ruled_out(answering_stage):
    done = promote(answering_stage)
    assert done.state == "completed"
    told = seen_at(answering_stage, done, 50).observed["predictions"]
    assert told["verdict"] in ("passed", "inconclusive")
    assert 0.0 == told["low"] <= told["apart"] < told["high"]
    assert [one["look"] for one in told["looks"]] == list(range(1, told["look"] + 1))
    assert seen_at(answering_stage, done, 50).observed["metric"]["detail"] == "no outcomes have come"


def test_absurd_answers_abort_and_the_champion_has_the_traffic(answering_stage):
    answering_stage.answers[2] = answering(lambda number: 2 * usual(number))
    done = promote(answering_stage)
    assert done.state == "aborted"
    assert done.detail.startswith("at 50 %: answers: 100 % of value moved by more than ")
    assert answering_stage.route() == [(1, 100, "champion")]
    assert seen_at(answering_stage, done, 50).observed["predictions"]["verdict"] == "failed"


def test_a_difference_that_is_meant_is_held_for_a_person_and_goes_on_once_resumed(answering_stage, apply_settings):
    apply_settings(deploy=dataclasses.replace(DEPLOY, judge=JudgeSettings(then="hold")))
    answering_stage.answers[2] = answering(lambda number: 2 * usual(number))
    held = promote(answering_stage)
    assert (held.state, held.verdict) == ("held", "inconclusive")
    assert held.detail.endswith("is this difference meant?")
    assert seen_at(answering_stage, held, 50).verdict == "inconclusive"
    again = resume(answering_stage.deck, answering_stage.model, reason="prices doubled", actor="user:berta")
    done = answering_stage.run(again)
    assert (done.state, answering_stage.champion()) == ("completed", 2)
    assert seen_at(answering_stage, done, 100).observed["predictions"]["verdict"] == "failed"  # told, not acted upon


def test_settings_may_say_that_answers_are_not_judged(answering_stage, apply_settings):
    apply_settings(deploy=dataclasses.replace(DEPLOY, judge=JudgeSettings(predictions=None)))
    answering_stage.answers[2] = answering(lambda number: 2 * usual(number))
    done = promote(answering_stage)
    assert done.state == "completed"
    assert "predictions" not in seen_at(answering_stage, done, 50).observed


def test_what_looks_wrong_and_is_never_certain_waits_then_is_held_as_inconclusive(answering_stage):
    answering_stage.rate = 20.0  # 200 rows of each in 20 s
    answering_stage.answers[2] = answering(lambda number: usual(number) * (10 if (number * 37) % 100 < 42 else 1))
    held = promote(answering_stage)
    assert (held.state, held.verdict) == ("held", "inconclusive")
    assert "it may be" in held.detail


def test_outcomes_that_show_a_worse_metric_abort_and_few_say_nothing(answering_stage):
    class Truth(dict):
        def __contains__(self, _id: object) -> bool:
            return True

        def __missing__(self, name: str) -> float:
            return usual(int(name.rpartition("-")[2])) + 10.0

    answering_stage.outcomes = Truth()
    answering_stage.answers[2] = answering(lambda number: usual(number) - 8.0)  # no other world, but more wrong
    done = promote(answering_stage)
    assert done.state == "aborted"
    assert done.detail.startswith("at 50 %: outcomes: mae 18 on ")
    told = seen_at(answering_stage, done, 50).observed["metric"]
    assert (told["verdict"], told["new"], told["champion"]) == ("failed", 18.0, 10.0)
