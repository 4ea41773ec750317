"""Files behind HTTP and S3 addresses, against real servers on this machine."""

from __future__ import annotations

import http.server
import threading
from urllib.parse import urlsplit

import pytest

from store.errors import Refused

CSV = b"x,y\n1,2.5\n3,4.5\n"
ROWS = [{"x": 1, "y": 2.5}, {"x": 3, "y": 4.5}]
TOKEN = "hunter2"


class Files(http.server.BaseHTTPRequestHandler):
    """Answers of an HTTP server, and of an object store as far as reading one object goes."""

    def do_HEAD(self):
        self._answer(body=False)

    def do_GET(self):
        self._answer(body=True)

    def _answer(self, *, body):
        path = urlsplit(self.path).path
        self.server.seen.append((path, self.headers.get("Authorization", "")))
        if path == "/away.csv":
            self._head(302, Location=f"{self.server.other}/rows.csv")
        elif path == "/closed.csv" and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._head(401)
        elif path == "/cut.csv":
            self._head(200, **{"Content-Length": "999"})
            self.wfile.write(CSV)
        elif path.endswith("absent.csv"):
            self._head(404)
        else:
            self._head(200, **{"Content-Length": str(len(CSV)), "ETag": '"1"'})
            if body:
                self.wfile.write(CSV)

    def _head(self, status, **headers):
        self.send_response(status)
        for name, value in {"Content-Length": "0", "Connection": "close", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_):
        pass


def serving(other=""):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
    server.seen, server.other = [], other
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return server


@pytest.fixture
def elsewhere():
    server = serving()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def server(elsewhere):
    server = serving(elsewhere.url)
    yield server
    server.shutdown()
    server.server_close()


def test_file_is_read_by_its_address(server, read):
    assert read(f"{server.url}/rows.csv?day=1").to_pylist() == ROWS


def test_credential_opens_what_is_closed(server, read, write, monkeypatch):
    monkeypatch.setenv("RATES_TOKEN", TOKEN)
    assert read(f"{server.url}/closed.csv", secret="env:RATES_TOKEN").to_pylist() == ROWS
    write("token", f"{TOKEN}\n").chmod(0o600)
    assert read(f"{server.url}/closed.csv", secret="file:token").to_pylist() == ROWS


def test_credential_is_not_sent_on_to_where_a_redirect_leads(server, elsewhere, read, monkeypatch):
    monkeypatch.setenv("RATES_TOKEN", TOKEN)
    assert read(f"{server.url}/away.csv", secret="env:RATES_TOKEN").to_pylist() == ROWS
    assert server.seen == [("/away.csv", f"Bearer {TOKEN}")]
    assert elsewhere.seen == [("/rows.csv", "")]


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("absent.csv", r"source http://127\.0\.0\.1:\d+/absent\.csv cannot be fetched: HTTP Error 404"),
        ("closed.csv", "cannot be fetched: HTTP Error 401"),
        ("cut.csv", "cannot be fetched: IncompleteRead"),
        ("rows.xlsx", r"of no known kind: known are \.csv"),
        ("rows.parquet", r"source http://.*/rows\.parquet cannot be read: .*"),
    ],
)
def test_address_that_gives_no_table_is_told(server, read, says, path, told):
    with pytest.raises(Refused, check=says(told)) as refused:
        read(f"{server.url}/{path}")
    assert "/tmp/" not in refused.value.line()


def test_server_that_is_not_there_is_told(read, says):
    with pytest.raises(Refused, check=says("cannot be fetched: .*refused")):
        read("http://127.0.0.1:1/rows.csv")


def test_object_is_read_with_the_key_that_was_given(server, read, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    monkeypatch.setenv("RATES_KEY", "KEYID:hunter2")
    assert read("s3://bucket/days/rows.csv", secret="env:RATES_KEY").to_pylist() == ROWS
    assert {path for path, _ in server.seen} == {"/bucket/days/rows.csv"}
    assert all("Credential=KEYID/" in told and TOKEN not in told for _, told in server.seen)


def test_object_that_is_not_there_is_told(server, read, monkeypatch, says):
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    monkeypatch.setenv("RATES_KEY", "KEYID:hunter2")
    with pytest.raises(Refused, check=says(r"source s3://bucket/absent\.csv cannot be fetched")):
        read("s3://bucket/absent.csv", secret="env:RATES_KEY")
