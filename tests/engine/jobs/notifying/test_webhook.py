"""A webhook as a real server receives it: signed, whole, at least once, in order; and what a server may do instead."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema_rs
import pytest

from engine.jobs.notifying import signing
from store import events, notifying


@pytest.fixture
def verify(documented: Callable[[str, str], str]) -> Callable[..., str]:
    """The function that docs/notifications.md gives to receivers."""
    space: dict[str, Any] = {}
    exec(documented("verify", "python"), space)
    return space["verify"]


def test_message_verifies_as_documented_and_is_what_the_schema_says(post, hook, receiver, verify, documented, secret):
    post.settings(hook())
    alert = post.alert("lead_time", "critical")
    post.send()
    (got,) = receiver.got
    assert verify(got.headers, got.body, secret.encode()) == post.log()[0].id
    told = json.loads(got.body)
    jsonschema_rs.validate(json.loads(documented("schema", "json")), told)
    assert (told["title"], told["count"], told["severity"]) == (
        "[test] critical: rates: lead_time drifted",
        1,
        "critical",
    )
    assert told["events"][0]["subject"] == {"kind": "alert", "id": alert.id}
    (row,) = post.log()
    assert (row.state, row.attempts, row.status, row.response, row.error) == ("delivered", 1, 200, "thanks", "")


def test_changed_body_another_secret_and_an_old_time_are_refused(post, hook, receiver, verify, secret):
    post.settings(hook())
    post.alert("lead_time")
    post.send()
    (got,) = receiver.got
    with pytest.raises(ValueError, match="not signed"):
        verify(got.headers, got.body.replace(b"lead_time", b"lead_tine"), secret.encode())
    with pytest.raises(ValueError, match="not signed"):
        verify(got.headers, got.body, b"another")
    old = int(got.headers["X-Modeldeck-Timestamp"]) - 301
    stale = {**got.headers, "X-Modeldeck-Signature": signing.signature([secret], old, got.body)}
    with pytest.raises(ValueError, match="too old"):
        verify(stale, got.body, secret.encode())


def test_two_secrets_are_valid_while_one_replaces_the_other(post, hook, receiver, verify, monkeypatch, secret):
    monkeypatch.setenv("HOOK_SECRET_NEW", "the-new-one")
    post.settings(hook(secret=["env:HOOK_SECRET_NEW", "env:HOOK_SECRET"]))
    post.alert("lead_time")
    post.send()
    (got,) = receiver.got
    assert verify(got.headers, got.body, secret.encode()) == verify(got.headers, got.body, b"the-new-one")


def test_two_failures_and_then_success_are_three_attempts_of_one_id(post, hook, receiver, answering):
    receiver.answers += [answering(500, "one"), answering(503, "two")]
    post.settings(hook())
    post.alert("lead_time")
    post.send_until_done()
    assert [one.headers["X-Modeldeck-Attempt"] for one in receiver.got] == ["1", "2", "3"]
    assert len({one.headers["X-Modeldeck-Id"] for one in receiver.got}) == 1
    assert len({one.body for one in receiver.got}) == 1
    (row,) = post.log()
    assert (row.state, row.attempts, row.status) == ("delivered", 3, 200)


def test_what_fails_for_good_is_given_up_on_record_and_the_next_goes_on(post, hook, receiver, monkeypatch, answering):
    monkeypatch.setattr(notifying, "MOST_ATTEMPTS", 3)
    receiver.answers += [answering(500, f"no {number}") for number in range(3)]
    post.settings(hook())
    first = post.alert("a")
    post.alert("b")
    post.send_until_done()
    failed, told = post.log()
    assert (failed.state, failed.attempts, failed.status) == ("failed", 3, 500)
    assert (failed.error, failed.response) == ("answered 500 Internal Server Error", "no 2")
    assert (told.state, told.attempts) == ("delivered", 1)
    (event,) = [one for one in events.events(post.deck.database) if one.action == "notification.failed"]
    assert (event.subject_id, event.body["target"]) == (failed.id, "hook")
    assert failed.subject_id == first.id
    assert len(receiver.got) == 4


def test_gone_ends_it_at_once_and_a_replay_sends_the_same_id(post, hook, receiver, answering):
    receiver.answers.append(answering(410))
    post.settings(hook())
    post.alert("a")
    post.send()
    (row,) = post.log()
    assert (row.state, row.attempts) == ("failed", 1)
    with post.deck.database.write() as tx:
        notifying.replay(tx, row.id, "user:anna", "it is back", None)
    post.send_until_done()
    assert (post.log()[0].state, post.log()[0].attempts) == ("delivered", 2)
    assert {one.headers["X-Modeldeck-Id"] for one in receiver.got} == {row.id}


def test_redirect_is_not_followed(post, hook, receiver, answering):
    receiver.answers.append(answering(302, Location=receiver.url + "/elsewhere"))
    post.settings(hook())
    post.alert("a")
    post.read_on()
    post.send_until_done()
    assert [one.path for one in receiver.got] == ["/hook", "/hook"]


def test_retry_after_is_kept_to(post, hook, receiver, answering):
    receiver.answers.append(answering(429, Retry_After="40"))
    post.settings(hook())
    post.alert("a")
    post.send()
    (row,) = post.log()
    assert (row.state, row.error) == ("pending", "answered 429 Too Many Requests")
    assert 39 < (row.not_before_at - row.attempted_at) / 1e6 < 42


@pytest.mark.parametrize("drips", [False, True])
def test_server_that_never_answers_is_left_in_time(post, hook, receiver, drips):
    def hang(handler):
        until = time.monotonic() + 6
        while time.monotonic() < until:
            if drips:
                handler.wfile.write(b"H")
            time.sleep(0.2)

    receiver.answers.append(hang)
    post.settings(hook(timeout="1s"))
    post.alert("a")
    began = time.monotonic()
    post.send_until_done()
    assert time.monotonic() - began < 5
    (row,) = post.log()
    assert (row.state, row.attempts) == ("delivered", 2)


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nobody listens on, and that nobody else is given."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_refused_connection_says_so_without_the_address(post, hook, closed_port, monkeypatch):
    monkeypatch.setenv("HOOK_URL", f"http://127.0.0.1:{closed_port}/a/secret/path")
    post.settings(hook(url="env:HOOK_URL"))
    post.alert("a")
    post.read_on()
    job = post.read_on()[0]
    monkeypatch.setattr("engine.jobs.notifying.sending.LINGER_S", 0.0)
    post.run(job)
    (row,) = post.log()
    assert (row.state, row.attempts, row.error) == ("pending", 1, "connection refused")


def test_certificate_that_nobody_vouches_for_is_not_trusted(post, hook, self_signed, monkeypatch):
    post.settings(hook(url=f"https://localhost:{self_signed.port}/hook"))
    post.alert("a")
    monkeypatch.setattr("engine.jobs.notifying.sending.LINGER_S", 0.0)
    post.send()
    (row,) = post.log()
    assert row.error.startswith("the certificate cannot be trusted: self")
    assert self_signed.requests == 0
    monkeypatch.setenv("SSL_CERT_FILE", str(self_signed.certificate))
    post.send_until_done()
    assert post.log()[0].state == "delivered"
    assert self_signed.requests == 1


def test_plain_http_to_another_machine_is_refused_before_anything_is_sent(post, hook, monkeypatch):
    monkeypatch.setenv("HOOK_URL", "http://hooks.example.com/x")
    post.settings(hook(url="env:HOOK_URL"))
    post.alert("a")
    monkeypatch.setattr("engine.jobs.notifying.sending.LINGER_S", 0.0)
    post.send()
    assert "is not https" in post.log()[0].error


def test_status_counts_where_the_answer_never_ends(post, hook, receiver):
    def hang_after_the_status(handler):
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"5\r\nhello\r\n")
        handler.wfile.flush()
        time.sleep(4)

    receiver.answers.append(hang_after_the_status)
    post.settings(hook(timeout="1s"))
    post.alert("a")
    post.send()
    (row,) = post.log()
    assert (row.state, row.attempts, row.status) == ("delivered", 1, 200)


def test_authorities_that_cannot_be_read_are_named(post, hook, self_signed, monkeypatch, tmp_path):
    monkeypatch.setattr("engine.jobs.notifying.sending.LINGER_S", 0.0)
    broken = tmp_path / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n")
    monkeypatch.setenv("SSL_CERT_FILE", str(broken))
    post.settings(hook(url=f"https://localhost:{self_signed.port}/hook"))
    post.alert("a")
    post.send()
    (row,) = post.log()
    assert row.state == "pending"
    assert row.error
