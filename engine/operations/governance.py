"""Operations on model cards."""

from __future__ import annotations

from engine.access import Role
from engine.operations.operation import Danger, Operation, argument
from store.rows.frozen import dataclass

UNKNOWN = "unknown"  # stands wherever a card asks what nobody has recorded


@dataclass(frozen=True, slots=True)
class CardFact:
    """One thing a card says."""

    name: str
    value: str  # `unknown` where nobody has recorded it


@dataclass(frozen=True, slots=True)
class CardSection:
    """One part of a card: facts, then a table; `note` says why there is no table where one is expected."""

    title: str
    facts: tuple[CardFact, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """The card of one version, as the registry knows it now; `text` is the same as Markdown."""

    model: str
    version: int
    sections: tuple[CardSection, ...]
    text: str
    hash: str  # sha256 of the text
    unknown: tuple[str, ...]  # `Section: fact` of everything that nobody has recorded
    diff: str | None = None  # beside another version's card: a unified diff, "" where nothing differs


@dataclass(frozen=True, slots=True)
class CardRequest:
    """The card of a version."""

    model: str = argument("the model's name")
    version: int | None = argument("without it the champion, else the newest", metavar="VERSION", default=None)
    against: int | None = argument(
        "say what differs from this version's", flag="--against", metavar="VERSION", default=None
    )
    since: str = argument(
        "say what changed since it was kept with this approval or release", flag="--since", metavar="ID", default=""
    )


_HANDLERS = "engine.service.handlers.governance"

OPERATIONS = (
    Operation(
        "cards.show",
        ("cards",),
        "the card of a version, as Markdown",
        CardRequest,
        Card,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:card",
        on_record=True,
    ),
)
