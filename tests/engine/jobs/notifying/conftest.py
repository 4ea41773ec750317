"""A deck with targets, an outbox driven by the test, and a real HTTP server that says what it was sent."""

from __future__ import annotations

import http.server
import re
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from engine.deck import Deck
from engine.jobs.context import JobContext
from engine.jobs.notifying import pacing
from engine.jobs.notifying.outbox import Outbox
from engine.jobs.notifying.sending import send
from engine.settings.apply import apply_settings
from engine.workspace import Workspace
from store import alerts, jobs, notifying
from store.artifacts import Artifacts
from store.clock import SystemClock
from store.database import Fence, open_database
from store.rows import Alert, Job, Notification

SECRET = "whsec-9f8e7d6c5b4a-do-not-tell"
RATES = '[model]\nname = "rates"\ntask = "regression"\n[data]\nsource = "rows.csv"\ntarget = "y"\n'
DOCS = Path(__file__).parents[4] / "docs" / "notifications.md"


@dataclass
class Received:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """A server on loopback. `answers` holds what it answers next; then it answers 200."""

    server: http.server.ThreadingHTTPServer
    got: list[Received] = field(default_factory=list)
    answers: list[Callable[[http.server.BaseHTTPRequestHandler], None]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook"


def answering(status: int, text: str = "", **headers: str) -> Callable[[http.server.BaseHTTPRequestHandler], None]:
    """Return an answer of this status."""

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(text.encode())

    return answer


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server that takes everything."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.got.append(Received(self.path, dict(self.headers), body))
            answer = made.answers.pop(0) if made.answers else answering(200, "thanks")
            answer(self)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made = Receiver(server)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


class Post:
    """A deck whose outbox and sending jobs the test drives, in this process."""

    def __init__(self, deck: Deck) -> None:
        self.deck = deck
        self.outbox = Outbox(deck)

    def settings(self, text: str) -> None:
        """Apply a deck.toml with these targets."""
        (self.deck.workspace.root / "deck.toml").write_text(f'name = "test"\n{text}')
        apply_settings(self.deck, "user:anna", "a test")

    def alert(self, key: str, severity: str = "warning", title: str = "") -> Alert:
        """Open an alert."""
        with self.deck.database.write() as tx:
            return alerts.raise_alert(
                tx,
                model="rates",
                kind="drift",
                key=key,
                severity=severity,
                title=title or f"{key} drifted",
                evidence={},
                actor="trigger:monitor:rates",
            )[0]

    def read_on(self) -> list[Job]:
        """Let the outbox act as a new daemon's would, and return the sending jobs that wait."""
        self.outbox = Outbox(self.deck)
        while self.outbox.tick():
            pass
        return [job for job in jobs.queued(self.deck.database) if job.kind == "notify"]

    def run(self, job: Job) -> dict[str, Any]:
        """Do what the process of a sending job does."""
        with self.deck.database.write() as tx:
            claimed = jobs.claim(tx, job.id)
        context = JobContext(self.deck, claimed, Fence(claimed.id, claimed.attempt))
        try:
            result = send(context)
        except BaseException as error:
            self._finish(claimed, "failed", str(error))
            raise
        self._finish(claimed, "succeeded", "")
        return result

    def _finish(self, job: Job, state: str, reason: str) -> None:
        with self.deck.database.write() as tx:
            jobs.finish(tx, job.id, job.attempt, state, reason=reason, exit_code=int(state == "failed"))

    def send(self) -> list[dict[str, Any]]:
        """Read on and send to every target that has something due."""
        return [self.run(job) for job in self.read_on()]

    def send_until_done(self, within_s: float = 20.0) -> None:
        """Send until nothing waits."""
        deadline = time.monotonic() + within_s
        self.send()
        while notifying.waiting_targets(self.deck.database):
            assert time.monotonic() < deadline, self.log()
            self.send()
            time.sleep(0.01)

    def log(self, **narrowed: str) -> list[Notification]:
        """Return the delivery log, oldest first."""
        return notifying.notifications(self.deck.database, **narrowed)[::-1]


@pytest.fixture
def post(tmp_path: Path, empty_registry: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Post]:
    """An open deck with the model `rates` and no targets; retries come a hundred times as soon."""
    monkeypatch.setattr(pacing, "FIRST_BACKOFF_S", 0.05)
    monkeypatch.setattr(pacing, "LONGEST_BACKOFF_S", 0.1)
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    workspace = Workspace((tmp_path / "deck").resolve())
    workspace.state.mkdir(parents=True, mode=0o700)
    (workspace.root / "models").mkdir()
    (workspace.root / "models" / "rates.toml").write_text(RATES)
    shutil.copyfile(empty_registry, workspace.registry)
    clock = SystemClock()
    database = open_database(workspace.registry, clock)
    yield Post(Deck(workspace, database, Artifacts(workspace.artifacts), clock))
    database.close()


@pytest.fixture
def hook(receiver: Receiver) -> Callable[..., str]:
    """Return a function that makes the settings of a webhook to the receiver."""

    def make(name: str = "hook", **said: Any) -> str:
        lines = {"url": receiver.url, "secret": "env:HOOK_SECRET", "on": ["alert.*"], **said}
        return f'\n[notify.{name}]\nkind = "webhook"\n' + "".join(
            f"{key} = {_toml(v)}\n" for key, v in lines.items() if v is not None
        )

    return make


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return str(value) if isinstance(value, int) else f'"{value}"'


@pytest.fixture(scope="session")
def documented() -> Callable[[str, str], str]:
    """Return a function: the block of docs/notifications.md after a comment."""

    def block(mark: str, language: str) -> str:
        found = re.search(rf"<!-- {mark}:.*?-->\n```{language}\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
        assert found is not None
        return found.group(1)

    return block


@pytest.fixture
def secret() -> str:
    """What the webhook is signed with."""
    return SECRET


@dataclass
class SelfSigned:
    """A TLS server whose certificate only it vouches for."""

    port: int
    certificate: Path
    requests: int = 0


@pytest.fixture
def self_signed(tmp_path: Path) -> Iterator[SelfSigned]:
    """A server for `localhost` that answers 200."""
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made.requests += 1
            self.rfile.read(int(self.headers["Content-Length"]))
            answering(200)(self)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """Say nothing of handshakes that the client ended."""

    server = Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.daemon_threads = True
    made = SelfSigned(server.server_port, certificate)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture(name="answering", scope="session")
def answering_fixture() -> Callable[..., Callable[[http.server.BaseHTTPRequestHandler], None]]:
    """Return the maker of answers."""
    return answering
