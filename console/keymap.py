"""From a key to an action of the table, by screen. Pure."""

from __future__ import annotations

from functools import lru_cache

from engine.actions import Action, in_scope


@lru_cache(maxsize=64)
def keys_of(scope: str) -> dict[str, Action]:
    """Return the actions of a scope by key."""
    return {key: action for action in in_scope(scope) for key in action.keys}


def action_for(scope: str, key: str) -> Action | None:
    """Return what a key does on a screen."""
    return keys_of(scope).get(key)


def key_of(key: str, character: str | None) -> str:
    """Return a key press as the action table writes it: the character where there is one, else the key's name."""
    if character == " ":
        return "space"
    if character and character.isprintable() and not key.startswith(("ctrl+", "alt+")):
        return character
    return {"return": "enter", "ctrl+m": "enter", "ctrl+i": "tab", "ctrl+j": "enter"}.get(key, key)
