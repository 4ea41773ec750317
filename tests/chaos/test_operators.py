"""Two daemons, eight operators on one model under traffic: the order of events explains every outcome."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from counts import Report
from tiny_deck import MODEL, Tiny
from workload import Asking

from engine.deck import Deck, open_deck
from engine.service.lock import holder
from engine.workspace import Workspace
from store import events, models, releases
from store.rows import Event

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]

OPERATORS = 8
ROUNDS = int(os.environ.get("MODELDECK_CHAOS_ROUNDS", "3"))
THINK_S = 30.0  # at most; a release takes some seconds, so some find one open and some get theirs through
ENOUGH_WITHIN_S = 400.0  # operators go on beyond their rounds until every outcome was seen, at most for so long
ENDS = ("completed", "aborted", "failed")


@dataclass(frozen=True)
class Told:
    """What one operator typed and was told. The reason is of this one command."""

    words: str
    reason: str
    code: int
    text: str


@dataclass
class Replayed:
    """What the events alone say: the release that is open, the champion, and what became of each reason."""

    open: str | None = None
    champion: int | None = None
    by_reason: dict[str, list[str]] = field(default_factory=dict)
    release_of: dict[str, str] = field(default_factory=dict)
    end_of: dict[str, str] = field(default_factory=dict)
    overlaps: int = 0

    def take(self, event: Event) -> None:
        """Go one event further."""
        if event.reason:
            self.by_reason.setdefault(event.reason, []).append(event.action)
        if event.action == "release.requested":
            self.overlaps += self.open is not None
            self.open = event.subject_id
            self.release_of[event.reason] = event.subject_id
        elif event.subject_kind == "release" and event.action.removeprefix("release.") in ENDS:
            assert event.subject_id == self.open, event
            self.open = None
            self.end_of[event.subject_id] = event.action.removeprefix("release.")
        elif event.action == "alias.moved" and event.subject_id == "rates:champion":
            assert event.body["from"] == self.champion, event
            self.champion = event.body["to"]


def test_of_several_daemons_started_at_once_one_stays(tiny: Tiny, report: Report, until: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("HOME", str(tiny.home))
    assert tiny("apply").code == 0
    workspace = Workspace(tiny.root.resolve())
    command = [sys.executable, "-P", "-m", "engine.daemon", "-w", str(tiny.root)]
    for number in range(3):
        started = [
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
            for _ in range(3)
        ]
        until(lambda started=started: sum(one.poll() is not None for one in started) == 2, 60, "all but one have ended")
        assert sorted(one.poll() for one in started if one.poll() is not None) == [0, 0]
        [staying] = [one for one in started if one.poll() is None]
        found = holder(workspace)
        assert found is not None
        assert (found.role, found.pid) == ("daemon", staying.pid)
        until(lambda: tiny("daemon", "status", "--json").data["state"] == "running", 60, "it answers")
        assert tiny("daemon", "status", "--json").data["pid"] == staying.pid
        report.count("races of three daemons")
        if number % 2:
            staying.kill()
        else:
            assert tiny("daemon", "stop").code == 0
        staying.wait(60)


def test_every_outcome_is_explained_by_the_order_of_events(
    tiny: Tiny, dice: random.Random, report: Report, until: Any
) -> None:
    tiny.write_model(MODEL.replace('max_wait = "1s"', 'max_wait = "30s"'))
    for _ in range(3):
        assert tiny("train", "rates").code == 0
    assert tiny("promote", "rates", "1", "--yes").code == 0
    [endpoint] = tiny("endpoints", "--json").data
    asking = Asking(tiny, endpoint["addresses"]["local"])
    crew = Crew(tiny, [dice.randrange(1_000_000) for _ in range(OPERATORS)])
    asking.start()
    try:
        crew.work()
        deck = open_deck(Workspace(tiny.root.resolve()))
        going = ("pending", "running")
        until(lambda: not [r for r in releases.releases(deck.database) if r.state in going], 120, "quiet")
    finally:
        asking.stop()
    _explain(deck, crew.told, report)
    _serves_what_it_says(tiny, deck, asking, report)
    deck.database.close()


class Crew:
    """Operators who type one line after another, with a think in between, and know nothing of each other."""

    def __init__(self, tiny: Tiny, seeds: list[int]) -> None:
        self.told: list[Told] = []
        self._tiny = tiny
        self._until = time.monotonic() + ENOUGH_WITHIN_S
        self._threads = [
            threading.Thread(target=self._operate, args=(number, random.Random(seed)))
            for number, seed in enumerate(seeds)
        ]

    def work(self) -> None:
        """Work until each has had the rounds, and every kind of outcome was seen."""
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            thread.join()

    def outcomes(self) -> set[str]:
        """Return the outcomes seen so far, by what the commands told."""
        return {_outcome(one) for one in list(self.told)}

    def _operate(self, number: int, dice: random.Random) -> None:
        turn = 0
        while turn < ROUNDS or (not self._has_seen_all() and time.monotonic() < self._until):
            time.sleep(dice.uniform(0, THINK_S))
            reason = f"operator {number} turn {turn}"
            if dice.random() < 0.2:
                words = ("rollback", "rates", "--yes", "--reason", reason)
            else:
                words = ("promote", "rates", str(dice.randint(1, 3)), "--yes", "--reason", reason)
            said = self._tiny(*words)
            self.told.append(Told(" ".join(words), reason, said.code, (said.out + said.err).strip()))
            turn += 1

    def _has_seen_all(self) -> bool:
        return {"promoted", "aborted", "refused"} <= self.outcomes()


def _outcome(one: Told) -> str:
    if one.code == 0 and one.words.startswith("promote") and "already" not in one.text:
        return "promoted"
    return {1: "aborted", 2: "refused"}.get(one.code, "other")


def _explain(deck: Deck, told: list[Told], report: Report) -> None:
    assert events.verify(deck.database).ok
    replayed = Replayed()
    for event in reversed(events.events(deck.database, limit=1_000_000)):
        replayed.take(event)
    assert replayed.overlaps == 0
    champion = models.alias(deck.database, "rates", "champion")
    assert champion is not None
    assert champion.version == replayed.champion
    stands = {one.id: one.state for one in releases.releases(deck.database, limit=10_000)}
    seen: Counter[str] = Counter()
    for one in told:
        assert "Traceback" not in one.text, one
        assert one.text.splitlines()[-1:], one
        actions = replayed.by_reason.get(one.reason, [])
        release = replayed.release_of.get(one.reason)
        verb = one.words.split()[0]
        if release is not None:
            end = replayed.end_of.get(release, stands[release])
            # whoever opened a release follows it: 0 only if it came to its end, 7 if it waits, else something else
            assert (one.code == 0) == (end == "completed"), (one, end)
            assert (one.code == 7) == (end == "held"), (one, end)
            assert ("alias.moved" in actions) == (end == "completed"), (one, actions)
            seen[f"{verb}: {end}"] += 1
        elif "release.aborted" in actions:  # a rollback while another's release was open is its abort
            assert verb == "rollback", one
            assert one.code == 0, one
            seen["rollback: aborted another's release"] += 1
        elif one.code == 0:
            assert "already" in one.text, one
            seen[f"{verb}: already so"] += 1
        else:
            assert one.code in (2, 5), one  # refused, and the record knows nothing of it but settings
            assert not [action for action in actions if action.startswith(("release.", "alias."))], (one, actions)
            seen[f"{verb}: refused"] += 1
    for outcome, count in sorted(seen.items()):
        report.count(outcome, count)
    report.counts["events verified"] = events.verify(deck.database).verified
    assert len(told) >= OPERATORS * ROUNDS
    # the race is one only where each side of it was seen
    for outcome in (
        "promote: completed",
        "promote: aborted",
        "rollback: aborted another's release",
        "promote: refused",
    ):
        assert seen[outcome], (outcome, seen)


def _serves_what_it_says(tiny: Tiny, deck: Deck, asking: Asking, report: Report) -> None:
    """Of all requests meanwhile none was dropped, and the registry's champion is what answers now."""
    assert asking.answered.failures == []
    assert asking.answered.ids
    report.counts["requests answered"] = len(asking.answered.ids) // 2
    held = [one for one in releases.releases(deck.database) if one.state == "held"]
    champion = models.alias(deck.database, "rates", "champion")
    assert champion is not None
    if not held:
        assert f"3 predictions by rates@{champion.version}" in tiny("predict", "rates", str(tiny.asked(3))).err
