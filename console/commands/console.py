"""`modeldeck console, console keys`: what is set of the console, and by what; the keys of every action."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.commands.session import Session
from console.keymap import Keymap, key_name
from console.output import Column
from console.preferences import BY_NAME, DEFAULT, Preferences, files, load
from engine.actions.scopes import EVERYWHERE
from engine.workspace import Workspace
from store.errors import ModeldeckError


@dataclass(frozen=True, slots=True)
class SettingShown:
    """One setting of the console: its value, and the file and line, variable or option that it came from."""

    name: str
    value: Any
    source: str
    help: str


@dataclass(frozen=True, slots=True)
class KeysShown:
    """The keys of one action, on which screens they hold, and where they came from."""

    action: str
    keys: tuple[str, ...]
    does: str
    screens: tuple[str, ...]
    source: str


_SETTINGS = (
    Column("SETTING", lambda row, out: row.name),
    Column("VALUE", lambda row, out: _said(row.value)),
    Column("FROM", lambda row, out: row.source, shrink=True),
    Column("WHAT", lambda row, out: row.help, shrink=True),
)
_KEYS = (
    Column("ACTION", lambda row, out: row.action),
    Column("KEYS", lambda row, out: " ".join(key_name(key) for key in row.keys) or "none"),
    Column("FROM", lambda row, out: row.source, shrink=True),
    Column("WHAT", lambda row, out: row.does, shrink=True),
)


def run(session: Session) -> int:
    """Print every setting, and the keys that were changed."""
    found = preferences_of(session)
    rows = [
        SettingShown(name, chosen.value, chosen.source, BY_NAME[name].help) for name, chosen in found.settings.items()
    ]
    actions = Keymap(found.keys)
    rows += [
        SettingShown(f"keys.{name}", list(keys), found.key_sources[name], actions[name].title)
        for name, keys in found.keys.items()
    ]
    out = session.output
    if out.as_json:
        out.data(rows)
        return 0
    out.table(_SETTINGS, rows)
    out.note(f"set them in {' or '.join(str(path) for path in files(folder_of(session), session.environment))}")
    return 0


def keys(session: Session) -> int:
    """Print the keys of every action."""
    found = preferences_of(session)
    rows = [
        KeysShown(
            action.id,
            action.keys,
            action.title,
            (EVERYWHERE,) if EVERYWHERE in action.scopes else action.scopes,
            found.key_sources.get(action.id, DEFAULT),
        )
        for action in Keymap(found.keys).actions
    ]
    if session.output.as_json:
        session.output.data(rows)
    else:
        session.output.table(_KEYS, rows)
    return 0


def preferences_of(session: Session) -> Preferences:
    """Return what is set for the deck of this line; without one, for this person."""
    return load(folder_of(session), session.environment, read_only=session.said.read_only)


def folder_of(session: Session) -> Path | None:
    """Return the deck's folder; None for a shared deck, and where there is none."""
    try:
        place = session.place()
    except ModeldeckError:
        if session.said.workspace or session.said.deck:
            raise
        return None
    return place.root if isinstance(place, Workspace) else None


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " ".join(value) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
