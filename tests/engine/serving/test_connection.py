"""What a server does with the bytes of a connection: in order, bounded, never a failure."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from engine.serving.contract import MAX_BODY

ROW = {"nights": 5, "price": 80.0, "country": "ES"}
BODY = json.dumps([ROW]).encode()
POST = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b" % (len(BODY), BODY)
LIVE = b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n"


@pytest.fixture
def link(server: Any) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as made:
        yield made


def read_answers(link: socket.socket, count: int) -> list[tuple[int, dict[str, str], bytes]]:
    """Return so many answers, or those before the server hung up."""
    found, data = [], b""
    while len(found) < count:
        while b"\r\n\r\n" not in data:
            part = link.recv(65536)
            if not part:
                return found
            data += part
        head, _, data = data.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        size = int(headers["content-length"])
        while len(data) < size:
            data += link.recv(65536)
        found.append((int(first.split()[1]), headers, data[:size]))
        data = data[size:]
    return found


def is_closed(link: socket.socket) -> bool:
    return link.recv(1) == b""


def test_requests_sent_ahead_are_answered_in_order(link: socket.socket) -> None:
    link.sendall((LIVE + POST + LIVE) * 30)
    answers = read_answers(link, 90)
    assert [status for status, _, _ in answers] == [200] * 90
    kinds = ["live" if body.startswith(b'{"live"') else "predictions" for _, _, body in answers]
    assert kinds == ["live", "predictions", "live"] * 30
    ids = [json.loads(body)["request_id"] for _, _, body in answers[1::3]]
    assert ids == sorted(ids)


def test_what_is_no_http_is_told_so_after_what_came_before_it(link: socket.socket) -> None:
    link.sendall(POST + b"nonsense\r\n\r\n")
    answers = read_answers(link, 2)
    assert [status for status, _, _ in answers] == [200, 400]
    assert answers[1][1]["connection"] == "close"
    assert json.loads(answers[1][2])["error"]["code"] == "bad_request"
    assert is_closed(link)


def test_a_request_in_pieces_and_one_in_chunks_are_whole(link: socket.socket) -> None:
    for place in range(0, len(POST), 7):
        link.sendall(POST[place : place + 7])
    assert read_answers(link, 1)[0][0] == 200
    half = len(BODY) // 2
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (BODY[:half], BODY[half:], b""))
    link.sendall(b"POST /predict?x=1 HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n" + chunks)
    assert read_answers(link, 1)[0][0] == 200


def test_a_client_that_waits_to_be_let_on_is(link: socket.socket) -> None:
    head, _, body = POST.partition(b"\r\n\r\n")
    link.sendall(head + b"\r\nexpect: 100-continue\r\n\r\n")
    assert link.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    link.sendall(body)
    assert read_answers(link, 1)[0][0] == 200


def test_head_gets_all_but_the_body_and_the_link_stays(link: socket.socket) -> None:
    link.sendall(b"HEAD /health/ready HTTP/1.1\r\nhost: x\r\n\r\n")
    head = link.recv(65536)
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert head.endswith(b"\r\n\r\n")
    link.sendall(LIVE)
    assert read_answers(link, 1)[0][2] == b'{"live":true}'


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /health/live HTTP/1.0\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
        b"GET http://x:8000/health/live?a=b HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        b"GET /%68ealth/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    ],
)
def test_a_link_that_is_not_kept_is_closed_after_its_answer(link: socket.socket, request_: bytes) -> None:
    link.sendall(request_)
    assert read_answers(link, 1)[0][::2] == (200, b'{"live":true}')
    assert is_closed(link)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /health/live HTTP/1.1\r\n" + b"x: y\r\n" * 1 + b"z: " + b"a" * 70_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"".join(b"h%d: x\r\n" % number for number in range(200)) + b"\r\n", 431),
        (b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\n", 400),
        (b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n", 400),
        (b"POST /predict HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n", 404),
    ],
)
def test_hostile_heads_are_one_answer_and_the_end(link: socket.socket, request_: bytes, status: int) -> None:
    link.sendall(request_)
    assert [answer[0] for answer in read_answers(link, 2)] == [status]


def test_a_body_that_is_too_large_is_read_to_its_end_and_the_link_stays(link: socket.socket) -> None:
    size = MAX_BODY + 10
    link.sendall(b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % size + b" " * size)
    (answer,) = read_answers(link, 1)
    assert (answer[0], json.loads(answer[2])["error"]["code"]) == (413, "too_large")
    link.sendall(POST)
    assert read_answers(link, 1)[0][0] == 200


def test_a_stop_answers_what_is_under_way_and_closes_idle_links(serve: Any, folder: Any, regression: Any) -> None:
    server = serve(folder(regression))
    idle = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    busy = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    with idle, busy:
        idle.sendall(LIVE)
        assert read_answers(idle, 1)[0][0] == 200
        busy.sendall(POST[:-5])
        time.sleep(0.2)
        begun = time.monotonic()
        server.process.terminate()
        assert is_closed(idle)
        busy.sendall(POST[-5:])
        (answer,) = read_answers(busy, 1)
        assert (answer[0], answer[1]["connection"]) == (200, "close")
        assert server.process.wait(20) == 0
        assert time.monotonic() - begun < 10
    assert len([line for line in server.lines() if line["status"] == 200]) == 1


def test_clients_that_go_away_in_the_middle_leave_the_server_as_it_was(server: Any) -> None:
    for cut in (5, 60, len(POST) - 1, len(POST)):
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", server.port), timeout=20) as made:
                made.sendall(POST[:cut])
    assert server.ask("POST", "/predict", [ROW])[0] == 200
