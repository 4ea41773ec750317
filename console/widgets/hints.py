"""The footer: what can be done here and now, projected from the action table. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from console.keymap import Keymap, key_name
from console.render.cells import Line, Span, line, width_of
from engine.actions.action import Action

FEW = 2  # scopes of an act that belongs to its screen alone, and comes before the others
_FIRST = ("look.open",)
_LAST = ("look.filter", "look.actions", "look.help", "go.back")


def shown(keymap: Keymap, scope: str, row: Any) -> list[tuple[str, str]]:
    """Return (key, word) of the actions the footer names: those possible on the selected row, in this session."""
    actions = [
        action
        for action in keymap.in_scope(scope)
        if action.is_hinted(scope) and action.key and keymap.reason(action, row) is None
    ]
    ordered = sorted(actions, key=lambda action: (_place(action), len(action.scopes) > FEW))
    return [(key_name(action.key), action.hint) for action in ordered]


def _place(action: Action) -> int:
    if action.id in _FIRST:
        return 0
    if action.id in _LAST:
        return 3 + _LAST.index(action.id)
    return 1 if action.group == "act" else 2


def hints(pairs: Sequence[tuple[str, str]], width: int) -> Line:
    """Return the footer: as many as fit, whole; what is always useful is given its room first.

    Where some are left out, help says how many.
    """
    kept = _kept(pairs, width)
    if len(kept) < len(pairs):
        most = f"help, {len(pairs)} more"  # room for as many digits as it can come to
        kept = _kept([(key, most if word == "help" else word) for key, word in pairs], width)
    cells: list[Span] = [(" ", "")]
    for position in sorted(kept):
        key, word = pairs[position]
        more = f", {len(pairs) - len(kept)} more" if word == "help" and len(kept) < len(pairs) else ""
        cells += [(key, "key"), (f" {word}{more}  ", "dim")]
    return line(*cells)


def _kept(pairs: Sequence[tuple[str, str]], width: int) -> set[int]:
    left = width - 1
    kept: set[int] = set()
    for position in sorted(range(len(pairs)), key=lambda position: _weight(pairs[position][1], position)):
        size = width_of(pairs[position][0]) + width_of(pairs[position][1]) + 3
        if size <= left:
            kept.add(position)
            left -= size
    return kept


def _weight(word: str, position: int) -> int:
    return {"help": -1, "describe": 100, "back": 101}.get(word.partition(",")[0], position)
