from __future__ import annotations

import base64
from pathlib import Path

import pytest
from sample_deck import ALERTS, EVENTS
from sample_releases import MODELS, VERSIONS

from console import clipboard, command_line, keymap, sgr, state, terminal, theme
from console.navigation import Navigator
from console.render.signs import ASCII, SIGNS, to_ascii
from console.screens import subjects
from console.screens.page import Page


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("q", command_line.Command("quit")),
        ("jobs failed", command_line.Command("screen", "jobs", "failed")),
        ("audit verify", command_line.Command("verify")),
        ("audit export all.evidence", command_line.Command("shell", "audit export all.evidence")),
        ("runs compare a b", command_line.Command("shell", "runs compare a b")),
        ("audit", command_line.Command("screen", "events", "")),
        ("events verify", command_line.Command("screen", "events", "verify")),
        ("ev", command_line.Command("screen", "events", "")),
        ("job 0193aa77", command_line.Command("job", "0193aa77")),
        ("alert open", command_line.Command("screen", "alerts", "open")),
        ("model nightly-rates", command_line.Command("model", "nightly-rates")),
        ("version nightly-rates@3", command_line.Command("version", "nightly-rates", version="3")),
        ("nightly-rates@v3", command_line.Command("version", "nightly-rates", version="v3")),
        ("model nightly-rates @champion", command_line.Command("version", "nightly-rates", version="champion")),
        ("version nightly-rates 3", command_line.Command("version", "nightly-rates", version="3")),
        ("show nightly-rates", command_line.Command("unknown", "nightly-rates")),
        ("promote nightly-rates 3", command_line.Command("act", "releases.promote", "nightly-rates", "3")),
        ("promote nightly-rates@v3", command_line.Command("act", "releases.promote", "nightly-rates", "v3")),
        ("promote nightly-rates @canary", command_line.Command("act", "releases.promote", "nightly-rates", "canary")),
        ("rollback nightly-rates", command_line.Command("act", "releases.rollback", "nightly-rates")),
        ("deploy nightly-rates", command_line.Command("act", "releases.deploy", "nightly-rates")),
        ("", command_line.Command("nothing")),
        ("r2d2", command_line.Command("unknown", "r2d2")),
    ],
)
def test_command_lines_mean_what_they_say(text: str, command: command_line.Command) -> None:
    assert command_line.parse(text) == command


def test_commands_and_models_complete() -> None:
    assert command_line.complete("ru", []) == ("runs", "run")
    assert command_line.complete("promote ni", ["nightly-rates", "post"]) == ("promote nightly-rates",)
    assert command_line.complete("jobs f", ["nightly-rates"]) == ()
    ids = {"job": ("0193aa", "0193bb", "0192cc"), "run": ("0193dd",)}
    assert command_line.complete("job 0193", [], ids) == ("job 0193aa", "job 0193bb")
    assert command_line.complete("alert 0", [], ids) == ()


def test_osc52_is_wrapped_for_tmux_and_screen_and_has_a_limit() -> None:
    plain = clipboard.osc52("nightly-rates@3", {})
    assert base64.b64decode(plain.removeprefix("\x1b]52;c;").removesuffix("\x07")) == b"nightly-rates@3"
    assert clipboard.osc52("x", {"TMUX": "1"}).startswith("\x1bPtmux;\x1b\x1b]52;c;")
    assert clipboard.osc52("x", {"STY": "1"}).startswith("\x1bP\x1b]52;c;")
    assert clipboard.osc52("x" * 60_000, {}) == ""


def test_a_remote_terminal_gets_few_frames_and_no_animations() -> None:
    environ = {"SSH_CONNECTION": "a b c d", "TERM": "xterm-256color", "NO_COLOR": "1"}
    environ |= {"COLUMNS": "80", "LINES": "24"}
    found = terminal.profile(environ, encoding="UTF-8")
    terminal.prepare(found, environ)
    assert (found.is_remote, found.fps, found.theme, found.mouse) == (True, 15, "mono", False)
    assert (environ["TEXTUAL_FPS"], environ["TEXTUAL_ANIMATIONS"]) == ("15", "none")
    assert not {"NO_COLOR", "COLUMNS", "LINES"} & set(environ)


@pytest.mark.parametrize(
    ("environ", "encoding", "theme_name", "is_ascii"),
    [
        ({"TERM": "xterm-256color"}, "UTF-8", "dark", False),
        ({"TERM": "xterm-256color"}, "ANSI_X3.4-1968", "dark", True),
        ({"TERM": "linux"}, "utf8", "ansi", True),
        ({"TERM": "xterm-256color", "COLORFGBG": "0;15"}, "UTF-8", "light", False),
        ({"TERM": "xterm-256color", "MODELDECK_THEME": "ansi"}, "UTF-8", "ansi", False),
        ({"TERM": "xterm-256color", "NO_COLOR": "1", "MODELDECK_THEME": "dark"}, "UTF-8", "mono", False),
    ],
)
def test_the_terminal_profile(environ: dict[str, str], encoding: str, theme_name: str, is_ascii: bool) -> None:
    found = terminal.profile(environ, encoding=encoding)
    assert (found.theme, found.ascii_only) == (theme_name, is_ascii)
    assert len(found.lines()) == 3


