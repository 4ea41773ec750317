"""Operations on the past: what served at a moment, and the moves of aliases."""

from __future__ import annotations

from engine.access import Role
from engine.operations.operation import Danger, Operation, argument
from store.rows import AliasMove, Served
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class AtRequest:
    """A past moment; without offset it is in the deck's time zone."""

    time: str = argument("2026-10-01T12:00 in the deck's zone, or with an offset; now, yesterday, 21:00, '2h ago'")
    model: str | None = argument("only this model", metavar="MODEL", default=None)


@dataclass(frozen=True, slots=True)
class Moment:
    """What had traffic at a moment. `local` is the moment in the deck's zone, `note` says why nothing did."""

    at: int
    local: str
    zone: str
    note: str
    serving: tuple[Served, ...]


@dataclass(frozen=True, slots=True)
class AliasHistory:
    """The moves of a model's aliases, newest first."""

    model: str = argument("the model's name")
    name: str | None = argument("only this alias", metavar="NAME", default=None)
    limit: int = argument("at most this many rows", flag="--limit", default=100)


_HANDLERS = "engine.service.handlers.history"

OPERATIONS = (
    Operation(
        "deck.at",
        ("at",),
        "what served then, where, by whose hand",
        AtRequest,
        Moment,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:at",
    ),
    Operation(
        "aliases.history",
        ("aliases", "history"),
        "who moved which alias, and why",
        AliasHistory,
        AliasMove,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:alias_moves",
        many=True,
    ),
)
