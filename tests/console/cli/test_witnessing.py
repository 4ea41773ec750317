"""Witnesses that are no file: a URL, a program; and files that are no witness at all."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from console.commands.witnessing import is_near, takers
from store.errors import Refused, WorkFailed

LINE = json.dumps({"seq": 7, "hash": "ab"}).encode() + b"\n"


class Witness(BaseHTTPRequestHandler):
    """Keeps what comes to /heads, and sends everybody else away."""

    heads: list[bytes]

    def do_POST(self) -> None:
        """Take a head."""
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/heads?deck=a":
            type(self).heads.append(content)
        self.send_response({"/heads?deck=a": 201, "/elsewhere": 302}.get(self.path, 500))
        self.send_header("Location", "/heads?deck=a")
        self.end_headers()

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@pytest.fixture(name="url")
def witness_at_a_url() -> Iterator[str]:
    """A witness that listens on this machine."""
    Witness.heads = []
    with HTTPServer(("127.0.0.1", 0), Witness) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def give(file: str | None = None, url: str = "", command: str = "") -> list[str]:
    """Give the line to each witness, and return their names."""
    found = takers(file, url, command)
    for _, take in found:
        take(LINE)
    return [name for name, _ in found]


def test_a_url_is_sent_the_line_and_must_say_that_it_took_it(url: str) -> None:
    assert give(url=f"{url}/heads?deck=a") == [f"{url}/heads?deck=a"]
    assert Witness.heads == [LINE]
    with pytest.raises(WorkFailed, match=r"127\.0\.0\.1 does not take the head: it answers 500"):
        give(url=f"{url}/broken")
    with pytest.raises(WorkFailed, match="it answers 302"):  # nobody is followed elsewhere
        give(url=f"{url}/elsewhere")
    assert Witness.heads == [LINE]


def test_a_program_reads_the_line_and_must_end_well(tmp_path: Path) -> None:
    kept = tmp_path / "heads.jsonl"
    assert give(command=f"tee -a {kept}") == ["tee"]
    assert give(command=f"tee -a {kept}") == ["tee"]
    assert kept.read_bytes() == LINE * 2
    failing = f"{sys.executable} -c \"import sys; sys.exit('no room there')\""
    with pytest.raises(WorkFailed, match="ended with 1: no room there"):
        give(command=failing)
    with pytest.raises(WorkFailed, match="cannot be run"):
        give(command=str(tmp_path / "absent"))


def test_several_at_once_each_take_it(tmp_path: Path, url: str) -> None:
    kept, other = tmp_path / "heads.jsonl", tmp_path / "other.jsonl"
    assert len(give(str(kept), f"{url}/heads?deck=a", f"tee -a {other}")) == 3
    assert kept.read_bytes() == other.read_bytes() == LINE
    assert Witness.heads == [LINE]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://witness.example.com/heads", "is not encrypted"),
        ("ftp://witness.example.com", "is no URL"),
        ("witness", "is no URL"),
        ("https://", "is no URL"),
        ("https://[::1", "is no URL"),
        ("https://host:port/", "is no URL"),
        ("https://me:secret@witness.example.com", "a secret in a URL"),
    ],
)
def test_a_url_that_nobody_could_rely_on_is_refused(url: str, told: str) -> None:
    with pytest.raises(Refused, match=told):
        takers(None, url, "")


@pytest.mark.parametrize("command", ["'", " "])
def test_a_line_that_names_no_program_is_refused(command: str) -> None:
    with pytest.raises(Refused, match="--command"):
        takers(None, "", command)


def test_nobody_is_no_witness_and_the_decks_own_disk_a_poor_one(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="who is to keep the head"):
        takers(None, "", "")
    kept = tmp_path / "heads.jsonl"
    kept.write_bytes(LINE)
    assert "lies on the deck's own disk" in is_near(kept, tmp_path)
    assert is_near(Path("/proc/version"), tmp_path) == ""
