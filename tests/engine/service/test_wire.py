"""Answers and errors come out of the wire as they went in."""

from __future__ import annotations

import dataclasses
import json
import sys

import pytest

from engine.operations.catalog import OPERATIONS
from engine.operations.common import Done
from engine.product import VERSION
from engine.service import wire
from engine.service.contract import contract
from store import jobs
from store.errors import BY_CODE, Unavailable, WorkFailed


@pytest.mark.parametrize("code", BY_CODE)
def test_every_error_keeps_its_kind_code_exit_code_and_line(code):
    sent = BY_CODE[code]("the cause", "the remedy")
    with pytest.raises(BY_CODE[code]) as caught:
        wire.read_answer(OPERATIONS["jobs.list"], wire.error_bytes(sent))
    assert type(caught.value) is type(sent)
    assert (caught.value.code, caught.value.exit_code) == (sent.code, sent.exit_code)
    assert caught.value.line() == "the cause: the remedy"


def test_error_of_an_unknown_code_is_a_failure():
    sent = json.loads(wire.error_bytes(WorkFailed("odd")))
    sent["error"]["code"] = "of_tomorrow"
    with pytest.raises(WorkFailed, match="odd"):
        wire.read_answer(OPERATIONS["jobs.list"], json.dumps(sent).encode())


def test_rows_come_back_as_the_same_frozen_rows(deck, apply_settings_body):
    apply_settings_body("rates")
    with deck.database.write() as tx:
        job = jobs.enqueue(tx, kind="train", model="rates", actor="user:anna", args={"reason": "ünïcode"})
    assert wire.read_answer(OPERATIONS["jobs.list"], wire.answer_bytes([job])) == (job,)
    assert wire.read_answer(OPERATIONS["jobs.detail"], wire.answer_bytes(job)) == job


def test_answer_without_a_job_comes_back_whole():
    done = Done("applied", already=True, body={"revision": 3})
    assert wire.read_answer(OPERATIONS["deck.apply"], wire.answer_bytes(done)) == done


@pytest.mark.parametrize(
    ("changed", "daemon", "face"),
    [
        ({"product": "9.9.9"}, "9.9.9", VERSION),
        ({"contract": "1.0"}, f"{VERSION} (contract 1.0)", f"{VERSION} (contract {contract()})"),
        ({"contract": None}, f"{VERSION} (contract unknown)", f"{VERSION} (contract {contract()})"),
    ],
)
@pytest.mark.parametrize("payload", [wire.answer_bytes([]), wire.error_bytes(wire.Malformed("unknown field 'new'"))])
def test_answer_of_another_version_or_contract_names_both_and_the_way_out(payload, changed, daemon, face):
    said = {**json.loads(payload), **changed}
    with pytest.raises(Unavailable) as caught:
        wire.read_answer(OPERATIONS["jobs.list"], json.dumps(said).encode())
    assert caught.value.line() == f"daemon runs {daemon}, this is {face}: modeldeck daemon restart"
    assert caught.value.exit_code == 4


def test_contract_follows_every_field_of_what_is_asked_and_answered(monkeypatch):
    fresh = contract.__wrapped__
    assert fresh() == contract()
    wider = dataclasses.make_dataclass("VersionsRequest", [("model", str), ("lately", bool)])
    asked = OPERATIONS["versions.list"]
    monkeypatch.setattr(sys.modules[asked.request.__module__], "VersionsRequest", wider)
    assert fresh() != contract()
    monkeypatch.undo()
    monkeypatch.delitem(OPERATIONS, "access.show")
    assert fresh() != contract()


@pytest.mark.parametrize("payload", [b"", b"<html>", b"[]", b"{}", b"3"])
def test_nonsense_is_no_traceback(payload):
    with pytest.raises(Unavailable, match="cannot be read"):
        wire.read_answer(OPERATIONS["jobs.list"], payload)
