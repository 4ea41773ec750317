"""What the demo minds before and after its stages: whose folder it is, what is done already, who is looking."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from console.demo import run as runs
from console.demo.files import default_names, demo_names
from console.demo.run import Told
from console.demo.stages import Stage
from console.demo.workspace import MARKER, prepare
from console.output import Output
from engine.client import Client
from store.errors import Refused, WorkFailed

Demo = Callable[..., tuple[int, str, str]]


def test_a_folder_of_someone_else_is_refused_and_left_as_it_is(demo: Demo, tmp_path: Path) -> None:
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "chapter.txt").write_text("mine")
    code, out, err = demo("--dir", str(other), "--no-tui")
    assert (code, out) == (2, "")
    assert err == f"error: {other} is not empty and no demo deck: choose another folder with --dir\n"
    assert [path.name for path in other.iterdir()] == ["chapter.txt"]


def test_a_workspace_that_is_no_demo_is_refused(demo: Demo, tmp_path: Path) -> None:
    deck = tmp_path / "deck"
    deck.mkdir()
    (deck / "deck.toml").write_text('name = "mine"\n')
    code, _, err = demo("--dir", str(deck), "--no-tui", "--json")
    assert (code, json.loads(err)["error"]["code"]) == (2, "refused")


def test_an_example_that_is_not_there_exits_three(demo: Demo, tmp_path: Path) -> None:
    code, _, err = demo("--dir", str(tmp_path / "new"), "--example", "moon-phases")
    assert code == 3
    assert all(name in err for name in demo_names())
    assert not (tmp_path / "new").exists()


def test_an_empty_folder_becomes_a_demo_deck_and_is_known_again(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    workspace, examples, existed = prepare(tmp_path / "new", None)
    assert (examples, existed) == (default_names(), False)
    assert sorted(path.stem for path in (workspace.root / "models").iterdir()) == sorted(default_names())
    assert prepare(tmp_path / "new", None) == (workspace, examples, True)


def test_a_demo_of_one_example_is_not_taken_for_another(tmp_path: Path) -> None:
    first, second = demo_names()[:2]
    assert first not in default_names()  # one that runs only when it is named
    workspace, examples, _ = prepare(tmp_path / "new", first)
    assert examples == [first]
    assert [path.stem for path in (workspace.root / "models").iterdir()] == [first]
    assert prepare(tmp_path / "new", None)[1:] == ([first], True)
    with pytest.raises(Refused, match=f"is a demo of {first}"):
        prepare(tmp_path / "new", second)


@pytest.mark.parametrize("left", [[], ["models"]])
def test_a_demo_killed_while_it_was_laid_out_is_completed(tmp_path: Path, left: list[str]) -> None:
    """The marker is written first: with it, whatever is missing is laid out the next time."""
    workspace, examples, _ = prepare(tmp_path / "new", None)
    files = sorted(path.relative_to(workspace.root) for path in workspace.root.rglob("*.*") if path.is_file())
    (workspace.root / "deck.toml").unlink()
    if "models" not in left:
        for path in (workspace.root / "models").iterdir():
            path.unlink()
    assert (workspace.state / MARKER).exists()
    assert prepare(tmp_path / "new", None) == (workspace, examples, False)
    assert sorted(path.relative_to(workspace.root) for path in workspace.root.rglob("*.*") if path.is_file()) == files


def test_only_stages_that_are_not_done_are_run(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    assert take_up(monkeypatch, ran, done={"train", "promote"}) == Told(ran=2, skipped=2)
    assert ran == ["replay", "roll back"]
    ran.clear()
    assert take_up(monkeypatch, ran, done={"train", "promote", "replay", "roll back"}) == Told(ran=0, skipped=4)
    assert ran == []


def test_a_stage_that_fails_ends_the_demo_there(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    with pytest.raises(WorkFailed, match="the disk is full"):
        take_up(monkeypatch, ran, done={"train"}, fails="replay")
    assert ran == ["promote"]


def test_without_a_terminal_a_finished_demo_prints_a_summary(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.commands.demo.run_demo", lambda *_: Told(ran=0, skipped=14))
    monkeypatch.setattr("engine.client.connect", lambda workspace, start_daemon=False: Client(workspace))
    code, out, err = demo("--dir", "deck")  # no --no-tui: nobody is looking
    assert code == 0
    assert "this demo deck is finished" in err
    assert "cd deck" in out
    assert f"modeldeck versions {default_names()[0]}" in out
    assert "modeldeck daemon stop --all" in out
    code, out, err = demo("--dir", "deck", "--json")
    assert (code, set(json.loads(out))) == (0, {"workspace", "pulse"})
    assert json.loads(out)["workspace"] == str(tmp_path / "deck")


def take_up(monkeypatch: pytest.MonkeyPatch, ran: list[str], *, done: set[str], fails: str = "") -> Told:
    """Run a demo of four stages, of which some are done and one may fail."""

    def stage(title: str) -> Stage:
        def work(_board: Any) -> str:
            if title == fails:
                raise WorkFailed("the disk is full")
            ran.append(title)
            return title

        return Stage(title, 1.0, lambda _now: title in done, work)

    stages = [stage(title) for title in ("train", "promote", "replay", "roll back")]
    one: Any = SimpleNamespace(recipe=SimpleNamespace(model="rates"), stages=lambda: stages)
    monkeypatch.setattr(runs, "standing", lambda _client, _model: None)
    client: Any = None
    return runs._run(client, [one], Output())
