"""Who has to say yes before a version takes traffic, what their yes is bound to, and what passes it over."""

from __future__ import annotations

import dataclasses

import pytest

from engine.access import Caller, Role
from engine.governance import approvals as governance
from engine.jobs.approval_clock import ApprovalClock
from engine.release import preview_promote, submit_promote
from engine.service.call import call
from engine.service.context import ServiceContext
from engine.settings.approvals import ApprovalSettings
from store import alerts, approvals, events, releases, versions
from store.errors import GateFailed, Held, NotAllowed, Refused, StaleBasis

ANNA, BEN, CARLA = "user:anna", "user:ben", "user:carla"


@pytest.fixture(name="asking")
def model_that_asks_for_two(serving, apply_settings, model_settings):
    """v1 serves, v2 is its challenger, and two people have to say yes."""
    gates = dataclasses.replace(model_settings().gates, approvals=ApprovalSettings(2))
    apply_settings(gates=gates)
    return serving


def version(stage, number=2):
    return versions.version(stage.deck.database, stage.model, number)


def request(stage, who=ANNA, number=2, reason="better on weekends"):
    with stage.deck.database.write() as tx:
        return governance.request(tx, version(stage, number), actor=who, reason=reason)[0]


def caller(who, role=Role.APPROVER):
    return Caller(who, role)


def grant(stage, who, role=Role.APPROVER, number=2, basis=""):
    with stage.deck.database.write() as tx:
        return governance.grant(tx, version(stage, number), caller(who, role), basis=basis)[0]


def approve(stage, number=2):
    request(stage, number=number)
    grant(stage, BEN, number=number)
    return grant(stage, CARLA, number=number)


def promote(stage, number=2, who=ANNA, **more):
    return submit_promote(stage.deck, stage.model, number, actor=who, **more)


def told(stage, noun="approval"):
    found = events.events(stage.deck.database, limit=500)
    return [(one.action, one.actor) for one in reversed(found) if one.action.startswith(f"{noun}.")]


def clock_looks(stage):
    """Let the clock of approvals look, some seconds later."""
    stage.clock.advance(6)
    return ApprovalClock(stage.deck).look()


def test_without_a_request_a_promotion_is_held_and_says_how_to_ask(asking):
    shown = preview_promote(asking.deck, asking.model, 2)
    assert shown.awaits
    assert shown.blocked == (
        "rates@2 needs 2 approvals, and none is requested; ask for it: modeldeck approvals request rates 2"
    )
    with pytest.raises(Held, match="needs 2 approvals"):
        promote(asking)
    assert releases.active(asking.deck.database, asking.model) is None


def test_with_every_grant_it_goes_and_the_release_names_who(asking):
    request(asking)
    assert grant(asking, BEN).state == "open"
    with pytest.raises(Held, match="rates@2 awaits approval: 1 of 2 granted, an approver may"):
        promote(asking)
    given = grant(asking, CARLA)
    assert given.state == "granted"
    plan = preview_promote(asking.deck, asking.model, 2).plan
    assert "approvals: granted by ben, carla" in plan.lines()[1]
    done = asking.run(promote(asking))
    assert done.state == "completed"
    step = next(one for one in releases.steps(asking.deck.database, done.id) if one.kind == "approvals")
    assert step.observed == {"asked": 2, "approval": given.id, "granted": [BEN, CARLA]}
    used = approvals.approval(asking.deck.database, given.id)
    assert (used.state, used.release_id) == ("used", done.id)
    assert told(asking) == [
        ("approval.requested", ANNA),
        ("approval.granted", BEN),
        ("approval.granted", CARLA),
        ("approval.used", ANNA),
    ]


def test_an_approval_lets_one_release_through_and_no_other(asking, add_version):
    approve(asking)
    asking.run(promote(asking))
    add_version()
    with pytest.raises(Held, match="rates@3 needs 2 approvals"):
        promote(asking, 3)


def test_nobody_grants_what_they_requested_whatever_their_role(asking):
    request(asking)
    with pytest.raises(NotAllowed, match="user:anna requested the approval of rates@2 and cannot grant it"):
        grant(asking, ANNA, Role.ADMIN)
    assert told(asking) == [("approval.requested", ANNA)]


def test_one_person_counts_once(asking):
    request(asking)
    assert grant(asking, BEN).asked == 2
    assert len(grant(asking, BEN).granted) == 1
    assert told(asking).count(("approval.granted", BEN)) == 1


def test_of_the_named_only_those_named_may(serving, apply_settings, model_settings):
    gates = dataclasses.replace(model_settings().gates, approvals=ApprovalSettings(1, users=("carla",)))
    apply_settings(gates=gates)
    request(serving)
    with pytest.raises(NotAllowed, match="user:ben may not grant the approval of rates@2: carla may"):
        grant(serving, BEN, Role.ADMIN)
    assert grant(serving, CARLA).state == "granted"


