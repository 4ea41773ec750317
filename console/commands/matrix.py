"""Who may do what, written for a person: who you are here, who holds which role, and the matrix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from console.output import Column, Output
from engine.operations.access import AccessReport


def _reaches(role: str) -> Callable[[Any, Output], str]:
    return lambda row, _: "yes" if getattr(row, role) else "-"


ROLES = ("viewer", "operator", "approver", "admin", "you")
MATRIX = (
    Column("what", lambda row, _: row.verb or row.operation, shrink=True),
    *(Column(role, _reaches(role)) for role in ROLES),
    Column("danger", lambda row, _: "" if row.danger in ("read", "change") else row.danger),
)


def access(answer: AccessReport, out: Output) -> None:
    """Write the report."""
    via = f", via {answer.via}" if answer.via else ""
    held = [(f"{role.role}s", ", ".join(role.names) or "nobody named") for role in answer.roles]
    out.pairs(
        [
            ("you", f"{answer.actor.removeprefix('user:')}, {answer.role}{via}"),
            ("owner", f"{answer.owner}, admin"),
            ("shared", f"with group {answer.group}" if answer.group else "no: [access] group shares the deck"),
            *held,
        ]
    )
    out.line("")
    out.table(MATRIX, answer.operations)
