"""Keys a person gives to actions: read from a settings table, and refused where they would be a trap. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from console.keymap import Keymap, key_name
from engine.actions.action import Action
from engine.actions.scopes import SCOPES
from engine.actions.table import BY_ID
from engine.operations.operation import Danger
from store.errors import BrokenSettings

Where = Callable[[str], str]  # action id -> file, line and key, as a person is told

_SCROLLING = ("ctrl+d", "ctrl+u", "ctrl+f", "ctrl+b")
_TAKEN = {  # what no action can have: it means something else before the console sees it, or must always work
    "ctrl+c": "copies in most terminals",
    "ctrl+z": "suspends",
    "ctrl+h": "is backspace",
    "ctrl+i": "is tab",
    "ctrl+j": "is enter",
    "ctrl+m": "is enter",
    "ctrl+s": "stops the output of many terminals",
}
_NAMED = (
    *("enter", "tab", "space", "escape", "backspace", "insert", "delete"),
    *("up", "down", "left", "right", "home", "end", "pageup", "pagedown"),
    *(f"f{number}" for number in range(1, 13)),
    *(f"ctrl+{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"),
)


def read_keys(table: Mapping[str, Any], where: Where) -> dict[str, tuple[str, ...]]:
    """Return the keys of each action that a `[keys]` table names; nested tables are joined by dots.

    Raises:
        BrokenSettings: an action or a key that does not exist, or a key that an action must not have.
    """
    found: dict[str, tuple[str, ...]] = {}
    for action_id, value in _flat(table, ""):
        if action_id not in BY_ID:
            near = difflib.get_close_matches(action_id, BY_ID, n=1)
            closest = f", did you mean {near[0]!r}?" if near else ""
            raise BrokenSettings(f"{where(action_id)}: no action of that id{closest}", "modeldeck console keys")
        keys = tuple(value) if isinstance(value, list) else (value,) if value != "" else ()
        for key in keys:
            _check(BY_ID[action_id], key, where(action_id))
        found[action_id] = keys
    return found


def _flat(table: Mapping[str, Any], before: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in table.items():
        path = f"{before}{name}"
        found += _flat(value, f"{path}.") if isinstance(value, dict) else [(path, value)]
    return found


def _check(action: Action, key: object, where: str) -> None:
    if not isinstance(key, str):
        raise BrokenSettings(f"{where}: a key is text, got {key!r}", 'for example "P", ["P", "f5"], or [] for none')
    if not (len(key) == 1 and key.isprintable() and key != " ") and key not in _NAMED:
        raise BrokenSettings(f"{where}: no key is named {key!r}", "one character, or enter, space, f1, ctrl+a and such")
    if key in _TAKEN:
        raise BrokenSettings(f"{where}: {key} {_TAKEN[key]}", "choose another key")
    if key == "ctrl+q" and action.id != "go.quit":
        raise BrokenSettings(f"{where}: ctrl+q quits, from everywhere", "choose another key")
    if action.danger is not Danger.READ and not _fit_for_change(key):
        raise BrokenSettings(
            f"{where}: {key!r} is too easily pressed for a change",
            "an upper-case letter, f1 to f12, or ctrl with a letter that does not scroll",
        )


def _fit_for_change(key: str) -> bool:
    if len(key) == 1:
        return key.isupper()
    return (key.startswith("ctrl+") and key not in _SCROLLING) or (key[0] == "f" and key[1:].isdigit())


def refuse_clash(keys: Mapping[str, tuple[str, ...]], where: Where) -> None:
    """Refuse keys that two actions of one screen would share.

    Raises:
        BrokenSettings: they do; it names the one that was set, and whose key it is.
    """
    keymap = Keymap(keys)
    for scope in SCOPES:
        owners: dict[str, Action] = {}
        for action in keymap.in_scope(scope):
            for key in action.keys:
                other = owners.setdefault(key, action)
                if other is action:
                    continue
                changed, kept = (action, other) if action.id in keys else (other, action)
                raise BrokenSettings(
                    f"{where(changed.id)}: {key_name(key)} is the key of {kept.id} on {scope}",
                    f'give it another key, or none: "{kept.id}" = []',
                )