def test_where_admins_are_asked_an_approver_may_not(serving, apply_settings, model_settings):
    gates = dataclasses.replace(model_settings().gates, approvals=ApprovalSettings(1, "admin"))
    apply_settings(gates=gates)
    request(serving)
    with pytest.raises(NotAllowed, match="an admin may"):
        grant(serving, BEN, Role.APPROVER)
    assert grant(serving, BEN, Role.ADMIN).state == "granted"


def test_new_settings_of_the_model_take_a_granted_approval_away(asking, apply_settings, model_settings):
    approve(asking)
    gates = dataclasses.replace(model_settings().gates, approvals=ApprovalSettings(2))
    apply_settings(gates=gates, owner="someone else")
    with pytest.raises(Held, match="has lapsed: the settings of rates have changed since it was requested"):
        promote(asking)
    with pytest.raises(Refused, match="has lapsed"):
        grant(asking, "user:dora")
    assert clock_looks(asking) != []
    assert clock_looks(asking) == []
    assert told(asking)[-1] == ("approval.lapsed", "trigger:approvals")
    with pytest.raises(Held, match="has lapsed: the settings"):
        promote(asking)
    assert request(asking).state == "open"


def test_another_champion_takes_an_approval_away(asking, add_version):
    add_version()
    approve(asking, 3)
    approve(asking, 2)
    asking.run(promote(asking, 2))
    with pytest.raises(Held, match="the champion of rates has moved since it was requested"):
        promote(asking, 3)


def test_other_evidence_takes_an_approval_away(asking):
    given = approve(asking)
    with asking.deck.database.write() as tx:  # an edited card, a swapped artifact: whatever speaks for it is another
        tx.execute("UPDATE approval SET evidence_hash = :other WHERE id = :id", {"other": "0" * 64, "id": given.id})
    with pytest.raises(Held, match="the evidence of v2 is another than when it was requested"):
        promote(asking)


def test_a_forged_or_stale_basis_grants_nothing(asking):
    request(asking)
    with pytest.raises(StaleBasis):
        grant(asking, BEN, basis="0" * 64)
    shown = call(context(asking, BEN), "approvals.preview_grant", {"model": "rates", "version": 2})
    grant(asking, CARLA)
    with pytest.raises(StaleBasis):
        grant(asking, BEN, basis=shown.basis)
    assert told(asking)[1:] == [("approval.granted", CARLA)]


def test_granting_ones_own_request_or_by_a_forged_basis_is_on_record_with_why(asking):
    request(asking)
    body = {"model": "rates", "version": 2}
    with pytest.raises(NotAllowed):
        call(context(asking, ANNA, Role.ADMIN), "approvals.grant", body)
    with pytest.raises(StaleBasis):
        call(context(asking, BEN), "approvals.grant", {**body, "basis": "f" * 64})
    found = [one for one in events.events(asking.deck.database) if one.action == "access.refused"]
    assert [(one.actor, one.subject_id, one.reason) for one in reversed(found)] == [
        (ANNA, "approvals.grant", "user:anna requested the approval of rates@2 and cannot grant it"),
        (BEN, "approvals.grant", "this changed since you looked"),
    ]
    assert told(asking) == [("approval.requested", ANNA)]


def test_a_refusal_needs_a_reason_and_ends_the_request(asking):
    request(asking)
    with asking.deck.database.write() as tx, pytest.raises(Refused, match="needs a reason"):
        governance.refuse(tx, version(asking), caller(BEN), reason=" ")
    with asking.deck.database.write() as tx:
        governance.refuse(tx, version(asking), caller(BEN), reason="slices are worse")
    with pytest.raises(Held, match="the approval of rates@2 was refused by user:ben: slices are worse"):
        promote(asking)
    with pytest.raises(Refused, match="no approval of rates@2 is requested"):
        grant(asking, CARLA)


def test_a_grant_taken_back_opens_the_request_again(asking):
    approve(asking)
    with asking.deck.database.write() as tx:
        after = governance.withdraw(tx, version(asking), caller(CARLA), reason="look at Sunday first")
    assert (after.state, [one.actor for one in after.granted]) == ("open", [BEN])
    with pytest.raises(Held, match="1 of 2 granted"):
        promote(asking)
    with asking.deck.database.write() as tx, pytest.raises(Refused, match="neither requested nor granted"):
        governance.withdraw(tx, version(asking), caller("user:dora"))
    with asking.deck.database.write() as tx:
        assert governance.withdraw(tx, version(asking), caller(ANNA)).state == "withdrawn"


def test_a_grant_taken_back_after_the_release_was_opened_stops_it_before_anything_starts(asking):
    approve(asking)
    opened = promote(asking)
    with asking.deck.database.write() as tx:
        governance.withdraw(tx, version(asking), caller(CARLA))
    done = asking.run(opened)
    assert (done.state, done.evidence["cause"]) == ("failed", "gate")
    assert "the approval is open: 1 of 2 granted" in done.detail
    assert asking.champion() == 1
    from engine.release import ending_error

    assert isinstance(ending_error(done), GateFailed)


