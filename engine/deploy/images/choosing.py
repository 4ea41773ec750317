"""Which base a version's image gets, and why."""

from __future__ import annotations

import sys
from typing import Any

from engine.deploy.images import debian, from_engine, host_python
from engine.deploy.images.base import Base, Say, interpreter_of, minor_of
from engine.workspace import Workspace
from store.errors import Refused


def choose_base(
    workspace: Workspace, lock: dict[str, Any], say: Say, *, engine: Any = None, named: str | None = None
) -> tuple[Base, str]:
    """Return the base for an environment lock, made if need be, and in one line why it is that one.

    `named` is the image the settings name; `engine` is a client of an engine that may hold it. Without a name, an
    engine's `python:3.x-slim` is taken where it is there already; else Debian's own Python where its minor version is
    the lock's; else this machine's interpreter where it is.

    Raises:
        Refused: no way leads to an interpreter of the lock's minor version.
        UnknownName: the named image is on no engine that was asked.
        WorkFailed: the base cannot be made.
    """
    wanted = minor_of(interpreter_of(lock))
    if named is not None:
        base = from_engine.named_base(workspace, engine, named)
        if base.minor != wanted:
            raise Refused(f"the base {named} has Python {base.python}, the version was made with {wanted}")
        return base, f"the settings name {named}"
    official = f"python:{wanted}-slim"
    found = from_engine.base_if_there(workspace, engine, official)
    if found is not None and found.minor == wanted:
        return found, f"the engine has {official}"
    if wanted == debian.MINOR:
        absent = debian.why_not()
        if not absent:
            return debian.base(workspace, say), f"Debian's Python {debian.MINOR} is of the version's minor"
    else:
        absent = f"Debian {debian.SUITE} has Python {debian.MINOR}"
    here = minor_of(".".join(map(str, sys.version_info[:3])))
    if here == wanted:
        return host_python.base(workspace), f"{absent}: this machine's interpreter is taken"
    raise Refused(
        f"no base with Python {wanted}: {absent}, and modeldeck runs on {here}",
        f"load {official} into the engine, or train the version again",
    )
