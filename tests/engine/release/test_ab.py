"""An A/B: a fixed split, a report of both arms, and a person's decision."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from with_servers import Callers, run, wait_until

from engine.release import abort, ending_error, preview_promote, submit_promote
from engine.release.answers import Answers
from engine.release.judge import Live
from engine.release.report import report, says
from engine.settings.model import DeploySettings, GateSettings, JudgeSettings, SplitSettings
from store import deployments, events, releases
from store.errors import Held, Refused, StaleBasis

AB = DeploySettings(min_samples=50, max_wait_s=20.0, strategy="ab", split=SplitSettings(40, 30.0))


def answering(value: Callable[[int], float]) -> Callable[[str, int], Answers]:
    def answers(deployment: str, rows: int) -> Answers:
        ids = tuple(f"{deployment}-{number}" for number in range(rows))
        return Answers(ids, ids, {"value": tuple(value(number) for number in range(rows))})

    return answers


@pytest.fixture(name="split")
def stage_that_splits(serving, apply_settings):
    apply_settings(deploy=AB)
    serving.answers = {
        1: answering(lambda number: 100.0 + number * 37 % 60),
        2: answering(lambda number: 102.0 + number * 37 % 60),
    }
    return serving


def promote(stage: Any, **given: Any) -> Any:
    return submit_promote(stage.deck, stage.model, 2, actor="user:anna", **given)


def ab_step(stage: Any, release: Any) -> Any:
    return next(one for one in releases.steps(stage.deck.database, release.id) if one.kind == "ab")


def test_the_plan_has_one_split_and_says_who_decides(split):
    lines = preview_promote(split.deck, split.model, 2).plan.lines()
    assert "7. A/B: 40 % of traffic to v2 for 30s; then held, for a person to promote or abort" in lines
    assert not [line for line in lines if "% of traffic to v2, until" in line]


def test_an_ab_keeps_its_split_and_is_held_with_its_report(split):
    held = split.run(promote(split))
    assert (held.state, held.verdict) == ("held", "to decide")
    assert split.route() == [(1, 60, "champion"), (2, 40, "challenger")]
    step = ab_step(split, held)
    assert (step.state, step.verdict) == ("held", "to decide")
    arms = step.observed["arms"]
    assert arms["new"]["rows"] / arms["champion"]["rows"] == pytest.approx(40 / 60, rel=0.01)
    assert arms["difference"]["value"]["difference"] == pytest.approx(2.0, abs=0.2)
    assert held.detail.endswith("no outcomes have come: mae says nothing")
    error = ending_error(held)
    assert isinstance(error, Held)
    assert "modeldeck promote rates 2, or: modeldeck releases abort rates" in (error.hint or "")


def test_an_operator_promotes_what_the_ab_spoke_for(split):
    held = split.run(promote(split))
    shown = preview_promote(split.deck, split.model, 2)
    assert not shown.blocked
    assert shown.plan.summary == "rates: the A/B is decided for v2 on local"
    assert [step.kind for step in shown.plan.steps] == ["alias", "drain", "record"]
    decided = promote(split, basis=shown.basis, reason="cheaper by two")
    assert decided.id == held.id
    done = split.run(decided)
    assert (done.state, split.champion()) == ("completed", 2)
    assert ab_step(split, done).observed["resume_reason"] == "cheaper by two"
    assert events.verify(split.deck.database).ok


def test_a_decision_on_a_plan_of_before_the_end_is_stale_and_another_version_is_refused(split, add_version):
    early = preview_promote(split.deck, split.model, 2)
    split.run(promote(split))
    with pytest.raises(StaleBasis):
        promote(split, basis=early.basis)
    add_version()
    with pytest.raises(Refused):
        submit_promote(split.deck, split.model, 3, actor="user:anna")


def test_an_ab_that_is_aborted_gives_the_champion_everything(split):
    split.run(promote(split))
    split.run(abort(split.deck, split.model, reason="no better", actor="user:anna"))
    assert split.route() == [(1, 100, "champion")]


def test_a_sample_ends_an_ab_before_its_time(split, apply_settings):
    apply_settings(deploy=dataclasses.replace(AB, split=SplitSettings(50, 3600.0, 400)))
    held = split.run(promote(split))
    assert held.verdict == "to decide"
    assert 400 <= ab_step(split, held).observed["new"]["rows"] < 600


def test_an_ab_waits_for_rows_of_both_arms_to_come_home(split, apply_settings):
    apply_settings(deploy=dataclasses.replace(AB, split=SplitSettings(50, 3600.0, 400)))
    split.late_s = {1: 20.0}
    step = ab_step(split, split.run(promote(split)))
    assert step.observed["champion"]["rows"] >= AB.min_samples
    assert step.observed["new"]["rows"] > 1000


def test_an_ab_in_which_one_arm_told_nothing_is_no_data(split):
    split.late_s = {1: 3600.0}
    held = split.run(promote(split))
    assert (held.state, held.verdict) == ("held", "no data")


def test_harm_ends_an_ab_at_once(split):
    split.error_rates = {2: 0.3}
    done = split.run(promote(split))
    assert done.state == "aborted"
    assert done.detail.startswith("in the A/B: errors: ")
    assert split.route() == [(1, 100, "champion")]


def test_a_difference_that_is_held_elsewhere_is_what_a_person_decides_on_here(split, apply_settings):
    split.answers[2] = answering(lambda number: 1000.0)
    assert split.run(promote(split)).state == "aborted"
    apply_settings(deploy=dataclasses.replace(AB, judge=JudgeSettings(then="hold")))
    held = split.run(promote(split))
    assert held.verdict == "to decide"
    assert ab_step(split, held).observed["predictions"]["verdict"] == "failed"


def test_an_ab_without_rows_says_that_there_is_no_data(split):
    split.rate = 0.0
    held = split.run(promote(split))
    assert (held.state, held.verdict) == ("held", "no data")


def test_outcomes_tell_which_arm_is_better(split):
    class Known(dict):
        def __contains__(self, _id: object) -> bool:
            return True

        def __missing__(self, name: str) -> float:
            return 102.0 + int(name.rpartition("-")[2]) * 37 % 60

    split.outcomes = Known()
    decided = split.run(promote(split))
    assert decided.detail.endswith("mae -2 (-2 to -2): v2 is better")
    assert ab_step(split, decided).observed["arms"]["new"]["metric"]["value"] == 0.0


def test_labels_are_told_as_shares_with_the_interval_of_their_difference():
    ids = tuple(str(number) for number in range(400))
    arms = [Answers(ids, ids, {}, ("yes",) * hits + ("no",) * (400 - hits)) for hits in (120, 80)]
    told = report(Live(400, 0, answers=arms[0]), Live(400, 0, answers=arms[1]), (None, None), "accuracy")
    yes = told["difference"]["share of yes"]
    assert (yes["difference"], round(yes["low"], 3), round(yes["high"], 3)) == (pytest.approx(0.1), 0.04, 0.159)
    assert says(told, 2, "accuracy", better_is_more=True).endswith("accuracy says nothing")


@pytest.mark.e2e
def test_an_ab_on_real_servers_is_sticky_by_key(live, host, add_real, stage_parts, model_settings):
    deploy = dataclasses.replace(AB, hosts=(host.name,), min_samples=20, split=SplitSettings(50, 60.0, 40))
    settings = model_settings(gates=GateSettings(), deploy=deploy)
    stage_parts.apply(live, settings, host=host)
    add_real(1.0)
    assert run(live, submit_promote(live, settings.name, 1, actor="user:anna")).state == "completed"
    add_real(1.05)
    address = deployments.endpoint(live.database, settings.name).addresses[host.name]
    callers = Callers(address)
    try:
        held = run(live, submit_promote(live, settings.name, 2, actor="user:anna"))
        assert (held.state, held.verdict) == ("held", "to decide"), held.detail
        by_key = {key: {callers.version_for(key) for _ in range(5)} for key in (f"guest-{n}" for n in range(24))}
        assert all(len(seen) == 1 for seen in by_key.values())
        assert {next(iter(seen)) for seen in by_key.values()} == {1, 2}
        arms = next(s for s in releases.steps(live.database, held.id) if s.kind == "ab").observed["arms"]
        assert min(arms["new"]["rows"], arms["champion"]["rows"]) >= 20
        assert arms["difference"]["value"]["difference"] == pytest.approx(0.1)
        done = run(live, submit_promote(live, settings.name, 2, reason="decided", actor="user:anna"))
        assert (done.state, done.detail) == ("completed", "")
        wait_until(lambda: callers.answers[200, 2] > 50)
    finally:
        callers.close()
    assert {status for status, _ in callers.answers} == {200}
