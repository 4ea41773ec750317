"""Snapshots, checks and quarantine from the command line."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.data.replay import replay
from engine.data.snapshot import ingest
from engine.deck import Deck, make_deck
from engine.settings.apply import apply_settings, current_settings
from engine.workspace import Workspace
from store.rows import Snapshot

Line = Callable[..., Any]
MODEL = """# a person's own words
[model]
name = "rates"
task = "regression"

[data]
source = "rows.csv"
target = "y"
time_column = "at"
personal = ["guest"]
"""
DAYS = [f"2026-01-{day:02d},guest {day},{'ab'[day % 2]},{day % 5 + 1},{day}" for day in range(1, 29)]


@pytest.fixture
def deck(folder: Path) -> Iterator[Deck]:
    """The open deck, with a model's file and its rows."""
    (folder / "models" / "rates.toml").write_text(MODEL)
    write(folder, DAYS)
    opened = make_deck(Workspace(folder))
    yield opened
    opened.database.close()


def write(folder: Path, lines: list[str]) -> None:
    (folder / "rows.csv").write_text("at,guest,room,nights,y\n" + "\n".join(lines) + "\n")


def take(deck: Deck) -> Snapshot:
    """Ingest under what the files say now."""
    apply_settings(deck, "user:anna", "")
    settings, revision = current_settings(deck)
    return ingest(deck, settings.models["rates"], revision, actor="user:anna")


def test_snapshots_are_listed_and_shown_by_a_part_of_their_id(line: Line, deck: Deck) -> None:
    taken = take(deck)
    (row,) = line("data", "rates", "--json").data
    assert (row["id"], row["rows"], row["origin"]) == (taken.id, 28, "rows.csv")
    assert taken.id[7:19] in line("data", "rates").out
    shown = line("show", "snapshot", taken.id[7:15], "--json").data
    assert shown["id"] == taken.id
    assert [column["name"] for column in shown["body"]["columns"]] == ["at", "guest", "room", "nights", "y"]
    assert "guest 1" not in line("show", "snapshot", taken.id).out
    assert line("show", "snapshot", "ffff", "--json").code == 3


def test_checks_are_proposed_pinned_and_told(line: Line, deck: Deck, folder: Path) -> None:
    take(deck)
    proposed = line("data", "checks", "rates", "--json").data
    assert {row["verdict"] for row in proposed} == {"not pinned"}
    assert {row["rule"]: row["wanted"] for row in proposed}["room.values"] == "a, b"
    assert line("data", "pin", "rates").code == 0
    text = (folder / "models" / "rates.toml").read_text()
    assert text.startswith("# a person's own words")
    pinned = tomllib.loads(text)["checks"]
    assert pinned["columns"]["nights"] == {
        "type": "long",
        "min": 0,
        "max": 7,
        "nulls": 0.0,
        "warn": ["range", "values"],
    }
    assert "values" not in pinned["columns"]["guest"]
    assert line("data", "pin", "rates", "--json").error["message"] == "models/rates.toml has [checks] already"
    write(folder, [*DAYS, "2026-02-01,guest 29,c,99,29"])
    take(deck)
    rows = {row["rule"]: row["verdict"] for row in line("data", "checks", "rates", "--json").data}
    assert (rows["nights.range"], rows["room.values"], rows["y.type"]) == ("warning", "warning", "passed")


