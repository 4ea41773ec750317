"""A process that stays has settings files read by another, where they are not, byte for byte, those it knows."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys

import pytest

from engine.operations.files import FileText
from engine.settings import apart, edit, folder
from engine.settings.apart import SettingsFiles, body_of
from engine.settings.apply import apply_settings, current_settings, declared
from engine.settings.model import HostSettings
from store.errors import BrokenSettings, ModeldeckError, WorkFailed

SAID = '[train]\nfolds = 5\n[gates]\nmae = { max = 25 }\n[retrain]\ncron = "0 4 * * *"\n'
APPLY = """
import sys
from pathlib import Path
from engine.deck import make_deck
from engine.operations.files import FileText
from engine.settings.apply import apply_settings
from engine.workspace import Workspace
deck = make_deck(Workspace(Path(sys.argv[1])), stays=True)
HEAVY = {"pydantic", "pydantic_core", "numpy"}
revision, already, told = apply_settings(deck, "user:anna", "")
print(revision.revision, already, *told, *sorted(HEAVY & set(sys.modules)))
from engine.settings.edit import add_host
from engine.settings.folder import apply_folder, applied_files
from engine.settings.model import HostSettings
revision, told = add_host(deck, HostSettings("alpha", "docker", "unix:///var/run/docker.sock", 8080), "user:anna", "")
print(revision.revision, told[0], *sorted(HEAVY & set(sys.modules)))
number, files = applied_files(deck)
revision, told = apply_folder(deck, [*files, FileText("hotel.py", "def load(): ...\\n")], "user:anna", "")
print(number, told.changes, *sorted(HEAVY & set(sys.modules)))
"""


@pytest.fixture(name="staying")
def make_a_deck_that_stays(deck):
    """Return the deck as the daemon has it, with one model's file."""
    (deck.workspace.root / "models").mkdir()
    say(deck)
    return dataclasses.replace(deck, settings_files=SettingsFiles(deck.workspace))


def say(deck, text=""):
    model = '[model]\nname = "rates"\ntask = "regression"\n[data]\nsource = "rows.csv"\ntarget = "y"\n'
    (deck.workspace.root / "models" / "rates.toml").write_text(f"{model}{text}")


def apply(deck, *, dry_run=False):
    revision, already, lines = apply_settings(deck, "user:anna", "", dry_run=dry_run)
    return revision.revision, already, lines


@pytest.fixture
def reads(monkeypatch):
    """Return a list that grows by one for each process that reads the files."""
    seen = []

    def read(workspace):
        seen.append(workspace)
        return body_of(workspace)

    monkeypatch.setattr(apart, "body_of", read)
    return seen


def test_another_process_reads_what_this_one_would(deck, staying):
    say(deck, SAID)
    assert declared(staying) == declared(deck)
    assert declared(staying).models["rates"].train.folds == 5


def test_what_is_wrong_is_told_in_the_same_line(deck, staying):
    say(deck, "[train]\nfold = 5\n")
    told = []
    for one in (deck, staying):
        with pytest.raises(BrokenSettings) as caught:
            apply(one)
        told.append((caught.value.line(), caught.value.exit_code))
    assert told[0] == told[1]
    assert "models/rates.toml:8: train.fold: unknown key 'fold', did you mean 'folds'?" in told[1][0]


def test_files_that_are_the_same_are_not_read_again(staying, reads):
    assert [apply(staying)[:2] for _ in range(3)] == [(1, False), (1, True), (1, True)]
    assert len(reads) == 1


def test_every_change_of_a_file_is_seen_also_one_back(staying, reads):
    apply(staying)
    say(staying, SAID)
    assert apply(staying)[:2] == (2, False)
    say(staying)
    assert apply(staying)[:2] == (3, False)
    assert current_settings(staying)[0].models["rates"].train.folds == 3
    (staying.workspace.root / "models" / "rates.toml").rename(staying.workspace.root / "models" / "other.toml")
    assert apply(staying)[:2] == (3, True)
    assert len(reads) == 4


def test_what_a_dry_run_read_is_no_revision(staying, reads):
    apply(staying)
    say(staying, SAID)
    assert apply(staying, dry_run=True)[:2] == (2, False)
    assert apply(staying)[:2] == (2, False)
    assert len(reads) == 3


def test_a_revision_that_another_process_made_is_not_taken_for_the_files(deck, staying):
    apply(staying)
    say(deck, SAID)
    assert apply(deck)[:2] == (2, False)
    say(staying)
    assert apply(staying)[:2] == (3, False)


def test_a_file_that_changes_while_it_is_read_is_read_again(staying, monkeypatch):
    def read(workspace):
        body = body_of(workspace)
        say(staying, SAID)
        return body

    monkeypatch.setattr(apart, "body_of", read)
    assert apply(staying)[:2] == (1, False)
    monkeypatch.setattr(apart, "body_of", body_of)
    assert apply(staying)[:2] == (2, False)


def test_a_file_that_nobody_can_read_to_its_end_keeps_no_daemon(staying, monkeypatch):
    apply(staying)
    path = staying.workspace.root / "deck.toml"
    path.unlink()
    os.mkfifo(path)
    monkeypatch.setattr(apart, "READ_WITHIN_S", 1)
    with pytest.raises(WorkFailed, match="reading the settings took longer than 1 s"):
        apply(staying)


def test_a_process_that_stays_does_not_load_what_checks_settings(staying):
    staying.database.close()
    done = subprocess.run(
        [sys.executable, "-P", "-c", APPLY, str(staying.workspace.root)], capture_output=True, text=True, check=False
    )
    told = ["1 False models.rates: added", "2 hosts.alpha.address: absent -> unix:///var/run/docker.sock", "2 1"]
    assert (done.stdout.splitlines(), done.stderr) == (told, "")


@pytest.mark.parametrize("stands", ["", "[train]\nfolds = 4\n", "[train]\nfold = 5\n", "[model]\n"])
@pytest.mark.parametrize("wanted", [SAID, "", "[train]\nfold = 5\n"])
def test_a_folder_is_planned_as_in_one_process(deck, staying, stands, wanted):
    """Also where the deck's own files were changed since, or do not hold; and refused in the same line."""
    apply(deck)
    say(deck, wanted)
    files = [FileText(path, text) for path, text in folder.files_of(deck.workspace.root).items()]
    say(deck, stands)
    told = []
    for one in (deck, staying):
        try:
            told.append(folder.plan(one, files))
        except ModeldeckError as error:
            told.append(error.line())
    assert told[0] == told[1]
    assert isinstance(told[0], str) == (wanted.count("fold =") == 1)


@pytest.mark.parametrize(
    "host", [HostSettings("alpha", "docker", "unix:///x", 70_000), HostSettings("Alpha!", "docker", "unix:///x", 8080)]
)
def test_a_host_that_does_not_hold_is_refused_in_the_same_line(deck, staying, host):
    told = []
    for one in (deck, staying):
        with pytest.raises(BrokenSettings) as caught:
            edit.add_host(one, host, "user:anna", "")
        told.append(caught.value.line())
    assert told[0] == told[1]
