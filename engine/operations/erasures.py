"""Operations that erase a person's rows, tell what was erased, and decide what becomes of the models."""

from __future__ import annotations

from engine.access import Role
from engine.operations.operation import Danger, Operation, argument
from engine.plans import Preview
from store.rows import Erasure, ErasureDecision, ErasureItem, Job
from store.rows.frozen import dataclass

DECISIONS = ("retrain", "suppress", "accept")


@dataclass(frozen=True, slots=True)
class EraseRequest:
    """A person, by one or several columns: a row is theirs where any of them holds the value."""

    person: tuple[str, ...] = argument("whose rows: user_id=31; several words are one person", metavar="COLUMN=VALUE")
    reason: str = argument("why, kept on record; name no person in it", flag="--reason")
    basis: str = ""


@dataclass(frozen=True, slots=True)
class ErasuresRequest:
    """The erasures on record, newest first."""

    limit: int = argument("at most this many rows", flag="--limit", default=100)


@dataclass(frozen=True, slots=True)
class ErasureRequest:
    """One erasure."""

    id: str = argument("the erasure's id; a unique beginning is enough", metavar="ERASURE")


@dataclass(frozen=True, slots=True)
class DerivedVersion:
    """A version that learned from the rows; `held` says what needs it, `state` is "", abandoned or deleted."""

    model: str
    version: int
    how: str
    held: str
    state: str


@dataclass(frozen=True, slots=True)
class ErasureDetail:
    """An erasure with its proof and its consequences.

    `items` are the places that held rows, each with what took its place; `derived` what learned from them; `undecided`
    models of those that nobody decided about; `images`, `servers` and `backups` are told because they still hold what
    was erased.
    """

    erasure: Erasure
    items: tuple[ErasureItem, ...]
    derived: tuple[DerivedVersion, ...]
    decisions: tuple[ErasureDecision, ...]
    undecided: tuple[str, ...]
    images: tuple[str, ...]
    backups: tuple[str, ...]
    servers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DecideErasure:
    """What becomes of a model's versions that learned from erased rows."""

    id: str = argument("the erasure's id; a unique beginning is enough", metavar="ERASURE")
    model: str = argument("the model's name")
    decision: str = argument(
        "retrain: train again now; suppress: mark such versions abandoned; accept: leave them", metavar="DECISION"
    )
    reason: str = argument("why, kept on record", flag="--reason")


@dataclass(frozen=True, slots=True)
class LiftErasure:
    """Let rows of the person in again, from the next ingest on."""

    id: str = argument("the erasure's id; a unique beginning is enough", metavar="ERASURE")
    reason: str = argument("why, kept on record", flag="--reason")


_HANDLERS = "engine.service.handlers.erasures"

OPERATIONS = (
    Operation(
        "erasures.plan",
        (),
        "what an erasure would find",
        EraseRequest,
        Preview,
        Role.ADMIN,
        Danger.READ,
        f"{_HANDLERS}:plan",
        command_line=False,
        personal="sought",
    ),
    Operation(
        "data.erase",
        ("data", "erase"),
        "remove a person's rows from data and logs",
        EraseRequest,
        Job,
        Role.ADMIN,
        Danger.DANGEROUS,
        f"{_HANDLERS}:erase",
        job=True,
        preview="erasures.plan",
    ),
    Operation(
        "erasures.list",
        ("erasures",),
        "the erasures of people's rows, newest first",
        ErasuresRequest,
        Erasure,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:erasures",
        many=True,
    ),
    Operation(
        "erasures.show",
        ("erasures", "show"),
        "what was removed, and what learned from it",
        ErasureRequest,
        ErasureDetail,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:show",
    ),
    Operation(
        "erasures.decide",
        ("erasures", "decide"),
        "say what becomes of a model that learned",
        DecideErasure,
        ErasureDecision,
        Role.ADMIN,
        Danger.CHANGE,
        f"{_HANDLERS}:decide",
    ),
    Operation(
        "erasures.lift",
        ("erasures", "lift"),
        "let such rows in again from now on",
        LiftErasure,
        Erasure,
        Role.ADMIN,
        Danger.CHANGE,
        f"{_HANDLERS}:lift",
    ),
)
