"""Roles and callers: who may do what."""

from __future__ import annotations

from enum import IntEnum

from store.rows.frozen import dataclass


class Role(IntEnum):
    """Each role may do what the ones below it may."""

    VIEWER = 1
    OPERATOR = 2
    APPROVER = 3
    ADMIN = 4


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `actor` is `user:NAME`, `schedule:…`, `trigger:…`, `policy:…` or `reconciler:…`.

    `via` records sudo and login uid; it is never authority. `is_owner` is true for the deck's owner alone, whose
    changed settings files are applied before a change. `read_only` is the session's own word that it changes nothing,
    whatever the role would allow.
    """

    actor: str
    role: Role
    via: str | None = None
    is_owner: bool = False
    read_only: bool = False
