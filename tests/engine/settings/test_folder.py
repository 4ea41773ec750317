"""A folder of settings and code is applied whole or not at all, and a second time to no effect; drift is told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.deck import Deck
from engine.operations.files import FileText, FolderPlan
from engine.settings import folder
from engine.settings.apply import apply_settings
from engine.settings.switching import STAGE, recover
from store import models, runs, settings, snapshots, versions
from store.artifacts import hash_bytes
from store.database import Write
from store.errors import BrokenSettings, ModeldeckError, Refused
from store.rows import Snapshot

ANNA = "user:anna"
ROOT = Path(__file__).parents[3]


def model(name: str = "rates", extra: str = "", source: str = "rows.csv") -> str:
    return f'[model]\nname = "{name}"\ntask = "regression"\n[data]\nsource = "{source}"\ntarget = "y"\n{extra}'


FILES = {
    "deck.toml": 'name = "prod"\ntime_zone = "UTC"\n',
    "hotel.py": "def load():\n    return []\n",
    "models/posts.toml": model("posts", source="python:hotel:load"),
    "models/rates.toml": model(),
}


def given(**changed: Any) -> list[FileText]:
    """Return the files, some of them said otherwise (None: left out); `models_rates` is models/rates.toml."""
    files = dict(FILES)
    for name, text in changed.items():
        known = {path.rpartition(".")[0].replace("/", "_"): path for path in files}
        files[known.get(name, f"{name}.py")] = text
    return [FileText(path, text) for path, text in files.items() if text is not None]


def applied(deck: Deck, files: list[FileText], **how: Any) -> FolderPlan:
    return folder.apply_folder(deck, files, ANNA, "a test", **how)[1]


def register(tx: Write) -> None:
    """Register rates@1, with a run and a snapshot of its own."""
    taken = snapshots.add_snapshot(
        tx, Snapshot(hash_bytes(b"rows"), "rates", 10, (), "at", 0, 9, "rows.csv", 99, tx.at), ANNA
    )
    run = runs.start_run(tx, model="rates", actor=ANNA, settings_revision=1, snapshot_id=taken.id)
    versions.register(
        tx, model="rates", run_id=run.id, snapshot_id=taken.id, settings_revision=1, bundle_hash="b",
        environment_hash="e", artifact_hash=hash_bytes(b"artifact"), artifact_bytes=9, golden_hash="g", signature={},
        decision={}, evaluation={"metric": "mae"}, estimator="sklearn.linear_model.Ridge", actor=ANNA,
    )  # fmt: skip


def actions(told: FolderPlan) -> dict[str, str]:
    return {one.path: one.action for one in told.files}


def on_disk(deck: Deck) -> dict[str, str]:
    return folder.files_of(deck.workspace.root)


def test_the_first_apply_creates_and_the_second_changes_nothing(deck: Deck) -> None:
    assert set(actions(folder.plan(deck, given())).values()) == {"created"}
    applied(deck, given())
    assert on_disk(deck) == FILES
    before = settings.newest(deck.database)
    told = folder.plan(deck, given())
    assert (told.changes, told.drifted, set(actions(told).values())) == (0, 0, {"unchanged"})
    applied(deck, given())
    assert settings.newest(deck.database) == before
    assert not list(deck.workspace.state.glob(f"{STAGE}*"))


def test_a_plan_says_what_is_created_changed_removed_and_how(deck: Deck) -> None:
    applied(deck, given())
    files = given(models_rates=model(extra="[gates]\nmae = { max = 25.0 }\n"), models_posts=None)
    files.append(FileText("models/fresh.toml", model("fresh")))
    told = folder.plan(deck, files)
    assert actions(told) == {
        "deck.toml": "unchanged",
        "hotel.py": "unchanged",
        "models/fresh.toml": "created",
        "models/posts.toml": "removed",
        "models/rates.toml": "changed",
    }
    (changed,) = [one for one in told.files if one.action == "changed"]
    assert any("gates" in line and "25" in line for line in changed.differences), changed
    assert on_disk(deck) == FILES
    applied(deck, files)
    assert sorted(on_disk(deck)) == ["deck.toml", "hotel.py", "models/fresh.toml", "models/rates.toml"]
    current = settings.current(deck.database)
    assert current is not None
    assert sorted(current.body["models"]) == ["fresh", "rates"]


def test_comments_and_code_are_changes_of_files_without_a_new_revision(deck: Deck) -> None:
    applied(deck, given())
    before = settings.newest(deck.database)
    files = given(models_rates=f"# why\n{model()}", hotel="def load():\n    return [1]\n")
    assert folder.plan(deck, files).changes == 2
    applied(deck, files)
    assert on_disk(deck)["models/rates.toml"].startswith("# why")
    assert settings.newest(deck.database) == before


def test_code_that_only_the_deck_has_is_named_and_left_alone(deck: Deck) -> None:
    applied(deck, given())
    (deck.workspace.root / "notes.py").write_text("x = 1\n")
    told = folder.plan(deck, given())
    assert (actions(told)["notes.py"], told.changes, told.drifted) == ("extra", 0, 0)
    applied(deck, given())
    assert (deck.workspace.root / "notes.py").exists()


def test_what_was_changed_on_the_deck_is_never_lost_in_silence(deck: Deck) -> None:
    applied(deck, given())
    path = deck.workspace.root / "models" / "rates.toml"
    path.write_text(model(extra="[gates]\nmae = { max = 99.0 }\n"))
    (one,) = [one for one in folder.plan(deck, given()).files if one.drift]
    assert (one.path, one.action) == ("models/rates.toml", "changed")
    with pytest.raises(Refused, match=r"models/rates\.toml: changed on the deck since"):
        applied(deck, given())
    assert "99.0" in path.read_text()
    applied(deck, given(), overwrite=True)
    assert path.read_text() == FILES["models/rates.toml"]


def test_before_a_folder_was_ever_applied_the_settings_themselves_tell_of_drift(deck: Deck) -> None:
    for name, text in FILES.items():
        (deck.workspace.root / name).parent.mkdir(exist_ok=True)
        (deck.workspace.root / name).write_text(text)
    apply_settings(deck, ANNA, "by hand")
    assert folder.plan(deck, given()).changes == 0
    (deck.workspace.root / "models" / "rates.toml").write_text(model(extra="[gates]\nmae = { max = 9.0 }\n"))
    (deck.workspace.root / "models" / "own.toml").write_text(model("own"))
    drift = {one.path: one.drift for one in folder.plan(deck, given()).files if one.drift}
    assert drift["models/rates.toml"].startswith("changed on the deck and not applied: gates")
    assert drift["models/own.toml"] == "stands on the deck and was never applied"


@pytest.mark.parametrize(
    ("changed", "error", "named"),
    [
        ({"deck": None}, Refused, r"deck\.toml is missing: this is half a folder"),
        ({"models_rates": None, "models_posts": None}, Refused, r"models/ holds no file: this is half"),
        ({"hotel": None}, Refused, r"models/posts\.toml names python:hotel, and hotel\.py is missing"),
        ({"hotel": "def load(:\n"}, BrokenSettings, r"hotel\.py:1:"),
        ({"models_rates": "[model\n"}, BrokenSettings, r"models/rates\.toml"),
        ({"models_rates": "<<<<<<< HEAD\n" + model()}, BrokenSettings, r"models/rates\.toml"),
        (
            {"models_rates": model("posts")},
            BrokenSettings,
            r"models/rates\.toml:2: model\.name: the name 'posts' is taken",
        ),
        ({"json": "x = 1\n"}, Refused, r"json\.py"),
        (
            {
                "models_rates": model(extra='[retrain]\non = ["upstream"]\nupstream = "posts"\n'),
                "models_posts": model("posts", '[retrain]\non = ["upstream"]\nupstream = "rates"\n'),
            },
            BrokenSettings,
            r"models/posts\.toml:\d+: retrain\.upstream: posts upon rates upon posts",
        ),
    ],
)
def test_a_broken_or_half_folder_is_one_line_that_names_the_file_and_changes_nothing(
    deck: Deck, changed: dict[str, Any], error: type[ModeldeckError], named: str
) -> None:
    applied(deck, given())
    before = settings.newest(deck.database)
    for act in (lambda files: folder.plan(deck, files), lambda files: applied(deck, files)):
        with pytest.raises(error, match=named) as caught:
            act(given(**changed))
        assert "\n" not in caught.value.line()
    assert (on_disk(deck), settings.newest(deck.database)) == (FILES, before)


@pytest.mark.parametrize(
    "path", ["../deck.toml", "/etc/passwd", "models/../../x.toml", "models/a/b.toml", ".modeldeck/keys/log", "x.sh", ""]
)
def test_a_path_that_is_no_file_of_a_deck_is_refused(deck: Deck, path: str) -> None:
    with pytest.raises(Refused, match="is no file of a deck"):
        folder.plan(deck, [*given(), FileText(path, "x")])


def test_a_model_that_serves_is_not_removed_by_a_folder_that_lacks_it(deck: Deck) -> None:
    applied(deck, given())
    with deck.database.write() as tx:
        register(tx)
        models.set_alias(tx, "rates", "champion", 1, actor=ANNA)
    with pytest.raises(Refused, match=r"models/rates\.toml is missing, and rates@1 is its champion"):
        applied(deck, given(models_rates=None))
    assert on_disk(deck) == FILES


def test_a_folder_that_cannot_be_put_in_place_leaves_everything_as_it_was(
    deck: Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied(deck, given())
    before, moved = settings.newest(deck.database), []
    replace = Path.replace

    def full(self: Path, target: Path) -> Path:
        moved.append(target)
        if "models" in str(target) and self.parent.name == "models":
            raise OSError(28, "No space left on device", str(target))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(ModeldeckError):
        applied(deck, given(hotel="def load():\n    return [2]\n", models_rates=f"# new\n{model()}"))
    monkeypatch.undo()
    assert len(moved) > 1
    assert (on_disk(deck), settings.newest(deck.database)) == (FILES, before)


KILLED = """
import os, sys
from pathlib import Path
from engine.deck import open_deck
from engine.operations.files import FileText
from engine.settings import folder
from engine.workspace import Workspace

