"""The action table with a person's own keys, in one session: from a key to an action, and the words for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine.actions.action import Action
from engine.actions.table import ACTIONS

_NAMES = {"escape": "esc", "pagedown": "pgdn", "pageup": "pgup"}
_PLACEHOLDER = re.compile(r"\{([a-z]+\.[a-z_]+)\}")


class Keymap:
    """The actions under the keys that hold. `keys` are those changed by settings, by the action's id."""

    def __init__(self, keys: Mapping[str, tuple[str, ...]] | None = None, *, read_only: bool = False) -> None:
        changed = keys or {}
        self.actions = tuple(
            with_keys(action, changed[action.id]) if action.id in changed else action for action in ACTIONS
        )
        self.read_only = read_only
        self._by_id = {action.id: action for action in self.actions}
        self._by_scope: dict[str, dict[str, Action]] = {}

    def __getitem__(self, action_id: str) -> Action:
        """Return an action by its id."""
        return self._by_id[action_id]

    def in_scope(self, scope: str) -> tuple[Action, ...]:
        """Return the actions of a screen, in table order."""
        return tuple(action for action in self.actions if action.reaches(scope))

    def action_for(self, scope: str, key: str) -> Action | None:
        """Return what a key does on a screen."""
        if scope not in self._by_scope:
            self._by_scope[scope] = {name: action for action in self.in_scope(scope) for name in action.keys}
        return self._by_scope[scope].get(key)

    def reason(self, action: Action, row: Any) -> str | None:
        """Return why an action cannot be done on a row, in this session; None where it can."""
        return action.reason(row, read_only=self.read_only)

    def key(self, action_id: str) -> str:
        """Return the key of an action as a sentence writes it; one without a key is found under the menu's."""
        action = self._by_id[action_id]
        return key_name(action.key or self._by_id["look.actions"].key or ":")

    def tell(self, text: str) -> str:
        """Return a sentence with each `{action.id}` as the key that does it."""
        return _PLACEHOLDER.sub(lambda found: self.key(found[1]) if found[1] in self._by_id else found[0], text)


def with_keys(action: Action, keys: tuple[str, ...]) -> Action:
    """Return the action under other keys; without any it is only listed."""
    return replace(action, key=keys[0] if keys else "", also=keys[1:])


def key_name(key: str) -> str:
    """Return a key as the screen writes it."""
    return _NAMES.get(key, key)


def key_of(key: str, character: str | None) -> str:
    """Return a key press as the action table writes it: the character where there is one, else the key's name."""
    if character == " ":
        return "space"
    if character and character.isprintable() and not key.startswith(("ctrl+", "alt+")):
        return character
    return {"return": "enter", "ctrl+m": "enter", "ctrl+i": "tab", "ctrl+j": "enter"}.get(key, key)
