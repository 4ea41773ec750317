"""Plan and Step as data: what will be done, in order, before anything is done.

`plan_*` functions are pure over gathered facts. The same plan feeds the dialog, `--dry-run`, the tests and the record.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any

from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One step: `kind` picks the runner's act, `args` are ids and numbers, never row data."""

    kind: str
    title: str
    host: str | None = None
    args: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which two versions differ."""

    name: str
    before: str
    after: str
    note: str = ""  # why the two are not to be held against each other; "" where they may be


@dataclass(frozen=True, slots=True)
class Known:
    """One thing on record of a plan's versions that may be held against each other, or says how one did live."""

    name: str
    told: str


@dataclass(frozen=True, slots=True)
class Check:
    """One gate or proof: passed, failed, or no data, with what was seen and what was asked."""

    name: str
    verdict: str  # passed, failed, no data, pending
    observed: str
    required: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What changes from what to what, the steps host by host, and the way back."""

    kind: str  # promote, rollback, deploy, abort
    endpoint: str
    from_version: int | None
    to_version: int
    summary: str
    undo: str
    steps: tuple[PlanStep, ...]
    differences: tuple[Difference, ...] = ()
    checks: tuple[Check, ...] = ()
    known: tuple[Known, ...] = ()
    warnings: tuple[str, ...] = ()  # what is known beforehand to go otherwise than one may expect

    def lines(self) -> list[str]:
        """Return the plan as the numbered lines that every face shows."""
        return [
            f"{number}. {f'[{step.host}] ' if step.host else ''}{step.title}"
            for number, step in enumerate(self.steps, 1)
        ]


@dataclass(frozen=True, slots=True)
class Preview:
    """A plan, and the basis on which it holds: `submit` carries the basis and is refused when it has changed."""

    plan: Plan
    basis: str
    already: str = ""  # not empty: this is so already, nothing to do
    blocked: str = ""  # not empty: why this cannot be submitted
    awaits: bool = False  # what blocks it is that people have yet to say yes
