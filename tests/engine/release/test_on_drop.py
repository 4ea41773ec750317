"""A champion that really dropped below its predecessor is taken back; forward goes only a release with its gates."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from engine.jobs import promoting
from engine.jobs.drop import drop, heed_drop
from engine.release import submit_promote
from engine.settings.model import DeploySettings, JudgeSettings
from engine.settings.retrain import RetrainSettings
from store import alerts, events, jobs, releases, watching
from store.rows import Window

ON_DROP = RetrainSettings(rollback="on-drop")
GATED = RetrainSettings(promote="when-gates-pass")


def window(version, value, *, half=1.0, n=300, day=0, metric="mae", model="rates"):
    figures = {"value": value, "low": value - half, "high": value + half, "n": n, "note": ""}
    at = day * 86_400_000_000
    return Window(
        f"w{version}.{day}", model, model, version, at, at + 86_400_000_000, 1, "ok", n, 0, None, None, 1.0,
        {metric: figures}, (), at,
    )  # fmt: skip


@pytest.fixture(name="promoted")
def v2_serves(serving):
    serving.run(submit_promote(serving.deck, serving.model, 2, actor="user:anna"))
    return serving


@pytest.fixture(name="look")
def look_with_windows(serving, model_settings):
    """Keep windows as the monitor does, and heed those of `now`."""

    def look(before, now, retrain=ON_DROP):
        with serving.deck.database.write() as tx:
            kept = [watching.put_window(tx, one) for one in (*before, *now)]
        return heed_drop(serving.deck, model_settings(retrain=retrain), kept[len(before) :], None)

    return look


BEFORE = [window(1, 10.0 + day % 3, day=day) for day in range(12)]  # the worst end is 13


def test_a_real_drop_goes_back_at_once_and_leaves_alert_event_and_evidence(promoted, look):
    back = look(BEFORE, [window(2, 16.0, day=20)])
    assert (back.kind, back.state, back.actor) == ("rollback", "completed", "policy:rollback")
    assert promoted.champion() == 1
    [alert] = alerts.alerts(promoted.deck.database)
    assert (alert.key, alert.severity) == ("drop:rates@2", "critical")
    evidence = alert.evidence
    assert (evidence["version"], evidence["former"], evidence["metric"], evidence["value"]) == (2, 1, "mae", 16.0)
    assert (evidence["worst"], evidence["usual"], evidence["ratio"]) == (13.0, 11.0, pytest.approx(16 / 11, abs=0.001))
    assert len(evidence["former_windows"]) == 10
    assert alert.title == "v2 mae 16 (15 to 17), beyond v1's worst 13; 300 labels"
    told = [one.actor for one in events.events(promoted.deck.database) if one.subject_id in (back.id, alert.id)]
    assert set(told) == {"policy:rollback"}
    assert alert.id[:12] in back.reason


@pytest.mark.parametrize(
    ("before", "now", "retrain"),
    [
        (BEFORE, window(2, 16.0, day=20), RetrainSettings()),  # nobody asked for it
        (BEFORE, window(2, 13.5, day=20), ON_DROP),  # its interval reaches into theirs
        (BEFORE, window(2, 16.0, n=20, day=20), ON_DROP),  # too few outcomes
        ([], window(2, 16.0, day=20), ON_DROP),  # the predecessor has no evidence of its own
        ([window(1, 10.0, n=20)], window(2, 16.0, day=20), ON_DROP),
        ([window(1, 10.0, half=0.1)], window(2, 10.5, half=0.1, day=20), ON_DROP),  # beyond, and not a tenth
        (BEFORE, window(1, 40.0, day=20), ON_DROP),  # a window of another version than the champion
    ],
)
def test_anything_less_moves_nothing(promoted, look, before, now, retrain):
    assert look(before, [now], retrain) is None
    assert promoted.champion() == 2
    assert alerts.alerts(promoted.deck.database) == []


def test_it_never_goes_back_twice_in_a_row(promoted, look, add_version):
    add_version()
    promoted.run(submit_promote(promoted.deck, promoted.model, 3, actor="user:anna"))
    before = [*BEFORE, *(window(2, 10.0, day=day) for day in range(20, 24))]
    promoted.run(look(before, [window(3, 20.0, day=30)]))
    assert promoted.champion() == 2
    assert look([], [window(2, 30.0, day=40)]) is None
    assert promoted.champion() == 2


def test_a_metric_of_which_more_is_better_drops_downwards():
    before = [window(1, 0.9, half=0.02, metric="accuracy")]
    assert drop("accuracy", window(2, 0.7, half=0.02, metric="accuracy"), before, 100)["worst"] == pytest.approx(0.88)
    assert drop("accuracy", window(2, 0.97, half=0.02, metric="accuracy"), before, 100) == {}


def test_the_number_of_labels_asked_is_that_of_the_judge(promoted, model_settings):
    settings = model_settings(retrain=ON_DROP, deploy=DeploySettings(judge=JudgeSettings(labels=1000)))
    with promoted.deck.database.write() as tx:
        kept = [watching.put_window(tx, one) for one in (*BEFORE, window(2, 16.0, day=20))]
    assert heed_drop(promoted.deck, settings, kept[-1:], None) is None


# forward


@pytest.fixture(name="after")
def after_a_training(serving, apply_settings, add_version):
    """What becomes of the next version after a training by an actor, under a policy."""

    def trained(actor="trigger:retrain:rates", retrain=GATED):
        apply_settings(retrain=retrain)
        with serving.deck.database.write() as tx:
            why = {} if actor.startswith("user:") else {"why": {"trigger": "drift", "evidence": {}}}
            job = jobs.enqueue(tx, kind="train", model="rates", actor=actor, args=why)
        context = SimpleNamespace(deck=serving.deck, job=job, fence=None)
        return promoting.after_training(context, add_version())

    return trained


def test_policy_opens_a_release_that_its_gates_decide(serving, after):
    found = after()
    release = releases.release(serving.deck.database, found["release"])
    assert (release.kind, release.to_version, release.actor) == ("promote", 3, "policy:retrain")
    assert release.reason.startswith("trained upon drift, job ")
    assert serving.run(release).state == "completed"
    assert serving.champion() == 3


def test_a_gate_that_fails_leaves_the_champion(serving, after):
    from engine.plans import Check

    serving.gate_checks = [Check("mae", "failed", "40", "at most 30")]
    release = releases.release(serving.deck.database, after()["release"])
    assert serving.run(release).state != "completed"
    assert serving.champion() == 1


@pytest.mark.parametrize(("actor", "retrain"), [("user:anna", GATED), ("trigger:retrain:rates", RetrainSettings())])
def test_what_a_person_asked_for_or_no_policy_covers_stays_a_challenger(serving, after, actor, retrain):
    assert after(actor, retrain) == {}
    assert releases.active(serving.deck.database, "rates") is None


def test_a_version_that_is_compared_as_a_shadow_waits_for_a_person_where_policy_does_not_promote(serving, after):
    found = after(retrain=RetrainSettings(compare="shadow"))
    release = releases.release(serving.deck.database, found["release"])
    assert release.actor == "policy:retrain"
    held = serving.run(release)
    assert (held.state, held.verdict) == ("held", "to decide")
    assert serving.champion() == 1
    assert after(actor="user:anna", retrain=RetrainSettings(compare="shadow")) == {}


def test_one_that_policy_promotes_is_a_shadow_first(serving, after):
    found = after(retrain=RetrainSettings(compare="shadow", promote="when-gates-pass"))
    done = serving.run(releases.release(serving.deck.database, found["release"]))
    assert (done.state, serving.champion()) == ("completed", 3)
    assert ((1, 100), (3, 0)) in serving.weights_seen


def test_a_release_under_way_is_told_and_on_record(serving, after):
    submit_promote(serving.deck, serving.model, 2, actor="user:anna")
    assert "a release of rates is open" in after()["not_promoted"]
    told = next(one for one in events.events(serving.deck.database) if one.action == "promotion.refused")
    assert (told.actor, told.subject_id) == ("policy:retrain", "rates@3")


def test_a_first_release_is_a_persons(stage, apply_settings, add_version):
    apply_settings(retrain=GATED)
    with stage.deck.database.write() as tx:
        job = jobs.enqueue(tx, kind="train", model="rates", actor="schedule:retrain:rates")
    context = SimpleNamespace(deck=stage.deck, job=job, fence=None)
    assert "its first release is a person's" in promoting.after_training(context, add_version())["not_promoted"]
    assert releases.releases(stage.deck.database) == []