def test_state_is_kept_and_a_spoiled_file_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "console.json"
    kept = state.ConsoleState("jobs", {"jobs": "failed"}, {"jobs": "0193"})
    state.save(path, kept)
    assert state.load(path) == kept
    path.write_text('{"screen": 3}')
    assert state.load(path) == state.ConsoleState()
    assert state.load(tmp_path / "none") == state.ConsoleState()


def test_a_state_that_cannot_be_written_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    state.save(tmp_path / "file" / "console.json", state.ConsoleState())


def test_keys_are_named_by_their_character() -> None:
    assert keymap.key_of("question_mark", "?") == "?"
    assert keymap.key_of("space", " ") == "space"
    assert keymap.key_of("ctrl+d", "\x04") == "ctrl+d"
    assert keymap.key_of("P", "P") == "P"
    action = keymap.Keymap().action_for("alerts", "A")
    assert action is not None
    assert action.id == "alerts.ack"
    assert keymap.Keymap().action_for("jobs", "A") is None


def test_every_theme_knows_every_style_and_mono_has_no_colour() -> None:
    names = set(theme.THEMES["dark"])
    for name, table in theme.THEMES.items():
        assert set(table) == names
        for style in names:
            theme.style(name, style)
    for style in names:
        look = theme.style("mono", style)
        assert look.color is None or look.color.is_default
        assert look.bgcolor is None or look.bgcolor.is_default


def test_every_sign_has_a_plain_one_of_its_width() -> None:
    for glyph, style in SIGNS.values():
        assert glyph.isascii() or glyph in ASCII
        assert style in theme.THEMES["dark"]
    assert to_ascii("● ready → v2 日") == "* ready > v2 ??"


def test_condensed_output_names_only_what_changes() -> None:
    red, blue = "\x1b[38;5;1;48;5;233m", "\x1b[1;38;5;4;48;5;233m"
    text = f"{red}a\x1b[0m{red}b\x1b[0m\x1b[5;1H{blue}c\x1b[0m{red}d\x1b[0m"
    assert sgr.condense(text) == f"{red}ab\x1b[5;1H\x1b[1;38;5;4mc\x1b[;38;5;1;48;5;233md\x1b[m"


def test_condensed_output_always_ends_plain() -> None:
    assert sgr.condense("\x1b[31mred").endswith("\x1b[m")
    assert sgr.condense("plain") == "plain"
    assert sgr.condense("\x1b[?25l\x1b]52;c;eA==\x07") == "\x1b[?25l\x1b]52;c;eA==\x07"


def test_subjects_have_ids_and_commands() -> None:
    assert subjects.identity(VERSIONS["nightly-rates"][0]) == "nightly-rates@3"
    assert subjects.show_command(VERSIONS["nightly-rates"][0]) == "modeldeck show version nightly-rates@3 --json"
    assert subjects.identity(MODELS[0]) == "nightly-rates"
    assert subjects.identity(EVENTS[0]) == "412"
    assert subjects.kind_of(ALERTS[0]) == "alert"


def page(name: str) -> Page:
    return Page(name, name.capitalize(), f"modeldeck {name}")


def navigator() -> Navigator:
    return Navigator({"pulse": lambda: page("pulse"), "jobs": lambda: page("jobs")}, "pulse")


def test_back_leaves_pages_but_not_the_root() -> None:
    places = navigator()
    places.open(page("log"))
    assert places.crumbs == ["Pulse", "Log"]
    assert places.back()
    assert not places.back()


def test_last_goes_to_and_fro() -> None:
    places = navigator()
    assert not places.last()
    places.open(page("log"))
    places.go("jobs")
    places.last()
    assert places.crumbs == ["Pulse", "Log"]
    places.last()
    assert places.crumbs == ["Jobs"]


def test_a_numbered_screen_keeps_its_page() -> None:
    places = navigator()
    first = places.page
    places.go("jobs")
    assert places.go("pulse") is first


def test_a_page_open_already_is_returned_to() -> None:
    places = navigator()
    log = places.open(page("log"))
    places.open(page("text"))
    assert places.open(page("log")) is log


def test_an_unknown_first_screen_is_the_pulse() -> None:
    assert Navigator({"pulse": lambda: page("pulse")}, "gone").page.name == "pulse"
