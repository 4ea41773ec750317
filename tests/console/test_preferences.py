"""The console's own settings: where they stand, which wins, and that each mistake is one line with its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from console.keymap import Keymap
from console.preferences import BY_NAME, SETTINGS, Preferences, load
from engine.actions.scopes import SCOPES
from engine.actions.table import ACTIONS
from store.errors import BrokenSettings, Refused


@pytest.fixture
def deck(tmp_path: Path) -> Path:
    folder = tmp_path / "deck"
    folder.mkdir()
    return folder


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "config" / "modeldeck" / "console.toml"
    path.parent.mkdir(parents=True)
    return path


@pytest.fixture
def loaded(deck: Path, tmp_path: Path, own: Path) -> Callable[..., Preferences]:
    def load_with(environment: dict[str, str] | None = None, **said: Any) -> Preferences:
        return load(deck, {"XDG_CONFIG_HOME": str(tmp_path / "config"), **(environment or {})}, **said)

    return load_with


def test_without_a_file_every_setting_has_its_default(loaded: Callable[..., Preferences]) -> None:
    found = loaded()
    assert {name: (one.value, one.source) for name, one in found.settings.items()} == {
        setting.name: (setting.default, "default") for setting in SETTINGS
    }
    assert found.keys == {}
    assert Keymap(found.keys).actions == ACTIONS


def test_the_decks_file_goes_before_the_persons_and_the_environment_before_both(
    loaded: Callable[..., Preferences], own: Path, deck: Path
) -> None:
    own.write_text('theme = "light"\nstart = "alerts"\nrefresh = 5\n[keys]\n"look.tree" = "f7"\n"look.at" = "f8"\n')
    (deck / "console.toml").write_text('# ours\nstart = "jobs"\nread_only = true\n[keys.look]\ntree = ["f5", "f6"]\n')
    found = loaded({"MODELDECK_THEME": "ansi"})
    assert {name: (one.value, one.source) for name, one in found.settings.items() if one.source != "default"} == {
        "theme": ("ansi", "MODELDECK_THEME"),
        "start": ("jobs", f"{deck}/console.toml:2"),
        "refresh": (5.0, f"{own}:3"),
        "read_only": (True, f"{deck}/console.toml:3"),
    }
    assert found.keys == {"look.tree": ("f5", "f6"), "look.at": ("f8",)}
    assert found.key_sources == {"look.tree": f"{deck}/console.toml:5", "look.at": f"{own}:6"}


def test_read_only_of_a_file_is_lifted_by_the_environment_and_set_by_the_line(
    loaded: Callable[..., Preferences], deck: Path
) -> None:
    (deck / "console.toml").write_text("read_only = true\n")
    assert loaded()["read_only"] is True
    assert loaded({"MODELDECK_READ_ONLY": "0"})["read_only"] is False
    found = loaded({"MODELDECK_READ_ONLY": "0"}, read_only=True)
    assert (found["read_only"], found.settings["read_only"].source) == (True, "--read-only")


def test_no_color_goes_before_every_theme(loaded: Callable[..., Preferences], own: Path) -> None:
    own.write_text('theme = "light"\n')
    found = loaded({"NO_COLOR": "1", "MODELDECK_THEME": "dark"})
    assert (found["theme"], found.settings["theme"].source) == ("mono", "NO_COLOR")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '\nthme = "dark"',
            "console.toml:2: thme: unknown key 'thme', did you mean 'theme'? known here: theme, glyphs",
        ),
        ('theme = "drak"', "console.toml:1: theme: there is no 'drak', did you mean 'dark'? set it to auto, dark"),
        ("theme = 3", "console.toml:1: theme: this must be text, got 3"),
        ("read_only = 1", "console.toml:1: read_only: this must be true or false, got 1: set it to true or false"),
        ("refresh = 61", "refresh: this must be a number of seconds from 0 to 60, got 61"),
        ("refresh = true", "refresh: this must be a number of seconds from 0 to 60, got True"),
        ('time_zone = "Rome"', "time_zone: no time zone is named 'Rome'"),
        ('time_zone = "../etc"', "time_zone: no time zone is named '../etc'"),
        ('start = "model"', "start: there is no 'model', did you mean 'models'?"),
        ('keys = "x"', "console.toml:1: keys: this must be a table"),
        ("[keys]\nlook.tre = 'b'", "console.toml:2: keys.look.tre: no action of that id, did you mean 'look.tree'?"),
        ("[keys]\n'look.tree' = 'bb'", "console.toml:2: keys.look.tree: no key is named 'bb'"),
        ("[keys]\n'look.tree' = ' '", "no key is named ' '"),
        ("[keys]\n'look.tree' = 7", "keys.look.tree: a key is text, got 7"),
        ("[keys]\n'look.tree' = 'ctrl+c'", "keys.look.tree: ctrl+c copies in most terminals"),
        ("[keys]\n'look.tree' = 'ctrl+q'", "keys.look.tree: ctrl+q quits, from everywhere"),
        (
            "[keys]\n'look.tree' = 'd'",
            "keys.look.tree: d is the key of look.describe on pulse: give it another key, or none",
        ),
        ("[keys]\n'runs.train' = 'y'", "keys.runs.train: 'y' is too easily pressed for a change"),
        ("[keys]\n'runs.train' = 'ctrl+d'", "'ctrl+d' is too easily pressed for a change"),
        ("[keys]\n'runs.train' = 'enter'", "'enter' is too easily pressed for a change"),
        ("[keys\n", "console.toml is not valid TOML: "),
    ],
)
def test_a_mistake_is_one_line_with_its_place_and_what_to_do(
    loaded: Callable[..., Preferences], deck: Path, text: str, said: str
) -> None:
    (deck / "console.toml").write_text(text)
    with pytest.raises(BrokenSettings) as caught:
        loaded()
    assert said in caught.value.line()
    assert caught.value.line().startswith(str(deck / "console.toml"))
    assert "\n" not in caught.value.line()
    assert caught.value.exit_code == 2


def test_bytes_that_are_no_text_are_said(loaded: Callable[..., Preferences], own: Path) -> None:
    own.write_bytes(b"theme = \xff")
    with pytest.raises(BrokenSettings, match="is not UTF-8 text"):
        loaded()


def test_a_variable_that_names_no_theme_is_refused(loaded: Callable[..., Preferences]) -> None:
    with pytest.raises(Refused, match="MODELDECK_THEME: there is no 'drak', did you mean 'dark'"):
        loaded({"MODELDECK_THEME": "drak"})


def test_keys_are_swapped_and_taken_away(loaded: Callable[..., Preferences], own: Path) -> None:
    own.write_text('[keys]\n"look.describe" = "y"\n"look.json" = "d"\n"releases.deploy" = []\n"look.undo" = ""\n')
    keymap = Keymap(loaded().keys)
    assert keymap.action_for("pulse", "y") == keymap["look.describe"]
    assert keymap.action_for("pulse", "d") == keymap["look.json"]
    assert keymap.action_for("pulse", "D") is None
    assert keymap.action_for("pulse", "z") is None
    assert keymap.tell("{look.json} shows, {no.action} stays; {releases.deploy} lists") == (
        "d shows, {no.action} stays; a lists"
    )


def test_a_clash_of_two_files_names_the_second(loaded: Callable[..., Preferences], own: Path, deck: Path) -> None:
    own.write_text('[keys]\n"look.tree" = "f7"\n')
    (deck / "console.toml").write_text('[keys]\n"look.at" = "f7"\n')
    with pytest.raises(
        BrokenSettings, match=r"deck/console\.toml:2: keys\.look\.at: f7 is the key of look\.tree on alerts"
    ):
        loaded()


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
def test_every_action_can_be_given_a_key_of_its_own(loaded: Callable[..., Preferences], own: Path, action: Any) -> None:
    own.write_text(f'[keys]\n"{action.id}" = "f11"\n')
    keymap = Keymap(loaded().keys)
    scope = next(scope for scope in SCOPES if action.reaches(scope))
    assert keymap.action_for(scope, "f11") == keymap[action.id]


def test_every_setting_names_its_values_or_says_them(loaded: Callable[..., Preferences]) -> None:
    assert set(BY_NAME) == set(loaded().settings)
    assert all(setting.choices or setting.help for setting in SETTINGS)
