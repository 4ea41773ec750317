"""The question what a model lacks to be called in order."""

from __future__ import annotations

from engine.access import Role
from engine.operations.operation import Danger, Operation, argument
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class ComplianceRequest:
    """One model, by its champion, else its newest version, or the version named."""

    model: str = argument("the model's name")
    version: int | None = argument("without it the champion, else the newest", metavar="VERSION", default=None)


@dataclass(frozen=True, slots=True)
class ComplianceItem:
    """One thing that is there or missing; `fix` is the command or the line of the model file that fills it."""

    phase: str  # documentation, data, tests, monitoring, approvals, reproducibility
    what: str
    is_there: bool
    detail: str
    fix: str


@dataclass(frozen=True, slots=True)
class Compliance:
    """What of a version is there and what is missing, phase by phase. It judges no law: it says what is on record."""

    model: str
    version: int
    items: tuple[ComplianceItem, ...]
    missing: int


OPERATIONS = (
    Operation(
        "compliance.show",
        ("compliance",),
        "what is on record of it, and what not",
        ComplianceRequest,
        Compliance,
        Role.VIEWER,
        Danger.READ,
        "engine.service.handlers.compliance:compliance",
    ),
)
