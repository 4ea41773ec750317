"""Help and action menu: boxes made from the action table; what cannot be done now is listed with its reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from console.keymap import Keymap, key_name
from console.render.cells import Span
from console.render.columns import Column, Context
from console.widgets.dialog import Menu
from engine.actions.action import Action

GROUPS = {"act": "change", "look": "look", "go": "go to", "move": "move"}


@dataclass(frozen=True, slots=True)
class MenuRow:
    """An action with the reason why it cannot be done, empty when it can."""

    action: Action
    reason: str


def rows(keymap: Keymap, scope: str, row: Any, groups: Sequence[str]) -> list[MenuRow]:
    """Return the actions of a screen in the order of their groups."""
    found = [
        MenuRow(action, keymap.reason(action, row) or "") for action in keymap.in_scope(scope) if action.group in groups
    ]
    return sorted(found, key=lambda item: groups.index(item.action.group))


def _key(item: MenuRow, context: Context) -> Span:
    return (" ".join(key_name(key) for key in item.action.keys[:2]), "dim" if item.reason else "key")


def _title(item: MenuRow, context: Context) -> tuple[Span, ...]:
    if item.reason:
        return ((item.action.title.split(":")[0], "dim"), (f"  ({item.reason})", "warn"))
    return ((item.action.title, ""),)


def _whole(item: MenuRow) -> str:
    return f"{item.action.title.split(':')[0]}: {item.reason}" if item.reason else item.action.title


COLUMNS = (
    Column("KEY", _key, priority=1, least=6, most=14),
    Column("", lambda item, context: (GROUPS[item.action.group], "dim"), priority=2, least=6),
    Column("WHAT IT DOES", _title, priority=1, least=20, most=90, grow=True),
)


def help_box(keymap: Keymap, scope: str, row: Any, seconds: Callable[[], float]) -> Menu:
    """Return every key of a screen, to be run from the list."""
    found = rows(keymap, scope, row, ("act", "go", "look", "move"))
    return Menu("Keys of this screen", COLUMNS, found, lambda item: item.action.id, seconds, whole=_whole)


def menu_box(keymap: Keymap, scope: str, row: Any, seconds: Callable[[], float]) -> Menu:
    """Return what can be done with the selection; each letter works here too, but for those that move or close."""
    found = rows(keymap, scope, row, ("act", "look"))
    letters = {
        item.action.key: item.action.id
        for item in found
        if len(item.action.key) == 1 and item.action.key not in "?jkgGqa"
    }
    return Menu("What can be done here", COLUMNS, found, lambda item: item.action.id, seconds, letters, _whole)
