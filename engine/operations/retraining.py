"""Operations on trainings that nobody asks for."""

from __future__ import annotations

from engine.access import Role
from engine.operations.common import ModelRequest
from engine.operations.operation import Danger, Operation
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class TriggerSeen:
    """One trigger: what was last seen of it, against what is asked."""

    name: str
    due: bool
    seen: str
    asked: str


@dataclass(frozen=True, slots=True)
class DamperSeen:
    """One damper. `until_at` None with `holds`: until somebody or something else ends it."""

    name: str
    holds: bool
    told: str
    until_at: int | None


@dataclass(frozen=True, slots=True)
class WhyNot:
    """Why a model trains by itself now, or does not."""

    model: str
    trains: bool
    told: str
    triggers: tuple[TriggerSeen, ...]
    dampers: tuple[DamperSeen, ...]
    missing: tuple[str, ...]
    next_at: int | None  # of its set times
    last_job_id: str | None
    last_at: int | None
    last_told: str


OPERATIONS = (
    Operation(
        "monitors.why_not",
        ("monitors", "why-not"),
        "why a model does not train by itself",
        ModelRequest,
        WhyNot,
        Role.VIEWER,
        Danger.READ,
        "engine.service.handlers.retraining:why_not",
    ),
)
