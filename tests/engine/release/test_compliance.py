"""What is on record of a version, and what is missing with what fills it."""

from __future__ import annotations

import pytest

from engine.access import Caller, Role
from engine.plans import Check
from engine.release import resume, submit_promote
from engine.service.call import call
from engine.service.context import ServiceContext
from engine.settings.approvals import ApprovalSettings
from engine.settings.card import CardSettings
from engine.settings.model import FairnessLimit, FairnessSettings, GateSettings
from store.errors import UnknownName

PHASES = ["documentation", "data", "tests", "monitoring", "approvals", "reproducibility"]


def asked(stage, version=None):
    context = ServiceContext(stage.deck, Caller("user:vera", Role.VIEWER))
    return call(context, "compliance.show", {"model": stage.model, "version": version})


def item(found, phase, what):
    return next(one for one in found.items if (one.phase, one.what) == (phase, what))


def test_every_phase_is_asked_and_what_is_missing_says_what_fills_it(serving):
    found = asked(serving)
    assert (found.version, list(dict.fromkeys(one.phase for one in found.items))) == (1, PHASES)
    assert found.missing == sum(not one.is_there for one in found.items) > 0
    assert all(bool(one.fix) is not one.is_there for one in found.items)


def test_what_people_write_is_missing_until_they_do(serving, apply_settings):
    before = item(asked(serving), "documentation", "contact")
    assert (before.is_there, before.fix) == (False, "[card] contact in models/rates.toml, then modeldeck apply")
    apply_settings(card=CardSettings(contact="#pricing"))
    assert item(asked(serving), "documentation", "contact").detail == "#pricing"


def test_bytes_that_are_gone_and_a_seal_that_is_absent_are_missing(serving, add_version):
    add_version(bundle_hash="")
    found = asked(serving, 3)
    assert item(found, "reproducibility", "seal").detail == "holds"
    assert item(found, "reproducibility", "artifact").is_there
    assert item(found, "reproducibility", "environment").detail == "its bytes are gone"
    assert not any(one.what == "code" for one in found.items)  # it has none
    with serving.deck.database.write() as tx:
        tx.execute("DELETE FROM version_seal")
    assert item(asked(serving, 3), "reproducibility", "seal").detail == "rates@3 bears no seal"


def test_a_version_no_better_than_guessing_lacks_that(serving, add_version):
    evaluation = {"metric": "mae", "holdout": {"mae": {"value": 9.0}}}
    add_version(evaluation={**evaluation, "against_baseline": {"value": 0.5, "low": -0.1, "high": 1.0}})
    add_version(evaluation={**evaluation, "against_baseline": {"value": 0.5, "low": 0.1, "high": 1.0}})
    told = [item(asked(serving, number), "tests", "better than guessing") for number in (3, 4)]
    assert [one.is_there for one in told] == [False, True]
    assert told[1].detail == "by 0.5 (0.1 to 1)"


def test_an_unknown_model_is_told(stage):
    context = ServiceContext(stage.deck, Caller("user:vera", Role.VIEWER))
    with pytest.raises(UnknownName):
        call(context, "compliance.show", {"model": "none"})


def test_a_gate_of_groups_is_a_gate(serving, apply_settings):
    apply_settings(gates=GateSettings())
    assert item(asked(serving), "tests", "gates").is_there is False
    apply_settings(
        gates=GateSettings(fairness=FairnessLimit(max_difference=5.0)), fairness=FairnessSettings(("segment",))
    )
    found = item(asked(serving), "tests", "gates")
    assert (found.is_there, found.detail) == (True, "fairness")


def test_a_gate_that_was_passed_over_tells_which_by_whom_when_and_why(serving):
    clean = item(asked(serving), "tests", "gates passed over")
    assert (clean.is_there, clean.detail) == (True, "none")
    serving.gate_checks = [
        Check("mae", "passed", "8", "at most 9"),
        Check("mae vs champion", "no data", "3 rows later than both", "at most 1.02 x"),
    ]
    serving.rate = 0.0
    serving.run(submit_promote(serving.deck, serving.model, 2, actor="user:anna"))
    serving.run(resume(serving.deck, serving.model, reason="first data of its kind", actor="user:bob"))
    serving.run(resume(serving.deck, serving.model, reason="nobody books at night", actor="user:carla"))
    found = [one for one in asked(serving, 2).items if one.what == "gates passed over"]
    assert [one.detail.split(" by ")[0] for one in found] == [
        "mae vs champion (no data)",
        "live traffic at 10 % on local, live traffic at 50 % on local, live traffic at 100 % on local (no data)",
    ]
    assert found[0].detail.split(" by ")[1].startswith("bob, 20")
    assert [one.detail.rpartition("Z: ")[2] for one in found] == ["first data of its kind", "nobody books at night"]
    assert not any(one.is_there for one in found)
    assert found[0].fix.startswith("modeldeck releases show ")
    assert item(asked(serving, 1), "tests", "gates passed over").is_there  # it is said of the version that went past


def test_an_emergency_tells_who_passed_approvals_over_and_who_looked(serving, apply_settings):
    apply_settings(gates=GateSettings(approvals=ApprovalSettings(1)))
    why = "the champion refuses every request"
    serving.run(submit_promote(serving.deck, serving.model, 2, reason=why, emergency=True, actor="user:anna"))
    told = item(asked(serving, 2), "approvals", "emergency")
    assert told.is_there is False
    assert told.detail.startswith("approvals (not asked) by anna, 20")
    assert told.detail.endswith(f"{why}; nobody else has looked at it")
    context = ServiceContext(serving.deck, Caller("user:carla", Role.APPROVER))
    call(context, "approvals.grant", {"model": serving.model, "version": 2})
    told = item(asked(serving, 2), "approvals", "emergency")
    assert (told.is_there, told.detail.rpartition("; ")[2]) == (True, "second look granted by carla")
