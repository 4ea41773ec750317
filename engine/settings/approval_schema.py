"""`[gates] approvals`: a number, or a table that says more."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from engine.settings.approvals import SECOND_LOOK_S, ApprovalSettings
from engine.settings.sections import Duration, Section

MOST = 10
User = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,31}$")]


class ApprovalTable(Section):
    """[gates] approvals = { count = 2, role = "admin" }"""

    count: Annotated[int, Field(ge=0, le=MOST)]
    role: Literal["approver", "admin"] = "approver"
    users: list[User] = []
    second_look: Duration = SECOND_LOOK_S

    @model_validator(mode="after")
    def _can_be_granted(self) -> ApprovalTable:
        if len(set(self.users)) != len(self.users):
            raise ValueError("users names somebody twice")
        if self.users and len(self.users) < self.count:
            raise ValueError(f"{self.count} people are asked, and users names {len(self.users)}")
        if self.second_look < 60:
            raise ValueError('second_look must be at least "1m"')
        return self

    def section(self) -> ApprovalSettings:
        """Return the frozen section."""
        return ApprovalSettings(self.count, self.role, tuple(self.users), self.second_look)


def _table(said: Any) -> Any:
    """Read a bare number as the count."""
    return {"count": said} if isinstance(said, int) and not isinstance(said, bool) else said


Approvals = Annotated[ApprovalTable, BeforeValidator(_table)]
