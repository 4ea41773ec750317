"""What a person set of the console: their own TOML, one beside deck.toml, the environment, the line. Checked at once.

Later ones win: the default, `~/.config/modeldeck/console.toml`, `console.toml` of the deck's folder, the environment,
the line. Nothing here touches the deck: deck.toml and models/*.toml are the engine's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from console.command_line import SCREENS
from console.terminal import THEMES
from console.usage import READ_ONLY, read_only_of
from store.errors import BrokenSettings, Refused

NAME = "console.toml"
DEFAULT = "default"
MOST_REFRESH_S = 60.0


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `choices` are its values where they are few; `variable` is the environment's word for it."""

    name: str
    default: Any
    help: str
    choices: tuple[str, ...] = ()
    variable: str = ""


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "theme",
        "auto",
        "colours; auto goes by the terminal, `NO_COLOR` by mono",
        ("auto", *THEMES),
        "MODELDECK_THEME",
    ),
    Setting(
        "glyphs",
        "auto",
        "what charts are drawn with; ascii holds for every sign",
        ("auto", "braille", "block", "ascii"),
        "MODELDECK_GLYPHS",
    ),
    Setting("read_only", False, "have the engine refuse every change of the console", variable=READ_ONLY),
    Setting("start", "last", "the screen it opens on; last is where one was", ("last", *SCREENS)),
    Setting("time_zone", "UTC", "of the times shown: UTC, deck, local, or a name as Europe/Rome"),
    Setting("refresh", 2.0, "seconds between two looks at whether anything moved, to 60; 0 looks only when asked"),
)
BY_NAME = {setting.name: setting for setting in SETTINGS}


@dataclass(frozen=True, slots=True)
class Chosen:
    """A value that holds, and where it came from."""

    value: Any
    source: str = DEFAULT


@dataclass(slots=True)
class Preferences:
    """Every setting, and the keys that were changed."""

    settings: dict[str, Chosen] = field(default_factory=dict)
    keys: dict[str, tuple[str, ...]] = field(default_factory=dict)
    key_sources: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        """Return the value of a setting; its default where nothing was loaded."""
        chosen = self.settings.get(name)
        return BY_NAME[name].default if chosen is None else chosen.value


def files(folder: Path | None, environment: Mapping[str, str]) -> list[Path]:
    """Return where settings may stand, the later the stronger: the person's own file, then the deck's."""
    home = environment.get("XDG_CONFIG_HOME") or str(Path(environment.get("HOME", "~")).expanduser() / ".config")
    own = [Path(home) / "modeldeck" / NAME]
    return own if folder is None else [*own, folder / NAME]


def load(folder: Path | None, environment: Mapping[str, str], *, read_only: bool = False) -> Preferences:
    """Return what holds for a deck's folder (None for a shared deck), in this environment, on this line.

    Raises:
        BrokenSettings: a file says something that is none, or impossible; it names file, line and key.
        Refused: a variable of the environment does.
    """
    found = Preferences({one.name: Chosen(one.default) for one in SETTINGS})
    for path in files(folder, environment):
        _take_file(found, path)
    for setting in SETTINGS:
        said = environment.get(setting.variable) if setting.variable else None
        if said is not None and said != "":
            value = read_only_of(environment) if setting.name == "read_only" else said
            wrong = _wrong(setting, value)
            if wrong:
                raise Refused(f"{setting.variable}: {wrong}", f"set it to {_known(setting)}, or unset it")
            found.settings[setting.name] = Chosen(value, setting.variable)
    if environment.get("NO_COLOR"):
        found.settings["theme"] = Chosen("mono", "NO_COLOR")
    if environment.get("MODELDECK_ASCII") == "1":
        found.settings["glyphs"] = Chosen("ascii", "MODELDECK_ASCII")
    if read_only:
        found.settings["read_only"] = Chosen(True, "--read-only")
    return found


def _take_file(found: Preferences, path: Path) -> None:
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        return
    except NotADirectoryError:
        return
    except OSError as error:
        raise BrokenSettings(f"{path} cannot be read ({error.strerror})", "check its owner and mode") from None
    except UnicodeDecodeError:
        raise BrokenSettings(f"{path} is not UTF-8 text", "save it as UTF-8") from None
    import tomllib

    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BrokenSettings(f"{path} is not valid TOML: {error}", "correct that line") from None
    place = _Place(path, text)
    for name, value in said.items():
        if name == "keys":
            _take_keys(found, value, place)
            continue
        setting = BY_NAME.get(name)
        if setting is None:
            closest = _closest(name, (*BY_NAME, "keys"))
            known = f"known here: {', '.join(BY_NAME)}, keys"
            raise BrokenSettings(f"{place.told(name)}: unknown key {name!r}{closest}", known)
        wrong = _wrong(setting, value)
        if wrong:
            raise BrokenSettings(f"{place.told(name)}: {wrong}", f"set it to {_known(setting)}")
        found.settings[name] = Chosen(float(value) if name == "refresh" else value, place.at(name))


def _take_keys(found: Preferences, table: Any, place: _Place) -> None:
    if not isinstance(table, dict):
        raise BrokenSettings(f"{place.told('keys')}: this must be a table", "write [keys], then action = key")
    from console.keys import read_keys, refuse_clash

    def where(action_id: str) -> str:
        return place.told("keys", *action_id.split("."))

    given = read_keys(table, where)
    merged = {**found.keys, **given}
    refuse_clash(merged, where)
    found.keys = merged
    found.key_sources |= {name: place.at("keys", *name.split(".")) for name in given}


class _Place:
    """Where in a file a key stands, as a person is told."""

    def __init__(self, path: Path, text: str) -> None:
        self._path, self._text = path, text

    def at(self, *keys: str) -> str:
        """Return `FILE:LINE`."""
        from engine.settings.toml_lines import line_of

        line = line_of(self._text, keys)
        return f"{self._path}:{line}" if line else str(self._path)

    def told(self, *keys: str) -> str:
        """Return `FILE:LINE: KEY`."""
        return f"{self.at(*keys)}: {'.'.join(keys)}"


def _wrong(setting: Setting, value: Any) -> str:
    """Say what is wrong with a value; nothing where it fits."""
    if setting.name == "read_only":
        return "" if isinstance(value, bool) else f"this must be true or false, got {value!r}"
    if setting.name == "refresh":
        fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MOST_REFRESH_S
        return "" if fits else f"this must be a number of seconds from 0 to {MOST_REFRESH_S:.0f}, got {value!r}"
    if not isinstance(value, str):
        return f"this must be text, got {value!r}"
    if setting.name == "time_zone":
        return "" if value in ("UTC", "deck", "local") or _is_zone(value) else f"no time zone is named {value!r}"
    if value in setting.choices:
        return ""
    return f"there is no {value!r}{_closest(value, setting.choices)}"


def _closest(name: str, known: Sequence[str]) -> str:
    import difflib

    near = difflib.get_close_matches(name, known, n=1)
    return f", did you mean {near[0]!r}?" if near else ""


def _known(setting: Setting) -> str:
    if setting.choices:
        return ", ".join(setting.choices[:-1]) + f" or {setting.choices[-1]}"
    return {
        "read_only": "true or false",
        "refresh": "2, say, or 0",
        "time_zone": "UTC, deck, local, or a name as Europe/Rome",
    }[setting.name]


def _is_zone(name: str) -> bool:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        return False
    return True
