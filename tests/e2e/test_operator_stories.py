"""Whole stories of an operator at 80x24, by keys alone on a real deck with a real daemon; each counts its keys."""

from __future__ import annotations

import http.server
import json
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moderation_deck import NAME, Posts, make_moderation, settings
from operator_console import operator, tell
from tiny_deck import Tiny

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

WHY = "people greet with links now; v1 is back"


@pytest.fixture(scope="module")
def team() -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """What the team's chat is told: its port, and the messages."""
    got: list[dict[str, Any]] = []

    class Chat(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Chat)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server.server_port, got
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module", name="deck")
def deck_of_moderation(team: tuple[int, list[dict[str, Any]]]) -> Iterator[Tiny]:
    """A deck whose v2 serves, whose v1 is the way back, and whose team is told what is done to releases."""
    tiny = make_moderation(Path(tempfile.mkdtemp(prefix="md")))
    (tiny.root / "secret").touch(mode=0o600)
    (tiny.root / "secret").write_text("whsec-of-the-team")
    with (tiny.root / "deck.toml").open("a") as file:
        file.write(
            f'\n[notify.team]\nkind = "webhook"\nurl = "http://127.0.0.1:{team[0]}/chat"\n'
            'secret = "file:secret"\non = ["release.rolled_back", "release.requested"]\n'
        )
    assert tiny("apply").code == 0
    yield tiny
    tiny("daemon", "stop", "--all")

    def gone() -> bool:
        """Remove it; a job outlives its daemon, and may still be writing its last lines."""
        shutil.rmtree(tiny.home, ignore_errors=True)
        return not tiny.home.exists()

    tiny.wait(gone)


@pytest.fixture(scope="module", name="degraded")
def deck_that_degrades(deck: Tiny) -> Tiny:
    """The world has changed: v2 is wrong most of the time, and its alerts are open."""
    posts = Posts(deck)
    posts.window()
    posts.window(changed=True)
    assert {one["severity"] for one in deck("alerts", "--json").data} == {"critical", "warning"}
    return deck


def test_an_alert_is_taken_and_another_put_aside(degraded: Tiny) -> None:
    with operator(degraded) as person:
        person.presses("9", "‼ critical", "! warning")
        person.presses("A", "acknowledged:")
        person.presses("g")  # what is taken goes down the list, and the cursor with it
        person.presses("Z", "Puts it aside for 4h")
        person.presses("y", "snoozed:")
        tell("acknowledge an alert and snooze another", person, 5)
    states = {one["severity"]: one["state"] for one in degraded("alerts", "--all", "--json").data}
    assert states == {"critical": "acknowledged", "warning": "snoozed"}


def test_moderation_degraded(degraded: Tiny, team: tuple[int, list[dict[str, Any]]]) -> None:
    """Find why, go back, tell the team."""
    before = len(team[1])
    with operator(degraded) as person:
        person.sees("degraded log_loss", "drift in links")  # where it hurts, and since when, is the first screen
        person.presses("9", "‼ critical")
        person.presses("enter", "Before it", "promoted v1 → v2", "Promised")
        person.presses("w", "realised log_loss", "MOVED MOST")
        person.presses("R", "Roll back moderation: v2 → v1", "golden requests ✓ passed")
        person.presses("e", "reason:")
        person.types(WHY, is_prose=True)
        person.presses("y", "v1 has the traffic")
        person.sees("completed")
        person.presses("0", "✓ delivered", "rolled back v2 → v1")
        tell("moderation degraded: find why, go back, tell the team", person, 12)
    degraded.wait(lambda: degraded.champion() == 1)
    degraded.wait(lambda: len(team[1]) > before)
    assert any(WHY in json.dumps(message) for message in team[1][before:])
    degraded.intact()


def test_what_served_yesterday(deck: Tiny) -> None:
    with operator(deck) as person:
        person.presses(":")
        person.types("at yesterday")
        person.sees("at yesterday", "nothing")
        person.presses("q")
        person.presses("h", "v1 → v2", "MOVE")
        person.presses("t", "TRAFFIC", "100 %")  # what served when that was asked for
        tell("what served yesterday, and what before a release", person, 17)


def test_a_model_is_trained_and_its_challenger_promoted(deck: Tiny) -> None:
    deck.write_model(settings(max_wait="1s"), NAME)
    number = 1 + max(one["number"] for one in deck("versions", NAME, "--json").data)
    with operator(deck) as person:
        person.presses("T", f"Train {NAME}")
        person.presses("y", "4 shows the jobs")
        person.sees(f"v{number} waits")  # the first screen says when it is there
        person.presses("P", f"→ v{number}", "Gates")
        person.presses("y", "it goes on without this console")
        person.sees("‖ held")
        person.presses("U", "without the evidence it was waiting for")
        person.presses("e", "reason:")
        person.types("nobody asks it anything yet", is_prose=True)
        person.presses("y")
        person.sees("completed")
        tell("train a challenger and promote it", person, 9)
    deck.wait(lambda: deck.champion() == number)


def test_a_rollout_is_aborted(deck: Tiny) -> None:
    deck.write_model(settings(max_wait="1h"), NAME)
    before = deck.champion()
    assert deck("train", NAME).code == 0
    assert deck("promote", NAME, "--yes", "--detach").code == 0
    deck.wait(lambda: {("weight", "running")} & _steps(deck))
    with operator(deck) as person:
        person.sees("50 % of traffic")
        person.presses("X", "returns to")
        person.presses("y", "aborted")
        tell("abort a rollout", person, 2)
    deck.wait(lambda: deck("releases", "--json").data[0]["state"] == "aborted")
    assert deck.champion() == before


def _steps(deck: Tiny) -> set[tuple[str, str]]:
    """Return kind and state of the newest release's steps."""
    return {(step["kind"], step["state"]) for step in deck("releases", "show", NAME, "--json").data["steps"]}
