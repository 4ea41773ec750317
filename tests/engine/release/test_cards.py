"""The card of a version: filled from the registry, unknown where nobody knows, kept with approvals and releases."""

from __future__ import annotations

import json

import pytest

from engine.access import Caller, Role
from engine.release import submit_promote
from engine.service.call import call
from engine.service.context import ServiceContext
from engine.settings.card import CardSettings
from store import artifacts, versions
from store.errors import CorruptArtifact, Refused, UnknownName

HOSTILE = "half | of it\n# not a heading\x1b[31m <b>bold</b>"


def card(stage, version=None, **more):
    context = ServiceContext(stage.deck, Caller("user:anna", Role.VIEWER))
    return call(context, "cards.show", {"model": stage.model, "version": version, **more})


def section(found, title):
    return next(one for one in found.sections if one.title == title)


def fact(found, title, name):
    return next(one.value for one in section(found, title).facts if one.name == name)


def test_it_is_the_champions_card_unless_a_version_is_named(serving):
    assert (card(serving).version, card(serving, 2).version) == (1, 2)
    with pytest.raises(UnknownName):
        card(serving, 9)


def test_a_model_that_never_served_shows_its_newest(stage):
    assert card(stage).version == 1


def test_it_says_what_the_registry_holds(serving):
    found = card(serving, 2)
    assert fact(found, "Model", "role") == "challenger"
    assert section(found, "Performance").rows == (("mae", "10", "9 to 11", "300", "20"),)
    assert fact(found, "Data", "snapshot") == versions.version(serving.deck.database, "rates", 2).snapshot_id
    assert section(found, "Limits").rows == (("mae", "-", "30", "1.02"),)
    assert section(found, "Releases").note == "It was never released."
    assert section(card(serving, 1), "Releases").rows[0][1:3] == ("promote", "completed")


def test_what_nobody_has_recorded_is_unknown_and_counted(serving, apply_settings):
    found = card(serving, 2)
    assert fact(found, "Model", "out of scope") == "unknown"
    assert {"Model: contact", "Limits: known limits", "Fairness: ethical considerations"} <= set(found.unknown)
    assert fact(found, "Environment", "interpreter") == "unknown"  # its blob is lost: a card is written all the same
    apply_settings(card=CardSettings(contact="#pricing", limits="weak on new hotels"))
    after = card(serving, 2)
    assert fact(after, "Limits", "known limits") == "weak on new hotels"
    assert "Model: contact" not in after.unknown


def test_its_text_is_its_own_whatever_people_write(serving, apply_settings):
    apply_settings(card=CardSettings(limits=HOSTILE), description=HOSTILE)
    text = card(serving, 2).text
    assert [line for line in text.splitlines() if line.startswith("# ")] == ["# rates@2"]
    assert "\x1b" not in text
    assert "- **known limits**: half | of it # not a heading [31m <b>bold</b>" in text


def test_its_hash_is_of_its_text_and_stays_while_nothing_changes(serving):
    first, again = card(serving, 2), card(serving, 2)
    assert first == again
    assert first.hash == artifacts.hash_bytes(first.text.encode())


def test_two_versions_are_compared_line_by_line(serving):
    diff = card(serving, 2, against=1).diff
    assert "-- **version**: 1" in diff
    assert "+- **version**: 2" in diff
    assert card(serving, 2, against=2).diff == ""
    with pytest.raises(Refused, match="--against and --since both"):
        card(serving, 2, against=1, since="0193")


def test_a_promotion_keeps_the_card_it_went_with_and_says_what_changed_since(serving, apply_settings):
    done = serving.run(submit_promote(serving.deck, "rates", 2, actor="user:anna"))
    kept = serving.deck.artifacts.read(done.evidence["card"]).decode()
    assert "- **role**: challenger" in kept
    diff = card(serving, 2, since=done.id[:13]).diff
    assert "-- **role**: challenger" in diff
    assert "+- **role**: champion" in diff
    with pytest.raises(Refused, match="is of rates@2, not of rates@1"):
        card(serving, 1, since=done.id)


def test_a_kept_card_that_was_edited_is_not_believed(serving):
    done = serving.run(submit_promote(serving.deck, "rates", 2, actor="user:anna"))
    path = serving.deck.artifacts.path(done.evidence["card"])
    path.chmod(0o600)
    path.write_text(path.read_text().replace("challenger", "champion"))
    with pytest.raises(CorruptArtifact, match="its bytes do not match its hash") as caught:
        card(serving, 2, since=done.id)
    assert caught.value.exit_code == 1
    assert "\n" not in caught.value.line()


def test_what_is_kept_is_needed_and_not_removed(serving):
    from store.needs import needs

    done = serving.run(submit_promote(serving.deck, "rates", 2, actor="user:anna"))
    assert needs(serving.deck.database, 0)[done.evidence["card"]] == f"card of release {done.id[:12]}"
    blob = serving.deck.database.row("SELECT kind FROM blob WHERE hash = :hash", {"hash": done.evidence["card"]})
    assert blob["kind"] == "card"


def test_a_request_keeps_the_card_that_is_granted(serving, apply_settings, model_settings):
    import dataclasses

    from engine.settings.approvals import ApprovalSettings

    gates = dataclasses.replace(model_settings().gates, approvals=ApprovalSettings(1))
    apply_settings(gates=gates)
    context = ServiceContext(serving.deck, Caller("user:anna", Role.OPERATOR))
    asked = call(context, "approvals.request", {"model": "rates", "version": 2})
    assert "# rates@2" in serving.deck.artifacts.read(asked.card_hash).decode()
    assert "+| approval | open |" in card(serving, 2, since=asked.id).diff


def test_no_card_was_kept_with_what_is_older_than_cards(serving):
    with serving.deck.database.write() as tx:
        tx.execute("UPDATE release SET evidence = :none", {"none": json.dumps({})})
    with pytest.raises(Refused, match="no card was kept"):
        card(serving, 1, since=serving.deck.database.row("SELECT id FROM release")["id"])
