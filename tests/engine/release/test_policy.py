"""An alert takes a version back where the settings allow it, and does nothing else by itself."""

from __future__ import annotations

from typing import Any

import pytest

from engine.jobs import policy
from engine.jobs.reactions import react
from engine.monitoring.verdicts import Finding
from engine.release import submit_promote, submit_rollback
from store import alerts, events, releases


@pytest.fixture(name="promoted")
def v2_serves(serving):
    serving.run(submit_promote(serving.deck, serving.model, 2, actor="user:anna"))
    return serving


@pytest.fixture(name="alert")
def alert_of_a_finding(serving, model_settings):
    """Raise an alert as the monitor does, under a policy, and return what came of it."""

    def raise_it(
        version: int, name: str = "errors", severity: str = "critical", allowed: tuple[str, ...] = ("errors",)
    ):
        told: dict[str, Any] = {"version": version}
        finding = Finding(serving.model, name, f"{name}:{serving.model}@{version}", severity, f"v{version} fails", told)
        new = react(serving.deck, [finding], "trigger:monitor:rates", None)
        settings = model_settings(policy_rollback=allowed)
        return policy.heed(serving.deck, settings, [alerts.alert(serving.deck.database, one) for one in new])

    return raise_it


def test_a_critical_alert_rolls_back_and_the_record_says_who_and_why(promoted, alert):
    back = alert(2)
    assert (back.kind, back.state, back.actor) == ("rollback", "completed", "policy:rollback")
    assert "v2 fails" in back.reason
    assert promoted.champion() == 1
    told = [one.actor for one in events.events(promoted.deck.database) if one.subject_id == back.id]
    assert set(told) == {"policy:rollback"}


def test_without_policy_an_alert_is_only_an_alert(promoted, alert):
    assert alert(2, allowed=()) is None
    assert promoted.champion() == 2


@pytest.mark.parametrize(
    ("version", "name", "severity"), [(1, "errors", "critical"), (2, "drift", "critical"), (2, "errors", "warning")]
)
def test_another_version_another_finding_or_a_warning_moves_nothing(promoted, alert, version, name, severity):
    assert alert(version, name, severity) is None
    assert promoted.champion() == 2


def test_vanished_outcomes_are_no_data_and_move_nothing(promoted, alert):
    assert alert(2, "outcomes", allowed=("performance",)) is None
    assert promoted.champion() == 2


def test_an_alert_on_the_version_being_released_aborts_its_release(serving, alert):
    opened = submit_promote(serving.deck, serving.model, 2, actor="user:anna")
    stopped = alert(2)
    assert (stopped.id, stopped.state) == (opened.id, "aborted")
    assert serving.champion() == 1
    assert releases.active(serving.deck.database, serving.model) is None


def test_an_alert_on_the_champion_leaves_a_release_of_another_version_to_its_steps(serving, alert):
    opened = submit_promote(serving.deck, serving.model, 2, actor="user:anna")
    assert alert(1) is None
    assert releases.active(serving.deck.database, serving.model).id == opened.id


def test_policy_never_rolls_back_twice_in_a_row(promoted, alert, add_version):
    add_version()
    promoted.run(submit_promote(promoted.deck, promoted.model, 3, actor="user:anna"))
    promoted.run(alert(3))
    assert promoted.champion() == 2
    assert alert(2) is None
    assert promoted.champion() == 2


def test_nothing_to_go_back_to_leaves_the_alert_standing(promoted, alert):
    promoted.run(submit_rollback(promoted.deck, promoted.model, actor="user:anna"))
    assert alert(1) is None
    assert [one.key for one in alerts.alerts(promoted.deck.database)] == ["errors:rates@1"]
