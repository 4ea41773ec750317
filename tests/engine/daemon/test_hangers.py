"""Nobody holds the door: half requests, endless heads, idle and unread connections end, and others are answered."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import threading

import pytest
import uvicorn

from engine.daemon import listening
from engine.daemon.app import Service, make_app
from engine.daemon.listening import PeerProtocol, listen_at
from engine.service.refusals import RefusalLog
from engine.service.socket import ask

ASK = b"POST /v1/op/jobs.list HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"


class Serving:
    """The service on a socket of its own, in a thread."""

    def __init__(self, deck, path):
        self.path = path
        service = Service(deck, os.getuid(), 0, lambda: None, lambda _all: None, RefusalLog())
        config = uvicorn.Config(
            make_app(service), http=PeerProtocol, lifespan="off", ws="none", log_config=None, access_log=False
        )
        self._server = uvicorn.Server(config)
        self._server.capture_signals = contextlib.nullcontext
        made = listen_at(path)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._server.serve(sockets=[made])))
        self._thread.start()

    def connect(self):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(20)
        connection.connect(str(self.path))
        return connection

    def said(self, *pieces):
        """Send pieces and return all that comes until the other side hangs up."""
        with self.connect() as connection:
            for piece in pieces:
                connection.sendall(piece)
            return everything(connection)

    def answers(self):
        return ask(self.path, "POST", "/v1/op/jobs.list")[0] == 200

    def close(self):
        self._server.should_exit = True
        self._thread.join()


def everything(connection):
    found = b""
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        while piece := connection.recv(65536):
            found += piece
    return found


def error_of(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["error"]["message"]


@pytest.fixture(name="serving")
def service_with_little_patience(deck, tmp_path, monkeypatch):
    """The service, with time-outs short enough for a test."""
    monkeypatch.chdir(tmp_path)
    for name in ("HEAD_WITHIN_S", "BODY_WITHIN_S", "ANSWER_TAKEN_WITHIN_S"):
        monkeypatch.setattr(listening, name, 0.3)
    made = Serving(deck, (tmp_path / "sock").relative_to(tmp_path))
    yield made
    made.close()


@pytest.mark.parametrize(
    "half",
    [
        b"",
        b"\r\n",
        b"POST /v1/op/jo",
        b"POST /v1/op/jobs.list HTTP/1.1\r\nHost:",
        b"POST /v1/op/jobs.list HTTP/1.1\r\nContent-Length: 10\r\n\r\n{",
        b"POST /v1/op/jobs.list HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
    ],
)
def test_request_that_never_ends_is_told_and_hung_up_on(serving, half):
    assert error_of(serving.said(half)) == (408, "the request did not come in time")
    assert serving.answers()


def test_connection_left_idle_after_an_answer_is_closed_without_a_word(serving):
    answer = serving.said(ASK)
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.count(b"HTTP/1.1") == 1


def test_half_a_request_after_a_whole_one_ends_too(serving):
    answer = serving.said(ASK, b"POST /v1/op/jobs")
    assert answer.count(b"HTTP/1.1 200") == 1
    assert answer.count(b"HTTP/1.1 408") == 1


@pytest.mark.parametrize("head", [b"X: " + b"a" * 40_000, b"X: a\r\n" * 8_000])
def test_head_without_end_is_cut_off(serving, head):
    answer = serving.said(b"POST /v1/op/jobs.list HTTP/1.1\r\n" + head)
    assert error_of(answer) == (431, "the headers are larger than 32 KB")
    assert serving.answers()


def test_what_is_no_http_is_told_in_our_form(serving):
    assert error_of(serving.said(b"\x16\x03\x01 hello\r\n\r\n")) == (400, "this is no HTTP request")


def test_caller_that_takes_no_answer_is_let_go(serving):
    with serving.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        with contextlib.suppress(ConnectionResetError, BrokenPipeError, TimeoutError):
            for _ in range(2000):
                connection.sendall(b"GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n")
        assert serving.answers()


def test_one_user_has_only_so_many_connections(serving, monkeypatch):
    monkeypatch.setattr(listening, "CONNECTIONS_EACH", 5)
    with contextlib.ExitStack() as held:
        for _ in range(5):
            held.enter_context(serving.connect())
        status, message = error_of(serving.said())
        assert status == 429
        assert message.startswith("too many connections, 6 of them of ")
    assert serving.answers()


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("GET", "/v1/op/jobs.list", 405, "GET /v1/op/jobs.list is not allowed"),
        ("DELETE", "/v1/health", 405, "DELETE /v1/health is not allowed"),
        ("POST", "/v1/op/", 404, "there is no POST /v1/op/"),
        ("POST", "/v2/op/jobs.list", 404, "there is no POST /v2/op/jobs.list"),
        ("POST", "/v1/op/../../etc/passwd", 404, "there is no POST /v1/op/../../etc/passwd"),
        ("POST", "/v1/op/jobs.nothing", 404, "no operation named 'jobs.nothing'"),
    ],
)
def test_wrong_method_or_path_is_a_clear_line(serving, method, path, status, said):
    code, answer = ask(serving.path, method, path)
    assert (code, json.loads(answer)["error"]["message"]) == (status, said)


def test_wrong_type_is_a_clear_line(serving):
    code, answer = ask(serving.path, "POST", "/v1/op/jobs.list", b"limit=1", {"Content-Type": "text/plain"})
    assert (code, json.loads(answer)["error"]["message"]) == (400, "the request is 'text/plain'")
