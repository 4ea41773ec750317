"""What the socket lets in: the owner, known by the kernel, with this version and requests that fit."""

from __future__ import annotations

import http.client
import json
import os
import pwd
import socket
import stat

import pytest

import engine.client
from engine.daemon.listening import peer_of
from engine.daemon.start import status
from engine.operations.catalog import OPERATIONS
from engine.product import VERSION
from engine.service import wire
from engine.service.lock import acquire, holder
from engine.service.socket import ask, check_socket
from store.errors import Refused, Unavailable, UnknownName


def post(daemon, target, body=b"{}", headers=None):
    status_code, payload = ask(daemon.workspace.socket, "POST", target, body, headers)
    return status_code, json.loads(payload)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_socket_is_the_owners_alone_in_a_folder_of_the_owner(daemon):
    path = daemon.workspace.socket
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    assert not path.is_relative_to(daemon.workspace.root)
    check_socket(path, os.getuid())


def test_everything_below_the_state_folder_is_closed_to_others(daemon):
    assert mode(daemon.workspace.state) == 0o700
    assert mode(daemon.workspace.lock) == 0o600


def test_caller_is_who_the_kernel_says(daemon):
    name = pwd.getpwuid(os.getuid()).pw_name
    [applied] = daemon.client.call("events.list", {"filter": "action=settings.applied"})
    assert (applied.actor, applied.reason) == (f"user:{name}", "a test")


def test_word_of_sudo_is_recorded_and_changes_nobody(daemon):
    headers = {wire.VIA_HEADER: "sudo:anna"}
    job = post(daemon, "/v1/op/data.ingest", b'{"model": "waiting"}', headers)[1]["answer"]
    daemon.client.call("jobs.cancel", {"id": job["id"]})
    assert (job["actor"], job["via"]) == (f"user:{pwd.getpwuid(os.getuid()).pw_name}", "sudo:anna")
    daemon.ended(daemon.client.call("jobs.detail", {"id": job["id"]}))


@pytest.mark.parametrize("client", [None, ("127.0.0.1", 4242)])
def test_request_that_did_not_come_by_our_socket_has_no_caller(client):
    with pytest.raises(ValueError, match="no peer"):
        peer_of(client)


def test_description_over_the_socket_covers_every_operation(daemon):
    document = json.loads(ask(daemon.workspace.socket, "GET", "/v1/openapi.json")[1])
    assert len(document["paths"]) == len(OPERATIONS)


def test_status_tells_which_daemon_runs(daemon):
    found = status(daemon.workspace)
    assert (found.state, found.pid, found.product) == ("running", daemon.pid, VERSION)
    assert found.started_at == holder(daemon.workspace).started_at


@pytest.mark.parametrize(
    ("operation", "body", "status_code", "kind"),
    [
        ("jobs.detail", b'{"id": "ffff"}', 404, UnknownName),
        ("no.such", b"{}", 404, UnknownName),
        ("jobs.list", b'{"limit": 0}', 409, Refused),
        ("jobs.list", b'{"filter": "~["}', 409, Refused),
        ("jobs.list", b"[]", 400, Refused),
        ("jobs.list", b"{", 400, Refused),
        ("jobs.list", b"\xff", 400, Refused),
        ("runs.train", b'{"model": "wating"}', 404, UnknownName),
    ],
)
def test_error_travels_with_its_code_and_exit_code(daemon, operation, body, status_code, kind):
    code, said = post(daemon, f"/v1/op/{operation}", body)
    assert code == status_code
    assert (said["error"]["code"], said["error"]["exit_code"]) == (kind.code, kind.exit_code)
    assert "\n" not in said["error"]["message"]


def test_client_of_another_version_is_told_both_and_exits_4(daemon, monkeypatch):
    monkeypatch.setattr(wire, "VERSION", "9.9.9")
    with pytest.raises(Unavailable) as caught:
        daemon.client.call("jobs.list")
    assert caught.value.line() == f"daemon runs {VERSION}, this is 9.9.9: modeldeck daemon restart"
    assert caught.value.exit_code == 4


def test_second_daemon_ends_at_once_and_the_first_one_stays(daemon):
    first = holder(daemon.workspace)
    second = daemon.spawn()
    assert second.wait(30) == 0
    daemon._children.remove(second)
    assert holder(daemon.workspace) == first
    assert daemon.client.call("deck.pulse")


def test_nobody_changes_the_deck_in_process_beside_the_daemon(daemon):
    assert daemon.client.transport == "socket"
    with pytest.raises(Refused, match=rf"pid {daemon.pid}\) is changing this deck"):
        acquire(daemon.workspace, "change", product=VERSION, started_at=0, wait_s=0.05)


def test_connection_that_says_nonsense_or_nothing_hurts_nobody(daemon):
    with socket.socket(socket.AF_UNIX) as rude:
        rude.connect(str(daemon.workspace.socket))
        rude.sendall(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
        assert b"400" in rude.recv(200)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(daemon.workspace.socket))
        assert daemon.client.call("jobs.list", {"limit": 1}) is not None


def test_unknown_route_is_not_found(daemon):
    assert ask(daemon.workspace.socket, "GET", "/v2/op/jobs.list")[0] == http.client.NOT_FOUND


def test_same_question_has_the_same_answer_in_process(daemon, monkeypatch):
    over_socket = daemon.client.call("models.list")
    with engine.client.Client(daemon.workspace) as local:
        monkeypatch.setattr(engine.client.Client, "transport", "process")
        assert local.call("models.list") == over_socket
    assert {"plain", "stubborn", "waiting"} <= {model.name for model in over_socket}
