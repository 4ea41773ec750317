"""What one action is. The engine checks again on submit; `available` only spares a person a refusal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.actions.scopes import EVERYWHERE
from engine.operations.operation import Danger

READ_ONLY = "this session is read-only"


@dataclass(frozen=True, slots=True)
class Action:
    """One key on some screens: `group` is act, look, go or move; `hint` is the footer's word ("" hides it there)."""

    id: str
    key: str
    title: str
    scopes: tuple[str, ...]
    group: str
    hint: str = ""
    danger: Danger = Danger.READ
    operation: str | None = None
    also: tuple[str, ...] = ()  # further keys
    hinted: tuple[str, ...] = ()  # scopes whose footer names it, where not all of them do
    available: Callable[[Any], str | None] = lambda row: None

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key of the action; none where a person took its key away."""
        return (self.key, *self.also) if self.key else ()

    def reason(self, row: Any, *, read_only: bool = False) -> str | None:
        """Return why it cannot be done on a row, in this session; None where it can."""
        if read_only and self.operation is not None:
            return READ_ONLY
        return self.available(row)

    def is_hinted(self, scope: str) -> bool:
        """Say whether the footer of a screen names the action where it can be done."""
        return bool(self.hint) and (not self.hinted or scope in self.hinted)

    def reaches(self, scope: str) -> bool:
        """Say whether the action belongs to a screen's scope."""
        return EVERYWHERE in self.scopes or scope in self.scopes
