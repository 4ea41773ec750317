"""What is tried against approvals, cards and the record is refused in one line, and is on record itself."""

from __future__ import annotations

import dataclasses

import pytest

from engine.access import Caller, Role
from engine.release import submit_promote
from engine.service.call import call
from engine.service.context import ServiceContext
from engine.settings.approvals import ApprovalSettings
from store import events
from store.errors import CorruptArtifact, Held, NotAllowed, Refused, StaleBasis

ANNA, BEN = "user:anna", "user:ben"


@pytest.fixture(name="asking")
def model_that_asks(serving, apply_settings, model_settings):
    """v1 serves, v2 is its challenger, and somebody has to say yes."""
    apply_settings(gates=dataclasses.replace(model_settings().gates, approvals=ApprovalSettings(1)))
    return serving


def ask(stage, operation, who=ANNA, role=Role.APPROVER, read_only=False, **body):
    return call(ServiceContext(stage.deck, Caller(who, role, read_only=read_only)), operation, body)


def refusals(stage):
    """Return (action, who, what was asked, why) of each refusal, oldest first."""
    found = [one for one in events.events(stage.deck.database) if one.action in REFUSALS]
    return [(one.action, one.actor, one.subject_id, one.reason) for one in reversed(found)]


def remove_the_third_event(stage):
    """Do what somebody does who may write the registry's file."""
    with stage.deck.database.write() as tx:
        tx.execute("DROP TRIGGER event_not_deleted")
        tx.execute("DELETE FROM event WHERE seq = 3")


REFUSALS = ("access.refused", "request.refused", "audit.failed")


def test_approving_ones_own_change(asking):
    ask(asking, "approvals.request", model="rates", version=2)
    with pytest.raises(NotAllowed) as caught:
        ask(asking, "approvals.grant", model="rates", version=2)
    assert "\n" not in caught.value.line()
    why = "user:anna requested the approval of rates@2 and cannot grant it"
    assert refusals(asking) == [("access.refused", ANNA, "approvals.grant", why)]


def test_a_stale_approval_neither_granted_nor_promoted_by(asking, apply_settings, model_settings):
    ask(asking, "approvals.request", model="rates", version=2)
    ask(asking, "approvals.grant", BEN, model="rates", version=2)
    limits = {"mae": dataclasses.replace(model_settings().gates.limits["mae"], max=29.0)}
    gates = dataclasses.replace(model_settings().gates, approvals=ApprovalSettings(1), limits=limits)
    apply_settings(gates=gates)
    with pytest.raises(Held, match="has lapsed"):
        ask(asking, "releases.promote", model="rates", version=2, basis="x")
    with pytest.raises(Refused, match="has lapsed"):
        ask(asking, "approvals.grant", BEN, model="rates", version=2)
    why = "the approval of rates@2 has lapsed: the settings of rates have changed since it was requested"
    assert refusals(asking) == [
        ("request.refused", ANNA, "releases.promote", why),
        ("access.refused", BEN, "approvals.grant", why),
    ]


def test_a_forged_basis_of_evidence(asking):
    ask(asking, "approvals.request", model="rates", version=2)
    with pytest.raises(StaleBasis):
        ask(asking, "approvals.grant", BEN, model="rates", version=2, basis="f" * 64)
    ask(asking, "approvals.grant", BEN, model="rates", version=2)
    with pytest.raises(StaleBasis):
        ask(asking, "releases.promote", model="rates", version=2, basis="f" * 64)
    assert [one[:3] for one in refusals(asking)] == [
        ("access.refused", BEN, "approvals.grant"),
        ("request.refused", ANNA, "releases.promote"),
    ]


def test_an_edited_card(serving):
    done = serving.run(submit_promote(serving.deck, "rates", 2, actor=ANNA))
    path = serving.deck.artifacts.path(done.evidence["card"])
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b"rates@2", b"rates@9"))
    with pytest.raises(CorruptArtifact) as caught:
        ask(serving, "cards.show", BEN, Role.VIEWER, model="rates", version=2, since=done.id)
    assert refusals(serving) == [("request.refused", BEN, "cards.show", caught.value.message)]


def test_an_event_removed_from_the_middle(serving):
    assert ask(serving, "audit.verify").ok
    assert refusals(serving) == []
    remove_the_third_event(serving)
    found = ask(serving, "audit.verify", BEN, Role.VIEWER)
    assert (found.ok, found.broken_seq) == (False, 3)
    assert refusals(serving) == [("audit.failed", BEN, "audit.verify", found.detail)]
    assert ask(serving, "audit.verify").broken_seq == 3  # what was written since does not mend it


def test_what_a_read_only_session_finds_leaves_nothing(serving):
    remove_the_third_event(serving)
    assert not ask(serving, "audit.verify", read_only=True).ok
    assert refusals(serving) == []


def test_a_file_that_its_callers_program_refused_is_on_record_as_their_word(serving):
    why = "v1.bundle is not to be trusted: server/model.skops is not what was signed"
    ask(serving, "audit.refused", what="bundle", name="v1.bundle", why=why)
    ask(serving, "audit.refused", BEN, what="folder", name="-\x1b[2J", why="x" * 1000)
    with pytest.raises(Refused, match="no file of kind 'disk'"):
        ask(serving, "audit.refused", what="disk", name="x", why="y")
    with pytest.raises(NotAllowed):
        ask(serving, "audit.refused", role=Role.VIEWER, what="bundle", name="x", why="y")
    assert refusals(serving)[0] == ("request.refused", ANNA, "bundle.begin", why)
    second = refusals(serving)[1]
    assert second[:3] == ("request.refused", BEN, "deck.apply_folder")
    assert second[3].startswith("-?[2J: xxx")
    assert len(second[3]) == 400
