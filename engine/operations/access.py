"""The question who may do what."""

from __future__ import annotations

from engine.access import Role
from engine.operations.common import NoRequest
from engine.operations.operation import Danger, Operation, argument
from store.rows import PersonalRead
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class RoleHolders:
    """One role and whom [access] gives it: user names, and groups as @group."""

    role: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AccessRow:
    """One operation, and which roles reach it. `verb` is "" where no verb of the command line is it alone."""

    operation: str
    verb: str
    danger: str
    viewer: bool
    operator: bool
    approver: bool
    admin: bool
    you: bool


@dataclass(frozen=True, slots=True)
class AccessReport:
    """Who asks and in which role, who holds which role, and the matrix. The owner is admin whatever is said."""

    actor: str
    via: str
    role: str
    owner: str
    group: str  # the deck is shared with it; "" for a private deck
    roles: tuple[RoleHolders, ...]
    operations: tuple[AccessRow, ...]


@dataclass(frozen=True, slots=True)
class AccessLogRequest:
    """Reads of personal columns, newest first."""

    by: str = argument("only reads of this person or schedule", flag="--by", default="")
    model: str = argument("only reads of this model's columns", flag="--model", default="")
    since: str = argument("only reads from this time on", flag="--since", metavar="TIME", default="")
    until: str = argument("only reads before this time", flag="--until", metavar="TIME", default="")
    limit: int = argument("at most this many rows", flag="--limit", default=100)


OPERATIONS = (
    Operation(
        "access.log",
        ("access", "log"),
        "who read personal columns, newest first",
        AccessLogRequest,
        PersonalRead,
        Role.APPROVER,
        Danger.READ,
        "engine.service.handlers.access:log",
        many=True,
    ),
    Operation(
        "access.show",
        ("access",),
        "who may do what, and who you are here",
        NoRequest,
        AccessReport,
        Role.VIEWER,
        Danger.READ,
        "engine.service.handlers.access:show",
    ),
)