def test_a_snapshot_is_told_column_by_column(line: Line, deck: Deck, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = take(deck)
    monkeypatch.setenv("COLUMNS", "80")
    shown = line("data", "show", taken.id[7:15]).out.splitlines()
    assert all(len(each) <= 80 for each in shown)
    rows = {each.split()[0]: each for each in shown if each}
    assert rows["rows"].split()[1] == "28"
    assert any(each.split() == ["at", "2026-01-01", "00:00:00", "to", "2026-01-28", "00:00:00"] for each in shown)
    assert rows["at"].split()[1:4] == ["datetime", "0", "28"]
    assert rows["nights"].split()[1:] == ["long", "0", "5", "1", "to", "5,", "half", "up", "to", "3"]
    assert rows["room"].split()[1:] == ["string", "0", "2", "a", "14,", "b", "14"]
    assert rows["guest"].split()[1:] == ["string", "0", "28", "-"]  # personal: counted, never shown
    found = line("data", "show", taken.id, "--json").data
    assert (found["present"], found["segments"], found["shared_bytes"], found["shared_with"]) == (True, 1, 0, [])
    assert set(next(one for one in found["snapshot"]["columns"] if one["name"] == "nights")) == {
        *("name", "type", "nulls", "distinct", "min", "max", "mean", "quantiles")
    }
    assert line("data", "show", "feed").code == 3


def test_rows_are_sampled_with_personal_values_masked(
    line: Line, deck: Deck, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = take(deck)
    found = line("data", "sample", "rates", "--limit", "7", "--json").data
    assert (found["snapshot"], found["model"], found["rows"], found["taken"]) == (taken.id, "rates", 28, "spread")
    assert (found["columns"], found["masked"]) == (["at", "guest", "room", "nights", "y"], ["guest"])
    days = [one["values"][4] for one in found["sample"]]
    assert [(day - 1) // 4 for day in days] == list(range(7)), "one row of each seventh"
    for one in found["sample"]:
        day = one["number"]
        assert one["values"] == [f"2026-01-{day:02d}T00:00:00", "***", "ab"[day % 2], day % 5 + 1, day]
    shown = line("data", "sample", "rates", "--snapshot", taken.id[7:15], "--first", "--limit", "2")
    assert [each.split() for each in shown.out.splitlines()] == [
        ["row", "at", "guest", "room", "nights", "y"],
        ["1", "2026-01-01T00:00:00", "***", "b", "2", "1"],
        ["2", "2026-01-02T00:00:00", "***", "a", "3", "2"],
    ]
    assert "the first 2 of 28 rows" in shown.err
    assert "personal, so masked: guest" in shown.err
    monkeypatch.setenv("COLUMNS", "40")  # too narrow for a line a row
    shown = line("data", "sample", "rates", "--first", "--limit", "1").out.splitlines()
    assert [each.split() for each in shown[:3]] == [["row", "1"], ["at", "2026-01-01T00:00:00"], ["guest", "***"]]


def test_what_cannot_be_sampled_is_one_line(line: Line, deck: Deck) -> None:
    for words, code in (
        (("rates", "--limit", "0"), 2),
        (("rates", "--limit", "1001"), 2),
        (("nobody",), 3),
        (("rates", "--snapshot", "feed"), 3),
    ):
        take(deck)
        said = line("data", "sample", *words)
        assert (said.code, said.out) == (code, ""), said
        assert len(said.err.splitlines()) == 1, said


def test_a_column_that_is_marked_personal_later_is_masked_in_older_snapshots(
    line: Line, deck: Deck, folder: Path
) -> None:
    taken = take(deck)
    (folder / "models" / "rates.toml").write_text(MODEL.replace('["guest"]', '["guest", "room"]'))
    apply_settings(deck, "user:anna", "")
    found = line("data", "sample", "rates", "--snapshot", taken.id, "--json").data
    assert found["masked"] == ["guest", "room"]
    assert {(one["values"][1], one["values"][2]) for one in found["sample"]} == {("***", "***")}


def test_a_collection_that_is_only_tried_tells_what_it_would_do(line: Line, deck: Deck) -> None:
    taken = take(deck)
    told = line("gc", "--dry-run")
    assert told.code == 0, told
    assert taken.id[7:19] in told.out
    assert "snapshot of rates" in told.out


def test_quarantine_is_listed_with_rules_and_masked(line: Line, deck: Deck, folder: Path) -> None:
    text = MODEL + "[checks.columns.nights]\nmax = 60\n"
    (folder / "models" / "rates.toml").write_text(text)
    write(folder, [*DAYS, "2026-02-01,guest 90,b,90,29"])
    take(deck)
    (row,) = line("data", "quarantine", "rates", "--json").data
    assert (row["rule"], row["row"]["nights"], row["row"]["guest"]) == ("nights.range", 90, "***")
    listed = line("data", "quarantine", "rates").out
    assert "nights.range" in listed
    assert "guest 90" not in listed
    assert line("data", "checks", "rates", "--json").data[0]["verdict"] == "failed"
    (folder / "models" / "rates.toml").write_text(text.replace("60", "90"))
    apply_settings(deck, "user:anna", "")
    settings, revision = current_settings(deck)
    assert replay(deck, settings.models["rates"], revision, actor="user:anna").rows == 29
    assert line("data", "quarantine", "rates", "--json").data == []
