"""`modeldeck models new NAME SOURCE --target COLUMN`: the first draft of a model file, from the data itself."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from console.commands.session import Session
from engine.operations.common import Done
from store.errors import Refused

if TYPE_CHECKING:
    from engine.data.guessing import Guess

TASKS = ("classification", "regression", "ranking", "forecasting")


def run(session: Session) -> int:
    """Look at the source, write models/NAME.toml, and say what was guessed. Nothing is applied.

    Raises:
        Refused: there is such a model or file, or the source cannot be read, or has no such column.
        BrokenSettings: what the workspace's files say does not hold.
        WorkFailed: the source failed, or the folder takes no file.
    """
    from dataclasses import replace

    from console.writing import write_whole
    from engine.data.drafting import draft
    from engine.data.guessing import guess, id_like, id_like_told
    from engine.data.sources import read_source
    from engine.service.identity import user_name
    from engine.settings.files import load
    from engine.settings.sections import NAME

    request, workspace = session.said.request, session.workspace()
    if not re.fullmatch(NAME, request.name):
        raise Refused(
            f"{request.name!r} is no name for a model", "small letters, digits, - and _, such as nightly-rates"
        )
    if request.task not in ("", *TASKS):
        raise Refused(f"no task {request.task!r}", f"there are {', '.join(TASKS)}")
    path = workspace.root / "models" / f"{request.name}.toml"
    if path.exists() or request.name in load(workspace).models:
        raise Refused(f"there is a model {request.name} already", f"edit {path.relative_to(workspace.root)}")
    source = _from_here(request.source, workspace.root)
    table = read_source(source, workspace.root, workspace)
    found = guess(table, request.target)
    if request.task:
        found = replace(found, task=request.task)
    write_whole(path, draft(request.name, source, request.target, found, user_name(os.getuid())))
    told = _told(found, request.target, given=bool(request.task))
    done = Done(f"wrote {path.relative_to(workspace.root)}: {told}", body={"path": str(path)})
    out = session.output
    if out.as_json:
        out.data(done)
    else:
        out.line(done.message)
        inputs = [name for name in table.column_names if name not in (request.target, found.id_column)]
        if look := id_like_told(id_like(table, inputs)):
            out.note(f"look: {look}")
        out.note(f"next: look at it, then: modeldeck train {request.name}")
    return 0


def _from_here(source: str, root: Path) -> str:
    """Return a path as the workspace names it; anything else as it stands."""
    path = Path(source).expanduser()
    if "://" in source or not path.is_file():
        return source
    whole = path.resolve()
    return os.path.relpath(whole, root.resolve()) if whole.is_relative_to(root.resolve()) else str(whole)


def _told(found: Guess, target: str, *, given: bool) -> str:
    parts = [f"{found.task} of {target}{'' if given else ', guessed'}", f"{found.rows:,} rows, {found.columns} columns"]
    parts += [f"time in {found.time_column}"] if found.time_column else []
    parts += [f"rows named by {found.id_column}"] if found.id_column else []
    parts += [f"personal: {', '.join(found.personal)}"] if found.personal else []
    return "; ".join(parts)
