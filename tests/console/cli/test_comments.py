"""Comments from the command line: written, read as a thread, edited, withdrawn, counted in lists; watches."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from one_model import deck_of_one_model, register

from engine.deck import Deck
from engine.settings.apply import apply_settings
from store import alerts, events

Line = Callable[..., Any]


@pytest.fixture
def deck(folder: Path) -> Iterator[Deck]:
    """The open deck of the workspace, with one model and one version."""
    opened = deck_of_one_model(folder)
    with opened.database.write() as tx:
        register(tx)
    yield opened
    opened.database.close()


def test_a_thread_is_read_as_it_was_said(line: Line, deck: Deck) -> None:
    first = line("comments", "add", "version", "rates@1", "weekends are off\nsee slice", "--json").data["comment"]
    line("comments", "add", "version", "rates@1", "the holiday flag", "--reply-to", first["id"][:20])
    line("comments", "add", "model", "rates", "elsewhere")
    told = line("comments", "version", "rates@1").out.splitlines()
    assert told[0] == "version rates@1"
    assert re.fullmatch(r"  [0-9a-f]{8,}  \S+  [\d-]+ \d\d:\d\d", told[1])
    assert told[2:4] == ["    weekends are off", "    see slice"]
    assert told[4].startswith("    ")
    assert told[5] == "      the holiday flag"
    assert len(told) == 6
    rows = line("comments", "version", "rates@1", "--json").data
    assert [row["depth"] for row in rows] == [0, 1]
    assert len(line("comments", "--json").data) == 3


def test_lists_count_what_is_said_only_where_something_is(line: Line, deck: Deck) -> None:
    assert "comments" not in line("models").out
    line("comments", "add", "model", "rates", "one")
    line("comments", "add", "version", "rates@1", "two")
    line("comments", "add", "run", line("runs", "--json").data[0]["id"], "three")
    with deck.database.write() as tx:
        alert = alerts.raise_alert(
            tx, model="rates", kind="drift", key="k", severity="warning", title="it drifts", evidence={}, actor="x"
        )[0]
    line("comments", "add", "alert", alert.id, "four")
    for words in ("models", "versions rates", "runs", "alerts"):
        assert line(*words.split()).out.splitlines()[0].split()[-1] == "comments"
        assert [row["comments"] for row in line(*words.split(), "--json").data] == [1]


def test_an_edit_leaves_the_former_text_and_a_withdrawal_none(line: Line, deck: Deck) -> None:
    id = line("comments", "add", "model", "rates", "it is fin", "--json").data["comment"]["id"]
    assert re.search(r"edited$", line("comments", "edit", id, "it is fine").out.strip())
    assert line("comments", "edit", id, "it is fine").out.startswith("already so")
    assert [row["text"] for row in line("comments", "history", id, "--json").data] == ["it is fin", "it is fine"]
    assert "withdrawn" in line("comments", "withdraw", id, "--reason", "wrong").out
    assert line("comments", "withdraw", id).out.startswith("already withdrawn")
    assert "(withdrawn by " in line("comments", "model", "rates").out
    assert line("show", "comment", id, "--json").data["body"]["text"] == ""


def test_who_is_called_is_told_by_their_target_or_the_line_says_how(line: Line, deck: Deck, folder: Path) -> None:
    said = line("comments", "add", "model", "rates", "@ben look")
    assert 'nothing tells ben: people = ["ben"] under [notify.NAME] in deck.toml does' in said.err
    with (folder / "deck.toml").open("a") as text:
        text.write('\n[notify.bens]\nurl = "env:BENS"\npeople = ["ben"]\n')
    apply_settings(deck, "user:anna", "a test")
    said = line("comments", "add", "model", "rates", "@ben look again")
    assert said.out.strip().endswith("added; told by bens")
    assert said.err == ""


def test_a_dry_run_writes_nothing(line: Line, deck: Deck) -> None:
    before = events.head(deck.database)
    assert "would be added" in line("comments", "add", "model", "rates", "x", "--dry-run").out
    assert "would be watched" in line("comments", "watch", "model", "rates", "--dry-run").out
    assert events.head(deck.database) == before


def test_watching_is_said_and_taken_back(line: Line, deck: Deck) -> None:
    assert line("comments", "watch", "model", "rates").out.startswith("model rates watched, told by nothing yet")
    assert line("comments", "watch", "model", "rates").out.startswith("already watched: model rates")
    assert [row["subject"] for row in line("comments", "watching", "--json").data] == ["rates"]
    assert "rates" in line("comments", "watching", "--all").out
    assert line("comments", "unwatch", "model", "rates").out.strip() == "model rates watched no more"
    assert line("comments", "unwatch", "model", "rates").out.startswith("already not watched")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("add", "model", "nobody", "x"), 3, "no model"),
        (("add", "modle", "rates", "x"), 2, "did you mean model?"),
        (("add", "model", "rates", "a\x1b[2Jb"), 2, "control character, U+001B"),
        (("add", "model", "rates", "x" * 20_000), 2, "has 20,000 characters"),
        (("add", "model", "rates", ""), 2, "is empty"),
        (("add", "model", "rates", "x", "--reply-to", "ffff"), 3, "no comment 'ffff'"),
        (("model",), 2, "which model?"),
        (("watch", "run", "rates"), 3, "no run"),
        (("edit", "ffff", "x"), 3, "no comment"),
    ],
)
def test_bad_input_is_one_line_and_says_nothing_of_a_thing(
    line: Line, deck: Deck, words: tuple[str, ...], code: int, said: str
) -> None:
    before = events.head(deck.database)
    refused = line("comments", *words)
    assert (refused.code, refused.out) == (code, "")
    assert refused.err.startswith("error: ")
    assert said in refused.err
    assert len(refused.err.splitlines()) == 1
    assert {one.action for one in events.events(deck.database) if one.seq > before} <= {"request.refused"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a\x1b[2Jb", "the comment holds a control character, U+001B, at character 2"),
        ("a\u202eb", "the comment holds a control character, U+202E, at character 2"),
        ("x" * 1_000_000, "the comment has 1,000,000 characters"),
    ],
    ids=["control", "direction", "1 MB"],
)
def test_a_comment_that_cannot_be_is_refused_on_record_without_its_text(
    line: Line, deck: Deck, text: str, why: str
) -> None:
    assert line("comments", "add", "model", "rates", text, "--dry-run").code == 2
    assert not [one for one in events.events(deck.database) if one.action == "request.refused"]
    refused = line("comments", "add", "model", "rates", text)
    assert (refused.code, len(refused.err.splitlines()), why in refused.err) == (2, 1, True)
    [told] = [one for one in events.events(deck.database) if one.action == "request.refused"]
    assert (told.subject_id, told.reason) == ("comments.add", why)
