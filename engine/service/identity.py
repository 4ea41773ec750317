"""Who is asking, from the kernel, and which role the deck's access table gives them."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

from engine.access import Caller, Role
from engine.workspace import Workspace
from store.errors import NotAllowed

NO_LOGIN = 4294967295


def caller_of(uid: int, owner: int, access: dict[str, tuple[str, ...]], via: str | None = None) -> Caller:
    """Return the caller with a role: the owner is admin, everyone else has what `access` names.

    Raises:
        NotAllowed: the deck's access table does not name this user.
    """
    name = user_name(uid)
    if uid == owner:
        return Caller(f"user:{name}", Role.ADMIN, via, is_owner=True)
    role = highest_role(name, group_names(uid), access)
    if role is None:
        raise NotAllowed(f"user {name} has no role on this deck", "its owner can add you to [access] in deck.toml")
    return Caller(f"user:{name}", role, via)


def highest_role(name: str, groups: frozenset[str], access: dict[str, tuple[str, ...]]) -> Role | None:
    """Return the highest role whose list names the user, or one of the user's groups as `@group`."""
    names = {name, *(f"@{group}" for group in groups)}
    held = [Role[role.upper()] for role, listed in access.items() if names & set(listed)]
    return max(held, default=None)


def user_name(uid: int) -> str:
    """Return the user's name, or the number where no name is known."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_names(uid: int) -> frozenset[str]:
    """Return the names of the user's groups."""
    try:
        user = pwd.getpwuid(uid)
    except KeyError:
        return frozenset()
    names = set()
    for group in os.getgrouplist(user.pw_name, user.pw_gid):
        try:
            names.add(grp.getgrgid(group).gr_name)
        except KeyError:
            continue
    return frozenset(names)


def login_via(uid: int, pid: int | str = "self") -> str | None:
    """Return `login:NAME` when the process was logged in as someone else than it runs as: record, never authority."""
    try:
        login = int(Path(f"/proc/{pid}/loginuid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return f"login:{user_name(login)}" if login not in (NO_LOGIN, uid) else None


def sudo_via(environment: dict[str, str]) -> str | None:
    """Return `sudo:NAME` when this process says it came by sudo."""
    name = environment.get("SUDO_USER", "")
    return f"sudo:{name}" if name and name.replace("-", "").replace("_", "").replace(".", "").isalnum() else None


def owner_of(workspace: Workspace) -> int:
    """Return the uid that owns the deck: of `.modeldeck`, or of the folder where that is not made yet."""
    folder = workspace.state if workspace.state.exists() else workspace.root
    return folder.stat().st_uid


def owner_here(workspace: Workspace) -> Caller:
    """Return this process's user as the owner.

    Raises:
        NotAllowed: it is anyone else, root included: a foreign owner's files must never be made by another user.
    """
    owner, uid = owner_of(workspace), os.geteuid()
    if uid != owner:
        raise NotAllowed(
            f"this deck belongs to {user_name(owner)}, you are {user_name(uid)}",
            f"run as {user_name(owner)}, or name the deck where it is shared: --deck NAME",
        )
    via = sudo_via(dict(os.environ)) or login_via(uid)
    return Caller(f"user:{user_name(uid)}", Role.ADMIN, via, is_owner=True)
