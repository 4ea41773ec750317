"""Operations on approvals: who has to say yes to a version, and who did."""

from __future__ import annotations

from engine.access import Role
from engine.operations.common import DRY_RUN
from engine.operations.operation import Danger, Operation, argument
from engine.plans import Preview
from store.rows import Approval
from store.rows.frozen import dataclass

_MODEL = "the model's name"
_VERSION = "the version's number"
_WHY = "why, kept on record"


@dataclass(frozen=True, slots=True)
class ApprovalsRequest:
    """Approvals, newest first; those that stand only unless `all`."""

    model: str | None = argument("only this model's", metavar="MODEL", default=None)
    all: bool = argument("those that have ended too", flag="--all", default=False)


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """Ask that a version may take traffic."""

    model: str = argument(_MODEL)
    version: int | None = argument("without it, the challenger", metavar="VERSION", default=None)
    reason: str = argument(_WHY, flag="--reason", default="")
    dry_run: bool = argument(DRY_RUN, flag="--dry-run", default=False)


@dataclass(frozen=True, slots=True)
class GrantRequest:
    """Say yes to what is requested of a version."""

    model: str = argument(_MODEL)
    version: int = argument(_VERSION, metavar="VERSION")
    reason: str = argument(_WHY, flag="--reason", default="")
    basis: str = argument("the preview's basis", flag="--basis", default="")


@dataclass(frozen=True, slots=True)
class ApprovalChange:
    """Say no to what is requested of a version, or take one's own part in it back."""

    model: str = argument(_MODEL)
    version: int = argument(_VERSION, metavar="VERSION")
    reason: str = argument(_WHY, flag="--reason", default="")
    dry_run: bool = argument(DRY_RUN, flag="--dry-run", default=False)


_HANDLERS = "engine.service.handlers.approvals"

OPERATIONS = (
    Operation(
        "approvals.list",
        ("approvals",),
        "who has to say yes to a version, and who did",
        ApprovalsRequest,
        Approval,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:approvals",
        many=True,
    ),
    Operation(
        "approvals.request",
        ("approvals", "request"),
        "ask that a version may take traffic",
        ApprovalRequest,
        Approval,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_HANDLERS}:request",
        reversible=True,
    ),
    Operation(
        "approvals.grant",
        ("approvals", "grant"),
        "say yes to what is requested of a version",
        GrantRequest,
        Approval,
        Role.APPROVER,
        Danger.DANGEROUS,
        f"{_HANDLERS}:grant",
        reversible=True,
        preview="approvals.preview_grant",
    ),
    Operation(
        "approvals.preview_grant",
        (),
        "what would be granted",
        GrantRequest,
        Preview,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:preview_grant",
        command_line=False,
    ),
    Operation(
        "approvals.refuse",
        ("approvals", "refuse"),
        "say no to what is requested of a version",
        ApprovalChange,
        Approval,
        Role.APPROVER,
        Danger.CHANGE,
        f"{_HANDLERS}:refuse",
    ),
    Operation(
        "approvals.withdraw",
        ("approvals", "withdraw"),
        "take back your request, or your grant",
        ApprovalChange,
        Approval,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_HANDLERS}:withdraw",
    ),
)
