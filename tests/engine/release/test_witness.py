"""Heads that lie elsewhere: what a chain alone does not show, that it was written anew or cut off."""

from __future__ import annotations

import dataclasses

import pytest

from engine.access import Caller, Role
from engine.governance.witness import is_signed
from engine.service.call import call
from engine.service.context import ServiceContext
from store import events, models
from store.errors import Refused


def ask(stage, operation, **body):
    return call(ServiceContext(stage.deck, Caller("user:vera", Role.VIEWER)), operation, body)


@pytest.fixture(name="witnessed")
def a_witnessed_deck(serving, add_version):
    """A deck whose head was kept elsewhere, and events since."""
    add_version(bundle_hash="")
    head = ask(serving, "audit.head")
    with serving.deck.database.write() as tx:
        models.set_alias(tx, "rates", "spare", 1, actor="user:anna", reason="later")
    return serving, head


def without_triggers(tx):
    """Take the registry's guards away, as somebody can who writes to its file."""
    for name in ("event_not_updated", "event_not_deleted", "event_next_only"):
        tx.execute(f"DROP TRIGGER IF EXISTS {name}")


def rechained(tx, seq):
    """Hash every event from one on anew, so that the chain holds in itself."""
    before = events.event(tx, seq - 1).hash
    for row in tx.rows("SELECT * FROM event WHERE seq >= :seq ORDER BY seq", {"seq": seq}):
        fields = {name: value for name, value in dict(row).items() if name not in ("previous_hash", "hash")}
        made = events.link_hash(fields, before)
        tx.execute(
            "UPDATE event SET previous_hash = :before, hash = :made WHERE seq = :seq",
            {"before": before, "made": made, "seq": row["seq"]},
        )
        before = made


def told(head):
    return f"{head.seq}:{head.hash}"


def test_a_head_is_signed_over_all_it_says(witnessed):
    _, head = witnessed
    assert is_signed(head)
    for changed in ({"seq": head.seq + 1}, {"hash": "0" * 64}, {"at": 1}, {"deck": "other"}, {"signature": "xy"}):
        assert not is_signed(dataclasses.replace(head, **changed))


def test_a_record_that_went_on_holds_what_was_witnessed(witnessed):
    stage, head = witnessed
    found = ask(stage, "audit.compare", heads=[told(head)])
    assert (found.ok, found.compared, found.newest) == (True, 1, head.seq)
    assert found.events == head.seq + 1


def test_a_chain_written_anew_holds_in_itself_and_not_what_was_witnessed(witnessed):
    stage, head = witnessed
    with stage.deck.database.write() as tx:
        without_triggers(tx)
        tx.execute("UPDATE event SET actor = 'user:nobody' WHERE seq = 4")
        rechained(tx, 4)
    assert events.verify(stage.deck.database).ok
    found = ask(stage, "audit.compare", heads=[told(head)])
    assert (found.ok, found.broken_seq) == (False, head.seq)
    assert "was written anew" in found.detail


def test_an_end_that_was_cut_off_is_seen(witnessed):
    stage, head = witnessed
    with stage.deck.database.write() as tx:
        without_triggers(tx)
        tx.execute("DELETE FROM event WHERE seq >= :seq", {"seq": head.seq - 1})
    assert events.verify(stage.deck.database).ok
    found = ask(stage, "audit.compare", heads=[told(head)])
    assert (found.ok, found.broken_seq) == (False, head.seq)
    assert "the record ends with" in found.detail


def test_an_event_removed_from_the_middle_breaks_the_chain_itself(witnessed):
    stage, head = witnessed
    with stage.deck.database.write() as tx:
        without_triggers(tx)
        tx.execute("DELETE FROM event WHERE seq = 3")
    found = ask(stage, "audit.compare", heads=[told(head)])
    assert (found.ok, found.broken_seq, found.detail) == (False, 3, "event 3 is missing")


@pytest.mark.parametrize("head", ["", "7", "x:" + "0" * 64, "7:00", "-1:" + "0" * 64])
def test_what_is_no_head_is_refused(witnessed, head):
    with pytest.raises(Refused, match="is no head"):
        ask(witnessed[0], "audit.compare", heads=[head])
