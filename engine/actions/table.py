"""Every action there is, in the order in which help, menu and footer show them."""

from __future__ import annotations

from engine.actions.action import Action
from engine.actions.changes import CHANGES
from engine.actions.looks import LOOKS
from engine.actions.scopes import EVERYWHERE
from engine.actions.ways import MOVES, WAYS

ACTIONS: tuple[Action, ...] = (*CHANGES, *LOOKS, *WAYS, *MOVES)
BY_ID: dict[str, Action] = {action.id: action for action in ACTIONS}


def in_scope(scope: str) -> tuple[Action, ...]:
    """Return the actions of a screen's scope, in table order."""
    return tuple(action for action in ACTIONS if action.reaches(scope))


def key_table() -> list[tuple[str, str, str]]:
    """Return (keys, what it does, where) per action, as the README prints it."""
    rows = []
    for action in ACTIONS:
        where = "every screen" if EVERYWHERE in action.scopes else ", ".join(action.scopes)
        rows.append((" ".join(action.keys), action.title, where))
    return rows