replace, when = Path.replace, sys.argv[2]
def killed(self, target):
    if when == "first" and self.parent.name == "models":
        os._exit(9)
    return replace(self, target)
Path.replace = killed
files = [FileText(path, text) for path, text in folder.files_of(Path(sys.argv[3])).items()]
deck = open_deck(Workspace(Path(sys.argv[1])))
if when == "last":
    from engine.settings import switching
    folder.shutil.rmtree = lambda *a, **k: os._exit(9)  # after the commit
folder.apply_folder(deck, files, "user:anna", "")
"""


@pytest.mark.parametrize(("when", "goes_on"), [("first", False), ("last", True)])
def test_killed_in_between_it_is_finished_or_taken_back_by_whoever_comes_next(
    deck: Deck, tmp_path: Path, when: str, goes_on: bool
) -> None:
    applied(deck, given())
    fresh = {
        **FILES,
        "hotel.py": "def load():\n    return [2]\n",
        "models/rates.toml": model(extra="[train]\nmetric = 'mae'\n"),
    }
    for name, text in fresh.items():
        (tmp_path / "git" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "git" / name).write_text(text)
    run = subprocess.run(
        [sys.executable, "-c", KILLED, str(deck.workspace.root), when, str(tmp_path / "git")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 9, run.stderr
    assert list(deck.workspace.state.glob(f"{STAGE}*/journal.json"))
    assert recover(deck)
    assert not recover(deck)
    assert on_disk(deck) == (fresh if goes_on else FILES)
    assert folder.plan(deck, [FileText(*one) for one in (fresh if goes_on else FILES).items()]).changes == 0


def test_the_files_of_a_deck_come_back_as_they_were_applied(deck: Deck) -> None:
    applied(deck, given(models_rates=f"# kept\n{model()}"))
    _, files = folder.applied_files(deck)
    assert {one.path: one.text for one in files} == on_disk(deck)
    assert folder.plan(deck, files).changes == 0
    (deck.workspace.root / "models" / "rates.toml").write_text(model(extra="[gates]\nmae = { max = 9.0 }\n"))
    with pytest.raises(Refused, match=r"say something else than what is applied: models\.rates\.gates"):
        folder.applied_files(deck)
