"""The systemd unit: what it says, that systemd takes it, and that it is written once."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys

import pytest

from engine.daemon.install import install
from engine.daemon.unit import Unit, unit_text
from engine.workspace import Workspace
from store.errors import Refused


def lines_of(text):
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


@pytest.fixture(name="workspace")
def small_workspace(tmp_path, monkeypatch):
    """A deck named rates, in a home of its own."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    root = tmp_path / "my 100% deck"
    root.mkdir()
    (root / "deck.toml").write_text('name = "rates"\n')
    return Workspace(root)


@pytest.mark.parametrize("user", ["", "daemon"])
def test_unit_leaves_jobs_and_servers_alive_and_names_the_interpreter_whole(workspace, user):
    said = lines_of(unit_text(Unit("rates", workspace, user=user)))
    assert said["KillMode"] == "process"
    assert (said["Restart"], said["OOMPolicy"], said["UMask"]) == ("on-failure", "continue", "0077")
    command = shlex.split(said["ExecStart"].replace("%%", "%"))
    assert command == [sys.executable, "-P", "-m", "engine.daemon", "--log", "-w", str(workspace.root)]
    assert os.path.isabs(command[0])
    assert said.get("User", "") == user
    assert ("ProtectSystem" in said) is bool(user)
    assert not {"PrivateTmp", "ProtectHome", "PrivateNetwork"} & said.keys()
    assert said["WantedBy"] == ("multi-user.target" if user else "default.target")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("user", ["", "daemon"])
def test_systemd_takes_the_unit_without_a_word(workspace, tmp_path, user):
    more = ("RuntimeDirectory=modeldeck/rates", "RuntimeDirectoryMode=0750", "SupplementaryGroups=nogroup")
    unit = Unit("rates", workspace, user=user, more=more if user else ())
    path = tmp_path / unit.name
    path.write_text(unit_text(unit))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(["--user"] if not user else []), str(path)],
        capture_output=True,
        text=True,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
    )
    complaints = [line for line in (done.stdout + done.stderr).splitlines() if unit.name in line]
    assert complaints == []


def test_unit_is_written_once_and_says_what_enables_it(workspace):
    shown = install(workspace, system=False, only_show=True)
    assert (shown.written, os.path.exists(shown.path)) == (False, False)
    first = install(workspace, system=False)
    assert (first.written, first.already) == (True, False)
    assert first.path.endswith("/home/.config/systemd/user/modeldeck-rates.service")
    assert first.commands[1] == "systemctl --user enable --now modeldeck-rates.service"
    with open(first.path) as file:
        assert file.read() == first.text == shown.text
    assert install(workspace, system=False).already
    assert [path.name for path in (workspace.root.parent / "home/.config/systemd/user").iterdir()] == [
        "modeldeck-rates.service"
    ]


def test_shared_deck_is_a_matter_of_the_machine(workspace):
    (workspace.root / "deck.toml").write_text('name = "rates"\n[access]\ngroup = "nogroup"\n')
    with pytest.raises(Refused, match="run by the machine's systemd"):
        install(workspace, system=False)
    said = install(workspace, system=True, only_show=True)
    assert said.path == "/etc/systemd/system/modeldeck-rates.service"
    assert lines_of(said.text)["RuntimeDirectory"] == "modeldeck/rates"
    assert lines_of(said.text)["SupplementaryGroups"] == "nogroup"


def test_folder_whose_name_no_unit_can_say_is_refused(tmp_path):
    with pytest.raises(Refused, match="line break"):
        unit_text(Unit("rates", Workspace(tmp_path / "a\nb")))
