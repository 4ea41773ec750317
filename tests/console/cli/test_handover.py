"""Handover and incidents from the command line: who has the watch, what is open, what changed, the draft afterwards."""

from __future__ import annotations

import getpass
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from one_model import deck_of_one_model, register

from engine.deck import Deck
from store import alerts, deployments, duty, events, jobs, models, releases
from store.rows import Alert

Line = Callable[..., Any]
ME = getpass.getuser()


@pytest.fixture
def deck(folder: Path) -> Iterator[Deck]:
    """The open deck of the workspace, with one model and two versions."""
    opened = deck_of_one_model(folder)
    with opened.database.write() as tx:
        register(tx)
        deployments.ensure_endpoint(tx, "rates")
    yield opened
    opened.database.close()


def raised(deck: Deck, title: str = "it drifts", severity: str = "warning") -> Alert:
    with deck.database.write() as tx:
        return alerts.raise_alert(
            tx, model="rates", kind="drift", key=title, severity=severity, title=title, evidence={}, actor="trigger:m"
        )[0]


def rolled_back(deck: Deck) -> None:
    with deck.database.write() as tx:
        one = releases.open_release(
            tx, endpoint="rates", kind="rollback", from_version=1, to_version=1, settings_revision=1, actor="user:ben"
        )
        models.set_alias(tx, "rates", "champion", 1, actor="user:ben")
        releases.set_state(tx, one.id, "completed", verdict="passed")


def failed(deck: Deck) -> None:
    with deck.database.write() as tx:
        job = jobs.claim(tx, jobs.enqueue(tx, kind="train", model="rates", actor="user:ben").id)
        jobs.finish(tx, job.id, job.attempt, "failed", reason="source raised", exit_code=1)


def test_a_fresh_deck_says_that_nothing_is_open(line: Line, deck: Deck) -> None:
    told = line("handover").out
    assert "nobody has it" in told
    assert re.search(r"^ Open +nothing$", told, re.MULTILINE)
    assert "a day ago: no watch of yours has ended" in told


def test_one_screen_holds_what_is_open_and_what_changed_since_i_left(line: Line, deck: Deck) -> None:
    raised(deck, "before I left", "critical")
    assert line("handover", "take", "--reason", "night").out.strip() == "the watch is yours"
    assert line("handover", "take").out.startswith("already yours")
    assert line("handover", "give").out.strip() == "the watch is nobody's"
    rolled_back(deck)
    failed(deck)
    line("comments", "add", "model", "rates", "it was the fair")
    line("incident", "open", "prices of the fair", "--model", "rates")
    told = line("handover", "--json").data
    assert told["since_why"] == "your last watch ended"
    what = [one["what"] for one in told["changes"]]
    assert any("rolled back" in one for one in what)
    assert any("failed" in one for one in what)
    assert not any("before I left" in one for one in what)
    assert [one["title"] for one in told["alerts"]] == ["before I left"]
    assert [len(told[name]) for name in ("jobs", "incidents", "comments")] == [1, 1, 1]
    screen = line("handover").out
    order = [screen.index(text) for text in ("prices of the fair", "before I left", "source raised", "rolled back")]
    assert order == sorted(order)
    assert max(map(len, screen.splitlines())) <= 200


def test_a_time_may_be_said_and_what_is_none_is_refused(line: Line, deck: Deck) -> None:
    raised(deck, "an hour ago")
    assert "alert opened" in line("handover", "--since", "2h").out
    for said in ("2020-01-01", "yesterday", "3h ago"):
        assert "alert opened" in line("handover", "--since", said).out, said
    for said in ("soon", "2999-01-01", "99999999d", "-3h", "1e9"):
        refused = line("handover", "--since", said)
        assert (refused.code, refused.out, len(refused.err.splitlines())) == (2, "", 1), said


def test_the_watch_is_given_only_to_who_may_act(line: Line, deck: Deck) -> None:
    line("handover", "take")
    assert line("handover", "give", "no-such-user").code == 3
    refused = line("handover", "give", "daemon")
    assert (refused.code, "has no role on this deck" in refused.err) == (2, True)
    standing = duty.standing(deck.database)
    assert standing is not None
    assert standing.actor == f"user:{ME}"


def test_markdown_holds_every_change_and_no_value_makes_markup(line: Line, deck: Deck) -> None:
    raised(deck, "# not a heading | [nor](a link)\n\n## here")
    for number in range(100):
        with deck.database.write() as tx:
            models.set_alias(tx, "rates", f"a{number}", 1, actor="user:ben")
    text = line("handover", "--markdown").out
    assert [row for row in text.splitlines() if row.startswith("#")] == [
        "# Handover of deck",
        "## Open",
        next(row for row in text.splitlines() if row.startswith("## Changed since")),
    ]
    assert len(re.findall(r"^- .* a\d+ v1 ", text, re.MULTILINE)) == 100
    assert "\\[nor\\]" in text


def test_an_incident_has_the_timeline_of_its_models_and_a_draft_to_finish(line: Line, deck: Deck) -> None:
    with deck.database.write() as tx:
        models.set_alias(tx, "rates", "challenger", 1, actor="user:anna")
    one = line("incident", "open", "prices of the fair", "--model", "rates", "--json").data
    found = raised(deck, "rates went wild", "critical")
    line("alerts", "ack", found.id)
    line("incident", "note", one["id"], "the source doubled them")
    rolled_back(deck)
    assert "how did it end" in line("incident", "close", one["id"]).err
    assert (
        "closed; its post-mortem: modeldeck incident export"
        in line("incident", "close", one["id"][:20], "--reason", "rolled back by ben").out
    )
    assert line("incident", "close", one["id"], "--reason", "x").out.startswith("already closed")
    with deck.database.write() as tx:
        models.set_alias(tx, "rates", "after", 1, actor="user:anna")
    detail = line("incident", "show", one["id"], "--json").data
    what = " / ".join(entry["what"] for entry in detail["timeline"])
    parts = ("incident opened", "alert opened: rates went wild", "acknowledged", "rolled back", "incident closed")
    assert re.search(".*".join(parts), what)
    assert "after" not in what
    draft = line("incident", "export", one["id"]).out
    for text in ("| closed |", "rolled back by ben", "| first alert | after 0 min", "the source doubled them"):
        assert text in draft, text
    assert draft.count("_to be written_") == 4
    assert detail["head"] == events.events(deck.database, limit=1)[0].hash
    assert line("incident").err.startswith("no incident is open")
    assert [row["comments"] for row in line("incident", "--all", "--json").data] == [1]


def test_settings_and_versions_of_the_day_before_stand_beside_the_timeline(line: Line, deck: Deck) -> None:
    one = line("incident", "open", "late", "--json").data
    before = " / ".join(entry["what"] for entry in line("incident", "show", one["id"], "--json").data["before"])
    assert "settings revision 1 applied" in before
    assert "v1 registered" in before


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("open", "x", "--model", "nobody"), 3, "no model"),
        (("open", "x", "--since", "tomorrow"), 2, "is not a time"),
        (("open", ""), 2, "is empty"),
        (("note", "ffff", "x"), 3, "no incident"),
        (("show", "ffff"), 3, "no incident"),
        (("export", ""), 3, "no incident"),
    ],
)
def test_bad_input_is_one_line(line: Line, deck: Deck, words: tuple[str, ...], code: int, said: str) -> None:
    before = events.head(deck.database)
    refused = line("incident", *words)
    assert (refused.code, refused.out, len(refused.err.splitlines())) == (code, "", 1)
    assert said in refused.err
    assert events.head(deck.database) == before
