"""Experiments, trials, files and comparisons of runs, from the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.deck import Deck, make_deck
from engine.service.handlers import tracking
from engine.workspace import Workspace
from store import run_artifacts, runs
from store.errors import Refused
from store.rows import Run

Line = Callable[..., Any]
CONTENT = bytes(range(256)) * 41


@pytest.fixture
def deck(folder: Path) -> Iterator[Deck]:
    """The open deck of the workspace."""
    opened = make_deck(Workspace(folder))
    yield opened
    opened.database.close()


@pytest.fixture
def tried(deck: Deck) -> list[Run]:
    """Two runs of the experiment `notebook`, the first with two trials and a file, and one run of `other`."""
    hash = deck.artifacts.put_bytes(CONTENT)
    with deck.database.write() as tx:
        first, second = (
            runs.start_run(tx, experiment="notebook", actor="user:anna", params={"depth": depth, "alpha": 1})
            for depth in (6, 7)
        )
        for number in range(2):
            runs.start_run(
                tx, experiment="notebook", parent_id=first.id, kind="trial", actor="user:anna", name=str(number)
            )
        other = runs.start_run(tx, experiment="other", actor="user:anna")
        runs.finish_run(tx, other.id, "finished")
        runs.log_points(tx, first.id, [("mae", 1, 1, 0.12345671), ("loss", 1, 1, 2.0)])
        runs.log_points(tx, second.id, [("mae", 1, 1, 0.12345672), ("loss", 1, 1, 2.0)])
        run_artifacts.keep_artifact(tx, first.id, "plots/roc.bin", hash, len(CONTENT))
    return [first, second, other]


def test_experiments_count_their_runs_and_trials(line: Line, tried: list[Run]) -> None:
    assert line("runs", "delete", tried[2].id, "--reason", "a mistake").code == 0
    rows = {row["name"]: row for row in line("experiments", "--json").data}
    assert [(rows["notebook"][name]) for name in ("runs", "trials", "running")] == [2, 2, 2]
    assert [(rows["other"][name]) for name in ("runs", "trials", "running", "newest_at")] == [0, 0, 0, None]
    assert "notebook" in line("experiments").out


def test_trials_are_listed_by_their_run_and_runs_by_their_experiment(line: Line, tried: list[Run]) -> None:
    assert [row["name"] for row in line("runs", "--parent", tried[0].id, "--json").data] == ["1", "0"]
    assert [row["id"] for row in line("runs", "--experiment", "other", "--json").data] == [tried[2].id]
    assert len(line("runs", "--trials", "--json").data) == 5
    assert len(line("runs", "--json").data) == 3
    shown = line("show", "run", tried[0].id, "--json").data["body"]
    assert [trial["name"] for trial in shown["trials"]] == ["0", "1"]


def test_files_are_listed_and_fetched_whole(
    line: Line, tried: list[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "PIECE_BYTES", 1000)
    (row,) = line("runs", "artifacts", tried[0].id, "--json").data
    assert (row["path"], row["size_bytes"]) == ("plots/roc.bin", len(CONTENT))
    target = tmp_path / "here.bin"
    said = line("runs", "fetch", tried[0].id, "plots/roc.bin", "--to", str(target), "--json")
    assert (said.code, target.read_bytes()) == (0, CONTENT)
    assert said.data["body"] == {"file": str(target), "hash": row["hash"], "size_bytes": len(CONTENT)}
    again = line("runs", "fetch", tried[0].id, "plots/roc.bin", "--to", str(target))
    assert (again.code, "is there already" in again.err) == (2, True)
    assert line("runs", "fetch", tried[0].id, "plots/roc.bin", "--to", str(tmp_path)).code == 0
    assert (tmp_path / "roc.bin").read_bytes() == CONTENT


def test_a_file_that_has_changed_is_not_written(line: Line, tried: list[Run], deck: Deck, tmp_path: Path) -> None:
    kept = run_artifacts.artifacts(deck.database, tried[0].id)[0]
    place = deck.artifacts.path(kept.hash)
    place.chmod(0o600)
    place.write_bytes(CONTENT[:-1] + b"x")
    folder = tmp_path / "empty"
    folder.mkdir()
    said = line("runs", "fetch", tried[0].id, "plots/roc.bin", "--to", str(folder))
    assert (said.code, list(folder.iterdir())) == (1, [])
    assert "is not what the run kept" in said.err


def test_a_file_nobody_kept_names_the_closest(line: Line, tried: list[Run]) -> None:
    said = line("runs", "fetch", tried[0].id, "plots/rok.bin")
    assert (said.code, said.err.count("\n")) == (3, 1)
    assert "did you mean plots/roc.bin?" in said.err
    assert "kept no files" in line("runs", "artifacts", tried[1].id).err


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x", "a//b", "a/./b", "a\\b", "a\nb", "x" * 501, "a/"])
def test_a_path_that_could_lead_elsewhere_is_refused(deck: Deck, tried: list[Run], path: str) -> None:
    with pytest.raises(Refused, match="is no path of a run's file"), deck.database.write() as tx:
        run_artifacts.keep_artifact(tx, tried[0].id, path, deck.artifacts.put_bytes(b"x"), 1)


def test_a_comparison_shows_only_what_differs_and_all_of_it(line: Line, tried: list[Run]) -> None:
    line("runs", "tag", tried[1].id, "team=pricing")
    table = line("runs", "compare", tried[0].id, tried[1].id, "--json").data
    assert table["rows"] == [
        ["params.depth", "6", "7"],
        ["metrics.mae", "0.12345671", "0.12345672"],
        ["tags.team", "", "pricing"],
    ]
    assert line("runs", "compare", tried[0].id).code == 2


def test_a_tag_is_found_by_the_filter_and_a_note_by_its_words(line: Line, tried: list[Run]) -> None:
    line("runs", "tag", tried[1].id, "team=pricing")
    line("runs", "note", tried[0].id, "the fan failed")
    assert [row["id"] for row in line("runs", "tags.team=Pricing", "--json").data] == [tried[1].id]
    assert [row["id"] for row in line("runs", "fan failed", "--json").data] == [tried[0].id]
    said = line("runs", "tag", tried[1].id, "team=", "--dry-run")
    assert said.out == f"run {tried[1].id[:16]} would be tagged\n"