def test_an_emergency_passes_approvals_over_loudly_and_asks_for_a_second_look(asking):
    shown = preview_promote(asking.deck, asking.model, 2, emergency=True)
    assert "needs a reason" in shown.blocked
    done = asking.run(promote(asking, emergency=True, reason="the champion refuses every request"))
    assert (done.state, asking.champion()) == ("completed", 2)
    (look,) = approvals.approvals(asking.deck.database)
    assert (look.kind, look.version, look.release_id) == ("second look", 2, done.id)
    assert look.due_at == look.requested_at + 24 * 3_600_000_000
    (alert,) = alerts.alerts(asking.deck.database)
    assert (alert.severity, alert.title) == ("warning", "rates@2 took traffic without approval, by anna")
    with pytest.raises(NotAllowed, match="cannot grant it"):
        grant(asking, ANNA, Role.ADMIN)
    given = call(context(asking, BEN), "approvals.grant", {"model": "rates", "version": 2})
    assert given.state == "granted"
    assert alerts.alerts(asking.deck.database) == []


def test_a_second_look_that_nobody_takes_becomes_critical_once(asking):
    asking.run(promote(asking, emergency=True, reason="on fire"))
    assert clock_looks(asking) == []
    asking.clock.advance(24 * 3600)
    assert len(clock_looks(asking)) == 1
    assert clock_looks(asking) == []
    (alert,) = alerts.alerts(asking.deck.database)
    assert alert.severity == "critical"
    assert "nobody looked at rates@2" in alert.title
    assert told(asking, "alert")[-1][0] == "alert.escalated"


def test_a_second_look_that_says_no_is_critical_and_names_the_way_back(asking):
    asking.run(promote(asking, emergency=True, reason="on fire"))
    body = {"model": "rates", "version": 2, "reason": "it was the network"}
    assert call(context(asking, BEN), "approvals.refuse", body).state == "refused"
    (alert,) = alerts.alerts(asking.deck.database)
    assert alert.severity == "critical"
    assert alert.title.endswith("says no: modeldeck rollback rates")


def test_an_emergency_is_for_approvers_and_for_models_that_ask(asking, apply_settings):
    body = {"model": "rates", "version": 2, "reason": "now", "emergency": True, "basis": "x"}
    with pytest.raises(NotAllowed, match="an approver may"):
        call(context(asking, BEN, Role.OPERATOR), "releases.promote", body)
    assert told(asking, "access")[-1] == ("access.refused", BEN)
    apply_settings()
    with pytest.raises(Refused, match="asks for no approvals: promote it without --emergency"):
        promote(asking, emergency=True, reason="now")


def test_a_model_that_asks_for_none_has_nothing_to_request(serving):
    with pytest.raises(Refused, match="rates asks for no approvals"):
        request(serving)


def test_a_rollback_asks_nobody(asking):
    from engine.release import submit_rollback

    approve(asking)
    asking.run(promote(asking))
    asking.run(submit_rollback(asking.deck, asking.model, actor=ANNA))
    assert asking.champion() == 1


def test_what_is_to_be_granted_is_shown_with_its_differences_and_who_said_yes(asking):
    request(asking)
    grant(asking, CARLA)
    shown = call(context(asking, BEN), "approvals.preview_grant", {"model": "rates", "version": 2})
    assert shown.plan.summary == ("rates: approval of v2, granted by user:carla")
    assert shown.plan.lines() == [
        "1. grant 2 of 2 of the approval of v2, asked by user:anna: better on weekends",
        "2. it may be promoted; nothing moves by itself",
    ]
    assert {one.name for one in shown.plan.differences} >= {"version", "snapshot"}
    assert {one.name for one in shown.plan.checks} >= {"mae"}
    again = call(context(asking, CARLA), "approvals.preview_grant", {"model": "rates", "version": 2})
    assert again.already == "already granted by you: rates@2"


def test_a_dry_run_of_a_change_keeps_nothing(asking):
    body = {"model": "rates", "version": 2, "dry_run": True}
    assert call(context(asking, ANNA), "approvals.request", body).state == "open"
    assert approvals.approvals(asking.deck.database) == []


def context(stage, who, role=Role.APPROVER):
    return ServiceContext(stage.deck, caller(who, role))


def test_a_granted_approval_does_not_hide_the_second_look_of_the_same_version(serving, apply_settings, model_settings):
    gates = dataclasses.replace(model_settings().gates, approvals=ApprovalSettings(1))
    apply_settings(gates=gates)
    serving.rate = 0.0  # held, so that the version is not champion yet
    promote(serving, emergency=True, reason="v1 refuses every request")
    request(serving)
    grant(serving, BEN)
    look = next(one for one in approvals.approvals(serving.deck.database) if one.kind == "second look")
    given = grant(serving, BEN)
    assert (given.id, given.kind, given.state) == (look.id, "second look", "granted")


def test_an_approved_version_needs_no_emergency(asking):
    approve(asking)
    with pytest.raises(Refused, match="rates@2 is approved already: promote it without --emergency"):
        promote(asking, emergency=True, reason="hurry")
