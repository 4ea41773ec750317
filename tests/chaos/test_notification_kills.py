"""kill -9 of the daemon and of senders while things happen: every event is told, in order, each under one id."""

from __future__ import annotations

import http.server
import json
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from counts import Report
from tiny_deck import Tiny

CHANGES = 12
SETTLE_S = 240.0
Got = list[tuple[str, int]]  # id, settings revision


@pytest.fixture
def receiver() -> Iterator[tuple[int, Got]]:
    """A receiver that takes its time, so that kills hit messages under way."""
    got: Got = []
    lock = threading.Lock()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                got.extend((self.headers["X-Modeldeck-Id"], int(one["subject"]["id"])) for one in told["events"])
            time.sleep(0.7)
            with suppress(OSError):
                self.send_response(200)
                self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server.server_port, got
    server.shutdown()
    server.server_close()


def victim(tiny: Tiny, dice: random.Random) -> tuple[str, int | None]:
    """Return the daemon's process, or as often that of a sender, waited for a moment."""
    if dice.random() < 0.4:
        return "daemon", tiny("daemon", "status", "--json").data["pid"]
    for _ in range(5):
        for job in tiny("jobs", "--json").data:
            if job["kind"] == "notify" and job["state"] == "running" and job["pid"]:
                return "sender", job["pid"]
    return "sender", None


@pytest.mark.chaos
@pytest.mark.timeout(600)
def test_every_event_is_told_in_order_whoever_is_killed(
    tiny: Tiny, receiver: tuple[int, Got], dice: random.Random, seed: int, report: Report, until: Any
) -> None:
    port, got = receiver
    text = (tiny.root / "deck.toml").read_text()
    tiny.environment["HOOK_SECRET"] = "a-secret"
    hook = (
        f'[notify.hook]\nkind = "webhook"\nurl = "http://127.0.0.1:{port}/"\nsecret = "env:HOOK_SECRET"\n'
        'on = ["settings.applied"]\ntimeout = "2s"\nper_minute = 600\n'
    )
    for number in range(CHANGES):
        (tiny.root / "deck.toml").write_text(f"{text}\n[jobs.train]\nretries = {number + 1}\n{hook}")
        assert tiny("apply").code == 0
        assert tiny("daemon", "start").code == 0
        if dice.random() < 0.6:
            what, pid = victim(tiny, dice)
            if pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    report.count(f"{what} killed")

    assert tiny("daemon", "start").code == 0

    def all_told() -> bool:
        rows = tiny("notifications", "--json").data
        return len(rows) == CHANGES and all(row["state"] in ("delivered", "merged") for row in rows)

    until(all_told, SETTLE_S, "every notification has arrived")
    report.count("arrivals", len(got))
    assert list(dict.fromkeys(revision for _, revision in got)) == list(range(1, CHANGES + 1))
    ids = {revision: {id for id, each in got if each == revision} for _, revision in got}
    assert {revision: len(each) for revision, each in ids.items()} == dict.fromkeys(range(1, CHANGES + 1), 1)
    tiny.intact()
