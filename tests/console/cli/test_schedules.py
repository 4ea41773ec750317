"""What one schedule tells, from the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from one_model import deck_of_one_model

from engine.deck import Deck
from store import schedules

Line = Callable[..., Any]


@pytest.fixture
def deck(folder: Path) -> Iterator[Deck]:
    """The open deck, with a schedule of each kind of trigger."""
    opened = deck_of_one_model(folder)
    with opened.database.write() as tx:
        for id, trigger in (("nightly", "cron 30 3 * * *"), ("told", "on drift"), ("once", "at 2020-01-01T00:00")):
            schedules.declare(tx, 1, id=id, model="rates", stated={"kind": "train", "trigger": trigger})
    yield opened
    opened.database.close()


def moments(told: dict[str, Any]) -> list[datetime]:
    return [datetime.fromisoformat(one["at"]) for one in told["next"]]


def test_the_next_times_are_in_the_decks_zone_and_a_day_apart(line: Line, deck: Deck) -> None:
    told = line("schedules", "show", "nightly", "--json").data
    ahead = moments(told)
    assert (told["zone"], len(ahead)) == ("Europe/Rome", 5)
    assert ahead[0] > datetime.now(UTC)
    assert {at.astimezone(ZoneInfo("Europe/Rome")).strftime("%H:%M") for at in ahead} == {"03:30"}
    assert all(timedelta(hours=23) <= b - a <= timedelta(hours=25) for a, b in pairwise(ahead))
    shown = line("schedules", "show", "nightly").out
    assert "cron 30 3 * * *  in Europe/Rome" in shown
    assert "it has not fired yet" in shown


def test_a_paused_one_and_one_without_a_time_have_none_ahead(line: Line, deck: Deck) -> None:
    assert line("schedules", "show", "told", "--json").data["next"] == []
    assert line("schedules", "show", "once", "--json").data["next"] == []
    assert line("schedules", "pause", "nightly", "--reason", "moving").code == 0
    assert line("schedules", "show", "nightly", "--json").data["next"] == []
    shown = line("schedules", "show", "nightly").out
    assert "modeldeck schedules resume nightly\n" in shown
    told = line("schedules", "show", "nightly", "--json").data
    assert told["paused_by"].startswith("user:")
    assert told["paused_reason"] == "moving"
    assert f"by {told['paused_by'].removeprefix('user:')}: moving" in " ".join(shown.split())
    assert f"paused by {told['paused_by'].removeprefix('user:')}: moving" in line("schedules").out
    listed = {one["id"]: one for one in line("schedules", "--json").data}
    assert (listed["nightly"]["paused_reason"], listed["told"]["paused_reason"]) == ("moving", "")
    assert line("schedules", "resume", "nightly").code == 0
    assert "moving" not in line("schedules").out
    assert line("schedules", "show", "nightly", "--json").data["paused_reason"] == ""


def test_why_times_were_passed_over_is_told(line: Line, deck: Deck) -> None:
    with deck.database.write() as tx:
        schedules.skip(tx, schedules.schedule(tx, "nightly"), "late", 2, "the daemon was down")
    told = line("schedules", "show", "nightly", "--json").data
    assert (told["schedule"]["skipped"], told["passed_over"]) == (2, "the daemon was down")
    assert "2 times; last just now: the daemon was down" in line("schedules", "show", "nightly").out


def test_no_such_schedule_is_said_with_the_nearest(line: Line, deck: Deck) -> None:
    refused = line("schedules", "show", "nightlyy")
    assert refused.code == 3
    assert "nightly" in refused.err
