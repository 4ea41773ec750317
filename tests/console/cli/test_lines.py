"""Whole command lines on a fresh workspace, in this process and without a daemon."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from console import main as entry
from console.commands.verbs import LOCAL
from console.main import main


def test_reads_of_a_fresh_deck_are_empty_lists(line) -> None:  # type: ignore[no-untyped-def]
    for words in ("models", "runs", "events", "alerts", "jobs", "releases", "endpoints", "deployments", "schedules"):
        assert line(words, "--json").data == []
        said = line(words)
        assert (said.code, said.out) == (0, "")
        assert said.err.startswith("no")


def test_apply_says_what_changed_and_then_already(line, folder: Path) -> None:  # type: ignore[no-untyped-def]
    (folder / "models" / "rates.toml").write_text(MODEL)
    first = line("apply", "--reason", "first")
    assert (first.code, first.out.splitlines()[0]) == (0, "applied as revision 1")
    assert "models.rates: added" in first.out
    again = line("apply")
    assert (again.code, again.out) == (0, "already applied as revision 1\n")
    assert line("models", "--json").data[0]["name"] == "rates"
    assert line("events", "settings", "--json").data[0]["reason"] == "first"


def test_an_unknown_model_exits_three_with_json_error(line) -> None:  # type: ignore[no-untyped-def]
    said = line("versions", "nope", "--json")
    assert said.code == 3
    assert said.out == ""
    assert said.error["code"] == "unknown_name"


def test_a_usage_error_exits_two_in_json_too(line) -> None:  # type: ignore[no-untyped-def]
    said = line("promote", "--json")
    assert (said.code, said.error["code"]) == (2, "usage")


def test_broken_settings_name_file_and_remedy(line, folder: Path) -> None:  # type: ignore[no-untyped-def]
    (folder / "models" / "rates.toml").write_text(MODEL.replace("target =", "tarket ="))
    said = line("check")
    assert said.code == 2
    assert "models/rates.toml" in said.err
    assert "Traceback" not in said.err


def test_check_names_an_absent_column_and_the_closest(line, folder: Path) -> None:  # type: ignore[no-untyped-def]
    (folder / "models" / "rates.toml").write_text(MODEL)
    (folder / "rates.csv").write_text("night,prices\n2024-01-01,3\n")
    said = line("check")
    assert said.code == 2
    assert "'price'" in said.err
    assert "'prices'" in said.err


def test_check_tells_rows_of_each_source(line, folder: Path) -> None:  # type: ignore[no-untyped-def]
    (folder / "models" / "rates.toml").write_text(MODEL)
    (folder / "rates.csv").write_text("night,price\n2024-01-01,3\n2024-01-02,4\n")
    said = line("check")
    assert (said.code, said.err) == (0, "")
    assert "2 rows, 2 columns" in said.out
    assert [finding["ok"] for finding in line("check", "--json").data] == [True, True, True]


def test_no_workspace_exits_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-w", str(tmp_path), "models"]) == 2
    assert "modeldeck init" in capsys.readouterr().err


def test_the_environment_names_a_workspace(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELDECK_WORKSPACE", str(folder))
    assert main(["models", "--json"]) == 0
    assert capsys.readouterr().out == "[]\n"


def test_the_console_is_not_opened_without_a_terminal(line) -> None:  # type: ignore[no-untyped-def]
    said = line()
    assert said.code == 2
    assert "needs a terminal" in said.err


def test_the_console_opens_on_a_terminal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    monkeypatch.setitem(
        sys.modules, "console.app", type("App", (), {"run": lambda where, **told: opened.append((where, told)) or 0})
    )
    monkeypatch.setattr(sys, "stdin", _Terminal())
    monkeypatch.setattr(sys, "stdout", _Terminal())
    assert main(["-w", str(folder)]) == 0
    assert main(["--read-only", "-w", str(folder)]) == 0
    assert main(["-w", str(folder), "--read-only", "--json"]) == 0  # what only the parser reads
    assert [where.root for where, _ in opened] == [folder] * 3
    assert [told for _, told in opened] == [{"read_only": False}, {"read_only": True}, {"read_only": True}]


@pytest.mark.parametrize("words", [("apply",), ("daemon", "start"), ("init", "there"), ("backup", "create", "b.zip")])
def test_a_read_only_line_changes_nothing_and_says_how_to_lift_it(  # type: ignore[no-untyped-def]
    line, folder: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    said = line(*words, "--read-only")
    assert said.code == 6
    assert "this session is read-only" in said.err
    assert "MODELDECK_READ_ONLY=0" in said.err
    monkeypatch.setenv("MODELDECK_READ_ONLY", "yes")
    assert line(*words).code == 6
    assert sorted(path.name for path in folder.iterdir() if path.name != ".modeldeck") == ["deck.toml", "models"]


def test_a_read_only_line_reads(line) -> None:  # type: ignore[no-untyped-def]
    assert line("models", "--read-only", "--json").data == []


def test_every_local_verb_that_starts_or_writes_a_deck_is_known_as_a_change() -> None:
    told = {" ".join(verb.words) for verb in LOCAL if verb.changes}
    assert told == {
        *("init", "demo", "backup create", "backup restore", "audit export", "audit bundle"),
        *("bundle export", "bundle import", "models new"),
        *("daemon start", "daemon stop", "daemon restart", "daemon install"),
    }


def test_an_error_of_ours_shows_no_traceback(line, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("console.main._run", _break)
    said = line("models")
    assert said.code == 1
    assert "Traceback" not in said.err
    assert "ZeroDivisionError" in said.err
    assert "MODELDECK_DEBUG=1" in said.err


def test_debug_shows_where(line, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("MODELDECK_DEBUG", "1")
    with pytest.raises(entry.ModeldeckError):
        line("versions", "nope")


def test_doctor_tells_versions_and_that_no_daemon_runs(line) -> None:  # type: ignore[no-untyped-def]
    facts = line("doctor", "--json").data
    assert facts["daemon"] == "stopped"
    assert facts["writable"]
    assert "modeldeck" in line("doctor").out


def test_daemon_status_starts_nothing(line) -> None:  # type: ignore[no-untyped-def]
    assert line("daemon", "status", "--json").data["state"] == "stopped"
    assert line("daemon", "stop").out == "already stopped: the daemon\n"


def test_init_makes_a_workspace_once(line, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    root = tmp_path / "My Deck"
    assert line("init", str(root)).code == 0
    assert 'name = "my-deck"' in (root / "deck.toml").read_text()
    again = line("init", str(root))
    assert (again.code, again.out) == (0, f"already a workspace: {root}\n")
    assert line("-w", str(root), "check").code == 0


def test_init_lays_out_an_example(line, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    root = tmp_path / "rates"
    assert line("init", str(root), "--example", "nightly-rates").code == 0
    assert (root / "models" / "nightly-rates.toml").is_file()
    assert not (root / "demo.toml").exists()


def test_init_overwrites_nothing(line, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "rates").mkdir()
    (tmp_path / "rates" / "hotel.py").write_text("mine = 1\n")
    said = line("init", str(tmp_path / "rates"), "--example", "nightly-rates")
    assert said.code == 2
    assert (tmp_path / "rates" / "hotel.py").read_text() == "mine = 1\n"


def test_an_unknown_example_names_those_there_are(line, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    said = line("init", str(tmp_path / "x"), "--example", "nightly")
    assert said.code == 3
    assert "nightly-rates" in said.err


def test_a_reader_that_leaves_is_no_error(folder: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    kept = os.dup(1)
    stdout = sys.stdout
    try:
        os.dup2(writing, 1)
        sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), encoding="utf-8", write_through=True)
        assert main(["-w", str(folder), "models", "--json"]) == 0
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(writing)
        sys.stdout = stdout


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _break(*_: object) -> int:
    raise ZeroDivisionError("division by zero")


MODEL = """
[model]
name = "rates"
task = "regression"

[data]
source = "rates.csv"
target = "price"
"""
