"""Callers other than the owner, as the kernel would tell of them: what the access table gives, and no more."""

from __future__ import annotations

import asyncio
import json
import os

import pytest

from engine.daemon.app import Service, make_app
from engine.operations.operation import REQUEST_BYTES, ROWS_BYTES
from engine.product import VERSION
from engine.service import wire
from engine.service.refusals import RefusalLog
from store import events, settings

STRANGER = 60_123  # no user of this machine: known by the number


class Asking:
    """The service of a deck, asked by a uid of the test's choice."""

    def __init__(self, deck):
        self.deck = deck
        self.stopped = []
        self.app = make_app(Service(deck, os.getuid(), 0, lambda: None, self.stopped.append, RefusalLog()))

    def post(self, path, body=b"{}", uid=STRANGER, headers=()):
        """Ask once; returns the status and what is said."""
        sent = []

        async def receive():
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message):
            sent.append(message)

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "scheme": "http",
            "query_string": b"",
            "headers": list(headers),
            "client": (f"peer:{uid}", os.getpid()),
            "server": ("modeldeck", None),
        }
        asyncio.run(self.app(scope, receive, send))
        return sent[0]["status"], json.loads(b"".join(message.get("body", b"") for message in sent[1:]))


@pytest.fixture(name="asking")
def service_of_the_deck(deck):
    """The service."""
    return Asking(deck)


@pytest.fixture(name="give")
def give_a_role(deck, settings_body):
    """Return a function that gives the stranger a role."""

    def give(role):
        body = {**settings_body("rates"), "access": {role: [str(STRANGER)]}}
        with deck.database.write() as tx:
            settings.apply(tx, body, "user:anna")

    return give


@pytest.mark.parametrize("path", ["/v1/op/jobs.list", "/v1/op/deck.apply", "/v1/stop"])
def test_stranger_gets_in_nowhere(asking, path):
    status, said = asking.post(path)
    assert (status, said["error"]["code"], said["error"]["exit_code"]) == (403, "not_allowed", 6)
    assert said["error"]["message"] == f"user {STRANGER} has no role on this deck"
    assert asking.stopped == []


def test_viewer_reads_and_changes_nothing(asking, give):
    give("viewer")
    assert asking.post("/v1/op/models.list")[0] == 200
    status, said = asking.post("/v1/op/runs.train", b'{"model": "rates"}')
    assert (status, said["error"]["message"]) == (403, f"user:{STRANGER} is viewer; runs.train needs operator")


def test_refusals_of_one_caller_are_one_event_however_many_requests(asking, give):
    give("viewer")
    for _ in range(3):
        asking.post("/v1/op/runs.train")
    [refused] = [event for event in events.events(asking.deck.database) if event.action == "access.refused"]
    assert (refused.actor, refused.subject_id) == (f"user:{STRANGER}", "runs.train")


@pytest.mark.parametrize("role", ["viewer", "operator", "approver"])
def test_only_an_admin_stops_the_daemon(asking, give, role):
    give(role)
    assert asking.post("/v1/stop")[0] == 403
    give("admin")
    assert asking.post("/v1/stop", b'{"all": true}')[0] == 200
    assert asking.stopped == [True]


def test_role_that_was_taken_away_is_gone_with_the_next_request(asking, give, settings_body):
    give("admin")
    assert asking.post("/v1/op/jobs.list")[0] == 200
    with asking.deck.database.write() as tx:
        settings.apply(tx, settings_body("rates"), "user:anna")
    assert asking.post("/v1/op/jobs.list")[0] == 403


@pytest.mark.parametrize(("product", "contract"), [("9.9.9", "1.0"), (VERSION, "1.0"), (VERSION, "")])
def test_request_of_another_version_or_contract_is_refused_before_anything_is_looked_at(asking, product, contract):
    spoken = {wire.PRODUCT_HEADER: product, wire.CONTRACT_HEADER: contract}
    headers = [(name.lower().encode(), value.encode()) for name, value in spoken.items() if value]
    status, said = asking.post("/v1/op/jobs.list", b'{"unknown": 1}', headers=headers)
    assert (status, said["error"]["exit_code"]) == (503, 4)
    assert said["error"]["message"].startswith(f"daemon runs {VERSION}")
    assert f"this is {product}" in said["error"]["message"]


@pytest.mark.parametrize(
    ("operation", "most", "told"),
    [("jobs.list", REQUEST_BYTES, "64 KB"), ("outcomes.record", ROWS_BYTES, "64 MB")],
)
def test_request_larger_than_its_operation_takes_is_refused(asking, operation, most, told):
    status, said = asking.post(f"/v1/op/{operation}", b" " * (most + 1), uid=os.getuid())
    assert (status, said["error"]["message"]) == (413, f"the request to {operation} is larger than {told}")
    assert (said["error"]["code"], said["error"]["exit_code"]) == ("refused", 2)


def test_request_that_says_it_is_too_large_is_refused_before_it_is_read(asking):
    status, _ = asking.post("/v1/op/jobs.list", uid=os.getuid(), headers=[(b"content-length", b"99999999999")])
    assert status == 413


def test_mistake_of_ours_is_one_line_and_in_the_log(asking, caplog):
    with asking.deck.database.write() as tx:
        tx.execute("ALTER TABLE job RENAME TO elsewhere")
    status, said = asking.post("/v1/op/jobs.list", uid=os.getuid())
    assert (status, said["error"]["exit_code"]) == (500, 1)
    assert said["error"]["message"].startswith("jobs.list failed in the daemon: ")
    assert "Traceback" in caplog.text


def test_a_session_that_says_it_is_read_only_is_refused_a_change_whatever_its_role(asking):
    said = ((b"x-modeldeck-read-only", b"1"),)
    status, answer = asking.post("/v1/op/deck.apply", uid=os.getuid(), headers=said)
    assert (status, answer["error"]["code"]) == (403, "not_allowed")
    assert "this session is read-only, and deck.apply is a change" in answer["error"]["message"]
    assert asking.post("/v1/op/jobs.list", uid=os.getuid(), headers=said)[0] == 200
    assert asking.post("/v1/op/deck.apply", uid=os.getuid())[0] == 200
