"""More than 500 malformed or hostile requests at a daemon's socket: each is a clear line, none is a failure of ours.

Half of them are made from the service's own description, the rest by hand. Every number is fixed by `SEED`.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import socket
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))

from tiny_deck import Tiny, make_tiny

from engine.operations.catalog import OPERATIONS
from engine.service.openapi import openapi
from engine.service.socket import health_of
from engine.workspace import Workspace

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

SEED = 20261124
EACH = 6  # of each operation and mode: with what does not fit its description, and with what does
WITHIN_S = 30.0
REFUSED = range(400, 500)


class Target:
    """A deck whose daemon is asked, and what is known of it from outside."""

    def __init__(self, tiny: Tiny, path: Path) -> None:
        self.tiny = tiny
        self.path = path
        self.workspace = Workspace(tiny.root.resolve())
        self.log = self.workspace.logs / "daemon.log"
        self.asked = 0

    def send(self, *pieces: bytes, patience_s: float = WITHIN_S) -> bytes:
        """Send raw bytes and return everything the daemon says until it hangs up, or says nothing for so long."""
        self.asked += 1
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(patience_s)
            connection.connect(str(self.path))
            found = b""
            # It may hang up before it has heard everything; what it said before that is still to be read.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                for piece in pieces:
                    connection.sendall(piece)
            with contextlib.suppress(TimeoutError, ConnectionResetError):
                while piece := connection.recv(65536):
                    found += piece
            return found

    def post(self, operation: str, body: bytes, *headers: str, method: str = "POST") -> tuple[int, bytes]:
        """Ask once; returns status and body."""
        head = [f"{method} /v1/op/{operation} HTTP/1.1", "Host: deck", "Connection: close"]
        head += [*headers, f"Content-Length: {len(body)}", "", ""]
        answer = self.send("\r\n".join(head).encode("utf-8", "surrogateescape") + body)
        status, _, said = answer.partition(b"\r\n\r\n")
        return int(status.split()[1]), said

    def events(self) -> int:
        """Return how many changes are on record, refusals apart."""
        with sqlite3.connect(self.workspace.registry.resolve().as_uri() + "?mode=ro", uri=True) as connection:
            count: int = connection.execute(
                "SELECT count(*) FROM event WHERE action NOT LIKE 'access.%' AND actor LIKE 'user:%'"
                " AND action NOT IN ('request.refused', 'audit.failed')"
            ).fetchone()[0]
        connection.close()
        return count


@pytest.fixture(scope="module", name="target")
def running_deck() -> Iterator[Target]:
    """A deck with one applied model and a running daemon; afterwards it still answers and its record is whole."""
    home = Path(tempfile.mkdtemp(prefix="md"))
    tiny = make_tiny(home)
    try:
        assert tiny("apply").code == 0
        assert tiny("daemon", "start").code == 0
        status = tiny("daemon", "status", "--json").data
        made = Target(tiny, Path(status["socket"]))
        yield made
        after = tiny("daemon", "status", "--json").data
        assert (after["state"], after["pid"]) == ("running", status["pid"])
        assert "Traceback" not in made.log.read_text("utf-8", "replace")
        assert tiny("models", "--json").data[0]["name"] == "rates"
        tiny.intact()
        assert made.asked >= 500
    finally:
        tiny("daemon", "stop", "--all")
        shutil.rmtree(home, ignore_errors=True)


def judge(target: Target, status: int, said: bytes, before: int, what: object) -> None:
    """Look that an answer is one clear line of its own kind, and that what was refused changed nothing."""
    assert status == 200 or status in REFUSED or status == 503, (what, status, said[:500])
    told = json.loads(said)
    assert b"Traceback" not in said, what
    if status != 200:
        error = told["error"]
        assert error["message"], what
        assert error["exit_code"] in range(1, 8), what
        assert target.events() == before, what


def generated(operation: Any) -> list[Any]:
    """Return cases for one operation, made from its description."""
    from hypothesis import HealthCheck, given, seed, settings
    from schemathesis.generation import GenerationMode

    cases: list[Any] = []
    for mode in (GenerationMode.NEGATIVE, GenerationMode.POSITIVE):

        @seed(SEED + len(operation.path))
        @settings(max_examples=EACH, database=None, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode))
        def collect(case: Any) -> None:
            cases.append(case)

        collect()
    return cases


def test_requests_made_from_the_description(target: Target) -> None:
    import schemathesis

    schema = schemathesis.openapi.from_dict(openapi())
    asked = 0
    for found in schema.get_all_operations():
        for case in generated(found.ok()):
            body = case.body
            if not isinstance(body, bytes):
                body = b"" if type(body).__name__ == "NotSet" else json.dumps(body).encode()
            before = target.events()
            operation = case.formatted_path.removeprefix("/v1/op/")
            status, said = target.post(operation, body, "Content-Type: application/json", method=case.method)
            judge(target, status, said, before, (operation, body))
            asked += 1
    assert asked >= 5 * len(OPERATIONS)
    assert health_of(target.path) is not None


DEEP = 20_000
BODIES: tuple[tuple[str, bytes], ...] = (
    ("deep list", b"[" * DEEP + b"]" * DEEP),
    ("deep object", b'{"a":' * DEEP + b"1" + b"}" * DEEP),
    ("deep field", b'{"filter": ' + b"[" * 900 + b"]" * 900 + b"}"),
    ("unclosed", b"[" * DEEP),
    ("huge integer", b'{"limit": ' + b"9" * 10_000 + b"}"),
    ("64 bits and one", b'{"limit": 9223372036854775808, "offset": 9223372036854775808}'),
    ("least 64 bits", b'{"limit": -9223372036854775808, "number": -9223372036854775808}'),
    ("NaN", b'{"limit": NaN}'),
    ("Infinity", b'{"limit": -Infinity}'),
    ("beyond a double", b'{"limit": 1e999, "threshold": 1e999}'),
    ("a float", b'{"limit": 1.5}'),
    ("a boolean", b'{"limit": true, "id": false, "model": true}'),
    ("null", b'{"limit": null, "id": null, "model": null, "filter": null}'),
    ("a list", b'{"id": ["a"], "model": ["a"], "filter": ["a"]}'),
    ("an object", b'{"id": {"$ne": 1}, "model": {"$ne": 1}, "filter": {"a": 1}}'),
    ("no object", b'"text"'),
    ("a number", b"7"),
    ("null alone", b"null"),
    ("spaces", b"   "),
    ("invalid UTF-8", b'{"model": "\xff\xfe", "id": "\xc3"}'),
    ("UTF-16", '{"model": "rates", "id": "x"}'.encode("utf-16")),
    ("byte order mark", b'\xef\xbb\xbf{"model": "rates", "id": "x"}'),
    ("NUL", b'{"model": "ra\\u0000tes", "id": "a\\u0000b", "filter": "\\u0000"}'),
    ("half a character", b'{"model": "\\ud800", "id": "\\udfff", "filter": "\\ud800"}'),
    ("escapes of a terminal", b'{"model": "\\u001b[2J\\u0007", "id": "\\u001b[31m", "filter": "\\u001b[2J"}'),
    ("right to left", '{"model": "\u202erates", "id": "\u202e", "filter": "\u202e"}'.encode()),
    ("new lines", b'{"model": "rates\\nerror: all is lost", "id": "a\\nb", "filter": "a\\nb"}'),
    ("a path", b'{"model": "../../etc/passwd", "id": "../../../etc/passwd", "filter": "../.."}'),
    ("a whole path", b'{"model": "/etc/passwd", "id": "/etc/passwd", "filter": "/etc"}'),
    ("percent signs", b'{"model": "%2e%2e%2f", "id": "%00", "filter": "%s%n"}'),
    ("quotes", b"{\"model\": \"' OR '1'='1\", \"id\": \"'; DROP TABLE event; --\", \"filter\": \"' OR 1=1 --\"}"),
    ("wildcards", b'{"model": "%", "id": "%", "filter": "%"}'),
    ("empty", b'{"model": "", "id": "", "filter": ""}'),
    ("long", b'{"model": "' + b"a" * 60_000 + b'", "id": "b"}'),
    ("a key twice", b'{"model": "rates", "model": "posts", "id": "a", "id": "b"}'),
    ("dunder", b'{"__class__": "x", "__init__": {"__globals__": 1}, "model": "rates"}'),
    ("unclosed quote", b'{"filter": "a=\'b", "model": "rates"}'),
    ("broken regex", b'{"filter": "~(((", "model": "rates"}'),
    ("greedy regex", b'{"filter": "~(a+)+$", "model": "rates"}'),
    ("greedy regex of names", b'{"filter": "action~(([a-z.])+.)+[A-Z]([a-z.])+$", "model": "rates"}'),
    ("many terms", b'{"filter": "' + b"a " * 20_000 + b'", "model": "rates"}'),
    ("too large", b'{"filter": "' + b"a" * 70_000 + b'"}'),
)  # fmt: skip
ASKED = (
    *("models.list", "versions.list", "runs.list", "jobs.list", "jobs.logs", "events.list", "deck.show"),
    *("alerts.ack", "runs.train", "releases.promote", "aliases.set", "serving.predict", "outcomes.record"),
)


@pytest.mark.parametrize("operation", ASKED)
def test_bodies_made_by_hand(target: Target, operation: str) -> None:
    assert operation in OPERATIONS
    for name, body in BODIES:
        before = target.events()
        status, said = target.post(operation, body)
        judge(target, status, said, before, (operation, name))


@pytest.mark.parametrize("name", ["model", "id", "filter"])
def test_every_control_character_is_met(target: Target, name: str) -> None:
    for code in (*range(1, 32), 0x7F, 0x85, 0x2028, 0x200B, 0xFEFF):
        body = json.dumps({name: f"x{chr(code)}y"}).encode()
        operation = {"model": "versions.list", "id": "jobs.detail", "filter": "events.list"}[name]
        before = target.events()
        status, said = target.post(operation, body)
        judge(target, status, said, before, (operation, code))


HEAD = b"POST /v1/op/models.list HTTP/1.1\r\nHost: x\r\n"
RAW: tuple[tuple[str, tuple[bytes, ...]], ...] = (
    ("nothing", (b"",)),
    ("noise", (bytes(range(256)) * 16,)),
    ("TLS", (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200,)),
    ("no version", (b"GET /\r\n\r\n",)),
    ("wrong version", (b"GET /v1/health HTTP/9.9\r\n\r\n",)),
    ("HTTP/2", (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",)),
    ("half a line", (b"POST /v1/op/mod",)),
    ("half a head", (HEAD + b"Content-Le",)),
    ("half a body", (HEAD + b"Content-Length: 100\r\n\r\n{",)),
    ("negative length", (HEAD + b"Content-Length: -1\r\n\r\n{}",)),
    ("length in words", (HEAD + b"Content-Length: two\r\n\r\n{}",)),
    ("two lengths", (HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",)),
    ("enormous length", (HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n{}",)),
    ("length and chunks", (HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",)),
    ("chunk of no size", (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",)),
    ("chunk of minus one", (HEAD + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n",)),
    ("chunk beyond all", (HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}\r\n",)),
    ("chunk shorter than said", (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{}\r\n0\r\n\r\n",)),
    ("chunks without end", (HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 100_000,)),
    ("long extension", (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2;" + b"x" * 100_000 + b"\r\n{}\r\n0\r\n\r\n",)),
    ("unknown encoding", (HEAD + b"Transfer-Encoding: gzip\r\n\r\n\x1f\x8b",)),
    ("header without name", (HEAD + b": x\r\nContent-Length: 2\r\n\r\n{}",)),
    ("header with a space", (HEAD + b"X Y: x\r\nContent-Length: 2\r\n\r\n{}",)),
    ("header with NUL", (HEAD + b"X: a\0b\r\nContent-Length: 2\r\n\r\n{}",)),
    ("folded header", (HEAD + b"X: a\r\n b\r\nContent-Length: 2\r\n\r\n{}",)),
    ("thousands of headers", (HEAD + b"X: a\r\n" * 50_000 + b"\r\n",)),
    ("one long header", (HEAD + b"X: " + b"a" * 1_000_000 + b"\r\n\r\n",)),
    ("long path", (b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n",)),
    ("path of bytes", (b"GET /v1/op/\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",)),
    ("path upwards", (b"POST /v1/op/../../../etc/passwd HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",)),
    ("path upwards, coded", (b"POST /v1/op/%2e%2e%2fstop HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",)),
    ("path with NUL", (b"POST /v1/op/%00 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",)),
    ("absolute address", (b"GET http://169.254.169.254/v1/health HTTP/1.1\r\nHost: x\r\n\r\n",)),
    ("proxy", (b"CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n",)),
    ("upgrade", (b"GET /v1/health HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",)),
    ("waits to go on", (HEAD + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n",)),
    ("unknown method", (b"FROB /v1/op/models.list HTTP/1.1\r\nHost: x\r\n\r\n",)),
    ("wrong method", (b"DELETE /v1/op/models.list HTTP/1.1\r\nHost: x\r\n\r\n",)),
    ("answer instead of a request", (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",)),
    ("garbage after a request", (HEAD + b"Content-Length: 2\r\n\r\n{}garbage\r\n\r\n",)),
    ("a hundred requests at once", ((HEAD + b"Content-Length: 2\r\n\r\n{}") * 100,)),
    ("a request inside a body", (HEAD + b"Content-Length: 31\r\n\r\n{}\r\nPOST /v1/stop HTTP/1.1\r\n\r\n",)),
    ("byte by byte", tuple(bytes([each]) for each in HEAD + b"Content-Length: 2\r\n\r\n{}")),
)
FORGED = (
    "X-Modeldeck-Via: sudo:root",
    "X-Modeldeck-Via: " + "a" * 5000,
    "X-Modeldeck-Via: sudo:\x1b[31m",
    "X-Modeldeck-Product: " + "9" * 5000,
    "X-Modeldeck-Product: ../../x",
    "X-Forwarded-For: 127.0.0.1",
    "Authorization: Basic cm9vdDpyb290",
    "Cookie: role=admin",
    "Content-Type: text/xml",
    "Content-Type: application/json; charset=utf-16",
    "Content-Encoding: gzip",
    "Content-Type: multipart/form-data; boundary=x",
)


@pytest.mark.parametrize(("name", "pieces"), RAW, ids=[name for name, _ in RAW])
def test_bytes_that_are_no_request(target: Target, name: str, pieces: tuple[bytes, ...]) -> None:
    before = target.events()
    answer = target.send(*pieces, patience_s=0.3)
    statuses = [int(each) for each in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]
    assert all(status in (100, 200) or status in REFUSED for status in statuses), (name, answer[:500])
    assert b"Traceback" not in answer
    assert target.events() == before
    assert health_of(target.path) is not None


@pytest.mark.parametrize("header", FORGED, ids=[header[:40] for header in FORGED])
def test_headers_that_claim_something(target: Target, header: str) -> None:
    before = target.events()
    status, said = target.post("models.list", b"{}", header)
    judge(target, status, said, before, header)


def test_connections_cut_at_every_byte(target: Target) -> None:
    whole = HEAD + b"Content-Length: 2\r\n\r\n{}"
    for cut in range(len(whole)):
        target.asked += 1
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(target.path))
            connection.sendall(whole[:cut])
    target.tiny.wait(lambda: health_of(target.path) is not None)  # once it has seen that they are gone
