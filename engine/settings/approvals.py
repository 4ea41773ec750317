"""What `[gates] approvals` asks: how many people, of which role, and how soon an emergency is looked at again."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from store.rows.frozen import dataclass

SECOND_LOOK_S = 24 * 3600.0
ROLES = ("approver", "admin")  # the least role that may grant


@dataclass(frozen=True, slots=True)
class ApprovalSettings:
    """Who has to say yes before a version takes traffic; with a `count` of 0 nobody is asked.

    `users` names the only ones who may; without it everybody of `role` or above may. Nobody grants what they requested.
    """

    count: int = 0
    role: str = "approver"
    users: tuple[str, ...] = ()
    second_look_s: float = SECOND_LOOK_S

    def to_body(self) -> int | dict[str, Any]:
        """Return the count where a file says nothing else, as revisions always had it."""
        return self.count if self == ApprovalSettings(self.count) else asdict(self)

    @classmethod
    def from_body(cls, body: int | dict[str, Any]) -> ApprovalSettings:
        """Rebuild from `to_body`."""
        return cls(body) if isinstance(body, int) else cls(**{**body, "users": tuple(body["users"])})
