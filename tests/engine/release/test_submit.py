"""What may be opened, and what is refused."""

from __future__ import annotations

import pytest

from engine.release import preview_promote, preview_rollback, submit_promote, submit_rollback
from store import events, releases
from store.errors import Refused, StaleBasis, UnknownName


def promote(stage, version=None, **more):
    return submit_promote(stage.deck, stage.model, version, actor="user:anna", **more)


def test_promote_without_version_takes_the_challenger(serving):
    assert preview_promote(serving.deck, serving.model).plan.to_version == 2


def test_promote_without_challenger_is_refused(stage):
    with pytest.raises(Refused, match="no challenger"):
        preview_promote(stage.deck, stage.model)


def test_promote_of_an_unknown_version_is_an_unknown_name(stage):
    with pytest.raises(UnknownName):
        promote(stage, 9)


def test_promote_of_the_version_that_serves_is_already_so_and_writes_nothing(serving):
    shown = preview_promote(serving.deck, serving.model, 1)
    assert shown.already == f"already champion: {serving.model} v1"
    before = events.verify(serving.deck.database).verified
    assert promote(serving, 1).state == "completed"
    assert events.verify(serving.deck.database).verified == before


def test_a_basis_holds_while_nothing_changes(serving):
    shown = preview_promote(serving.deck, serving.model, 2)
    assert promote(serving, 2, basis=shown.basis).basis == shown.basis


def test_submit_with_a_basis_from_before_new_settings_is_stale(serving, apply_settings):
    shown = preview_promote(serving.deck, serving.model, 2)
    apply_settings(owner="someone else")
    with pytest.raises(StaleBasis):
        promote(serving, 2, basis=shown.basis)
    assert releases.active(serving.deck.database, serving.model) is None


def test_submit_with_a_basis_from_before_another_promotion_is_stale(serving, add_version):
    add_version()
    shown = preview_promote(serving.deck, serving.model, 3)
    serving.run(promote(serving, 2))
    with pytest.raises(StaleBasis):
        promote(serving, 3, basis=shown.basis)


def test_a_basis_is_for_one_version_only(serving, add_version):
    add_version()
    shown = preview_promote(serving.deck, serving.model, 2)
    with pytest.raises(StaleBasis):
        promote(serving, 3, basis=shown.basis)


def test_at_most_one_release_of_an_endpoint_is_open(serving, add_version):
    add_version()
    first = promote(serving, 2)
    assert "is pending" in preview_promote(serving.deck, serving.model, 3).blocked
    with pytest.raises(Refused, match=first.id[:12]):
        promote(serving, 3)


def test_an_abandoned_version_is_promoted_only_with_a_reason_which_clears_the_mark(serving):
    serving.run(promote(serving, 2))
    serving.run(submit_rollback(serving.deck, serving.model, actor="user:anna"))
    assert serving.version(2).abandoned_at is not None
    assert "abandoned" in preview_promote(serving.deck, serving.model, 2).blocked
    with pytest.raises(Refused, match="abandoned"):
        promote(serving, 2)
    serving.run(promote(serving, 2, reason="the fault was elsewhere"))
    assert serving.champion() == 2
    assert serving.version(2).abandoned_at is None


def test_rollback_with_nothing_to_go_back_to_is_refused(serving):
    with pytest.raises(Refused, match="nothing to go back to"):
        preview_rollback(serving.deck, serving.model)
    with pytest.raises(Refused, match="nothing to go back to"):
        submit_rollback(serving.deck, serving.model, actor="user:anna")


def test_rollback_of_a_model_that_never_served_is_refused(stage):
    with pytest.raises(Refused, match="never served"):
        preview_rollback(stage.deck, stage.model)


def test_opening_a_release_is_on_record_with_its_reason(serving):
    opened = promote(serving, 2, reason="better on weekends")
    told = events.events(serving.deck.database, subject=("release", opened.id))
    assert [one.reason for one in told] == ["better on weekends"]
    assert told[0].actor == "user:anna"
