"""What `--dry-run` says of keys, schedules, alerts and jobs: all that would be refused, and nothing is changed."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.deck import Deck, make_deck
from engine.settings.model import DataSettings, DeckSettings, HostSettings, ModelSettings
from engine.workspace import Workspace
from store import alerts, events, jobs, schedules, settings
from store.errors import Refused, UnknownName

Line = Callable[..., Any]
SCHEDULE = "rates.retrain"


@pytest.fixture
def deck(folder: Path) -> Iterator[Deck]:
    """The open deck of the workspace, with one model, one schedule and one open alert."""
    opened = make_deck(Workspace(folder))
    model = ModelSettings("rates", "regression", DataSettings("rows.csv", "y"))
    body = DeckSettings("deck", "UTC", (HostSettings("local"),), {"rates": model}).to_body()
    with opened.database.write() as tx:
        settings.apply(tx, body, "user:anna", "")
        stated = {"kind": "train", "trigger": "cron 0 3 * * *", "catch_up": "once", "grace_s": 60}
        schedules.declare(tx, 1, id=SCHEDULE, model="rates", stated=stated)
        alerts.raise_alert(
            tx, model="rates", kind="drift", key="drift", severity="warning", title="it drifts", evidence={},
            actor="monitor:rates",
        )  # fmt: skip
    yield opened
    opened.database.close()


@pytest.fixture
def alert(deck: Deck) -> str:
    """The id of the open alert."""
    return alerts.alerts(deck.database)[0].id


@pytest.fixture
def queued(deck: Deck) -> str:
    """The id of a job that waits."""
    with deck.database.write() as tx:
        return jobs.enqueue(tx, kind="train", model="rates", args={}, actor="user:anna", settings_revision=1).id


def test_a_key_that_would_be_made_is_not_shown_and_not_made(line: Line, deck: Deck) -> None:
    before = events.head(deck.database)
    said = line("keys", "add", "rates", "booking", "--dry-run", "--json")
    assert (said.code, said.data["message"]) == (0, "would be made: booking of rates")
    assert "key" not in said.data["body"]
    assert line("keys", "--json").data == []
    assert line("keys", "add", "prices", "booking", "--dry-run").code == UnknownName.exit_code
    assert line("keys", "add", "rates", "No Name", "--dry-run").code == Refused.exit_code
    assert events.head(deck.database) == before


def test_a_key_that_would_be_revoked_still_opens(line: Line, deck: Deck) -> None:
    line("keys", "add", "rates", "booking")
    before = events.head(deck.database)
    said = line("keys", "revoke", "rates", "booking", "--dry-run")
    assert (said.code, said.out) == (0, "would be revoked: booking of rates\n")
    assert [row["revoked_at"] for row in line("keys", "--json").data] == [None]
    assert line("keys", "revoke", "rates", "other", "--dry-run").code == UnknownName.exit_code
    assert events.head(deck.database) == before
    line("keys", "revoke", "rates", "booking", "--yes")
    assert line("keys", "revoke", "rates", "booking", "--dry-run").out == "already revoked: booking of rates\n"


class Terminal(io.StringIO):
    """Streams on which somebody answers."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "code", "revoked"), [("n\n", 2, False), ("y\n", 0, True)])
def test_what_a_key_would_open_no_more_is_said_before_the_question(
    line: Line, deck: Deck, monkeypatch: pytest.MonkeyPatch, answer: str, code: int, revoked: bool
) -> None:
    line("keys", "add", "rates", "booking")
    told = Terminal()
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    monkeypatch.setattr(sys, "stderr", told)
    assert line("keys", "revoke", "rates", "booking").code == code
    assert told.getvalue().startswith("would be revoked: booking of rates\ngo? [y/N] ")
    assert (line("keys", "--json").data[0]["revoked_at"] is not None) is revoked


def test_what_cannot_be_revoked_is_refused_before_anyone_is_asked(line: Line, deck: Deck) -> None:
    line("keys", "add", "rates", "booking")
    assert line("keys", "revoke", "rates", "other").code == UnknownName.exit_code
    said = line("keys", "revoke", "rates", "booking")
    assert said.code == Refused.exit_code
    assert "look with --dry-run, go with --yes" in said.err


def test_an_alert_that_would_be_taken_or_ended_stays_open(line: Line, deck: Deck, alert: str) -> None:
    before = events.head(deck.database)
    for verb, state in (("ack", "acknowledged"), ("resolve", "resolved")):
        said = line("alerts", verb, alert, "--dry-run", "--reason", "only looking")
        assert (said.code, said.out) == (0, f"alert {alert[:16]}: would be {state}\n")
        assert line("alerts", verb, alert, "--dry-run", "--json").data["state"] == state
    assert alerts.alert(deck.database, alert).state == "open"
    assert line("alerts", "ack", "f" * 32, "--dry-run").code == UnknownName.exit_code
    assert events.head(deck.database) == before
    line("alerts", "resolve", alert)
    assert line("alerts", "resolve", alert, "--dry-run").out == f"already resolved: alert {alert[:16]}\n"


def test_a_schedule_that_would_be_paused_or_resumed_stays_as_it_is(line: Line, deck: Deck) -> None:
    before = events.head(deck.database)
    assert line("schedules", "pause", SCHEDULE, "--dry-run").out == f"schedule {SCHEDULE}: would be paused\n"
    assert line("schedules", "pause", "rates.none", "--dry-run").code == UnknownName.exit_code
    assert (schedules.schedule(deck.database, SCHEDULE).paused_at, events.head(deck.database)) == (None, before)
    line("schedules", "pause", SCHEDULE)
    paused = schedules.schedule(deck.database, SCHEDULE)
    assert line("schedules", "pause", SCHEDULE, "--dry-run").out.startswith("already paused")
    assert line("schedules", "resume", SCHEDULE, "--dry-run").out == f"schedule {SCHEDULE}: would be resumed\n"
    assert schedules.schedule(deck.database, SCHEDULE) == paused


def test_a_schedule_that_would_run_asks_for_no_job_and_starts_no_daemon(line: Line, deck: Deck) -> None:
    said = line("schedules", "run", SCHEDULE, "--dry-run")
    assert (said.code, said.out) == (0, f"schedule {SCHEDULE}: would ask for a train job of rates\n")
    assert jobs.jobs(deck.database) == []
    assert schedules.schedule(deck.database, SCHEDULE).last_job_id is None
    assert line("daemon", "status", "--json").data["state"] != "running"
    with deck.database.write() as tx:
        there = jobs.enqueue(
            tx, kind="train", model="rates", args={}, actor="user:anna", settings_revision=1,
            dedupe_key=f"schedule:{SCHEDULE}",
        )  # fmt: skip
    told = line("schedules", "run", SCHEDULE, "--dry-run").out
    assert told == f"schedule {SCHEDULE}: its job {there.id[:16]} is queued, no other would be asked for\n"
    assert len(jobs.jobs(deck.database)) == 1


def test_a_job_that_would_be_cancelled_still_waits(line: Line, deck: Deck, queued: str) -> None:
    before = events.head(deck.database)
    assert line("jobs", "cancel", queued, "--dry-run").out == f"job {queued[:16]}: would be cancelled\n"
    assert (jobs.job(deck.database, queued).state, events.head(deck.database)) == ("queued", before)
