"""The footer: what can be done here and now, projected from the action table. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from console.render.cells import Line, Span, line, width_of
from engine.actions import Action, in_scope

_FIRST = ("look.open",)
_LAST = ("look.filter", "look.actions", "look.help", "go.back")


def key_name(key: str) -> str:
    """Return a key as the screen writes it."""
    return {"escape": "esc", "pagedown": "pgdn", "pageup": "pgup"}.get(key, key)


def shown(scope: str, row: Any) -> list[tuple[str, str]]:
    """Return (key, word) of the actions the footer names: those possible on the selected row."""
    actions = [action for action in in_scope(scope) if action.hint and action.available(row) is None]
    ordered = sorted(actions, key=_place)
    return [(key_name(action.key), action.hint) for action in ordered]


def _place(action: Action) -> int:
    if action.id in _FIRST:
        return 0
    if action.id in _LAST:
        return 3 + _LAST.index(action.id)
    return 1 if action.group == "act" else 2


def hints(pairs: Iterable[tuple[str, str]], width: int) -> Line:
    """Return the footer: as many as fit, whole."""
    cells: list[Span] = [(" ", "")]
    used = 1
    for key, word in pairs:
        size = width_of(key) + width_of(word) + 3
        if used + size > width:
            break
        cells += [(key, "key"), (f" {word}  ", "dim")]
        used += size
    return line(*cells)
