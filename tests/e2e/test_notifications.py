"""Notifications through the real command line and daemon: tested, lost by nobody, replayed, and no secret anywhere."""

from __future__ import annotations

import http.server
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tiny_deck import Tiny

pytestmark = pytest.mark.e2e

TOKEN = "tok-5f4e3d2c1b0a-do-not-tell"
SECRET = "whsec-0a1b2c3d4e5f-do-not-tell"
MAIL = "mail-password-do-not-tell"


@dataclass
class Receiver:
    """A receiver that repeats all it knows, and fails as long as it is told to."""

    port: int
    fails: bool = False
    got: list[tuple[str, dict[str, object]]] = field(default_factory=list)


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.got.append((self.headers["X-Modeldeck-Id"], json.loads(body)))
            self.send_response(500 if made.fails else 200)
            self.end_headers()
            self.wfile.write(f"{self.path} {SECRET} {self.headers['Host']}".encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made = Receiver(server.server_port)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def told(tiny: Tiny, receiver: Receiver) -> Tiny:
    """The deck with two targets, one of which nobody answers for; their secrets lie in a file and the environment."""
    tiny.environment.update(
        HOOK_URL=f"http://127.0.0.1:{receiver.port}/hook/{TOKEN}",
        MAIL_URL=f"mailto://anna:{MAIL}@127.0.0.1:9?from=a@example.com&to=b@example.com",
    )
    secrets = tiny.root / "secrets"
    secrets.mkdir()
    (secrets / "hook").touch(mode=0o600)
    (secrets / "hook").write_text(SECRET)
    settings(tiny)
    assert tiny("apply").code == 0
    assert tiny("daemon", "start").code == 0
    return tiny


def settings(tiny: Tiny, more: str = "") -> None:
    text = (tiny.root / "deck.toml").read_text().partition("\n[notify")[0]
    targets = (
        '\n[notify.hook]\nkind = "webhook"\nurl = "env:HOOK_URL"\nsecret = "file:secrets/hook"\n'
        'on = ["settings.applied", "job.failed"]\n'
        '[notify.mail]\nurl = "env:MAIL_URL"\non = ["job.failed"]\ntimeout = "2s"\n'
    )
    (tiny.root / "deck.toml").write_text(f"{text}{targets}{more}")


def rows(tiny: Tiny, **narrowed: str) -> list[dict[str, object]]:
    flags = [word for name, value in narrowed.items() for word in (f"--{name}", value)]
    found: list[dict[str, object]] = tiny("notifications", *flags, "--json").data
    return found[::-1]


def fail_a_job(tiny: Tiny) -> None:
    (tiny.root / "rates.csv").rename(tiny.root / "away.csv")
    assert tiny("data", "ingest", "rates").code == 2
    (tiny.root / "away.csv").rename(tiny.root / "rates.csv")


def test_a_test_message_arrives_and_says_what_came_back(told: Tiny, receiver: Receiver) -> None:
    said = told("notifications", "test", "hook")
    assert said.code == 0, said
    assert "reached hook, which answered 200" in said.out
    # what the settings told may come before it or after
    assert "test" in [one["event"] for _, body in receiver.got for one in body["events"]]  # type: ignore[attr-defined]
    receiver.fails = True
    assert "answered 500 Internal Server Error" in told("notifications", "test", "hook").err
    receiver.fails = False
    assert "no target 'hok'" in told("notifications", "test", "hok").refusal(3)
    assert [one["state"] for one in rows(told, target="hook") if one["event"] == "test"] == ["delivered", "failed"]


def test_check_reads_the_files_of_secrets_and_says_what_the_daemon_needs(told: Tiny) -> None:
    said = told("check")
    assert said.code == 0
    assert "webhook, told of settings.applied, job.failed; the daemon needs HOOK_URL" in said.out
    secret = told.root / "secrets" / "hook"
    secret.chmod(0o644)
    open_to_others = told("check")
    secret.chmod(0o600)
    assert open_to_others.code == 2
    assert "others may read the secret file" in open_to_others.err


def test_what_happened_while_the_daemon_was_down_is_told_in_order(told: Tiny, receiver: Receiver) -> None:
    assert told("daemon", "stop").code == 0
    before = len(receiver.got)
    for number in range(3):
        settings(told, f"# {number}\n[jobs.train]\nretries = {number + 1}\n")
        assert told("apply").code == 0
    assert len(receiver.got) == before
    assert told("daemon", "start").code == 0
    told.wait(lambda: len(receiver.got) >= before + 3)
    revisions = [one["events"][0]["subject"]["id"] for _, one in receiver.got[before:]]  # type: ignore[index]
    assert revisions == sorted(revisions, key=int)
    assert len(set(revisions)) == 3


def test_a_failed_job_is_told_and_a_replay_carries_the_same_id(told: Tiny, receiver: Receiver) -> None:
    fail_a_job(told)
    (row,) = told.wait(
        lambda: [one for one in rows(told, target="hook", state="delivered") if one["event"] == "job.failed"]
    )
    id = str(row["id"])
    assert str(row["title"]).startswith("rates: ingest job failed (")
    assert told("notifications", "replay", id[:16], "--dry-run").out == f"notification {id[:16]}: would be pending\n"
    assert told("notifications", "replay", id[:16], "--reason", "lost there").code == 0
    told.wait(lambda: [got for got, _ in receiver.got].count(id) == 2)
    shown = told("show", "notification", id[:16], "--json").data["body"]
    assert (shown["attempts"], shown["told_with_it"]) == (2, [])
    assert "lost there" in told("events", "--json").out
    assert "no notification 'ffff'" in told("notifications", "replay", "ffff").refusal(3)


def test_no_secret_is_kept_or_shown_anywhere(told: Tiny, receiver: Receiver) -> None:
    receiver.fails = True
    fail_a_job(told)
    told.wait(
        lambda: rows(told, target="hook")[-1]["error"] and rows(told, target="mail")[0]["error"]
    )  # heads its line
    assert "did not arrive: modeldeck notifications" in told("pulse").out
    last = rows(told, target="hook")[-1]
    receiver.fails = False
    assert "***" in str(last["response"])
    said = [
        told("notifications").out,
        told("notifications", "--json").out,
        told("show", "notification", str(last["id"])).out,
        told("show", "notification", str(last["id"]), "--json").out,
        told("events", "--limit", "500", "--json").out,
        told("jobs", "--json").out,
        told("pulse", "--json").out,
        told("check").out,
        told("notifications", "test", "mail").err,
    ]
    told("daemon", "stop")  # folds the registry's log into its file
    files = [Path(folder) / name for folder, _, names in os.walk(told.root / ".modeldeck") for name in names]
    assert len(files) > 5
    for secret in (TOKEN, SECRET, MAIL):
        assert [text for text in said if secret in text] == []
        assert [file for file in files if secret.encode() in file.read_bytes()] == []
    told.intact()


@pytest.mark.parametrize(
    "target",
    [f'url = "slack://{TOKEN}/b/c"', f'kind = "webhook"\nurl = "https://a:{TOKEN}@example.com"\nsecret = "env:A"'],
)
def test_check_refuses_a_secret_in_plain_and_does_not_repeat_it(told: Tiny, target: str) -> None:
    settings(told, f"[notify.other]\n{target}\n")
    for verb in ("check", "apply"):
        said = told(verb)
        assert said.code == 2
        assert "holds a password or token" in said.out + said.err
        assert 'url = "env:NAME"' in said.out + said.err
        assert TOKEN not in said.out + said.err
    settings(told)
