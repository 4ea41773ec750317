"""`modeldeck apply [DIR]` and `modeldeck deck export DIR`: a folder of settings and code to the deck, and back.

The folder is the caller's: it is read and written here, never by the daemon.
"""

from __future__ import annotations

import io
import os
import shutil
import tarfile
import tempfile
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import IO

from console.commands import render
from console.commands.plan_text import already
from console.commands.session import Session
from console.commands.told_refusal import refusal_on_record
from console.output import Output
from engine.operations.common import Done, NoRequest
from engine.operations.deck import ApplyRequest
from engine.operations.files import DeckFiles, FileText, FolderPlan, FolderRequest
from store.errors import Refused
from store.rows import to_json
from store.storage import writing_to

WOULD_CHANGE = 1  # of --plan, as `diff` says it
MOST_BYTES = 32_000_000  # of a folder that comes by stdin
_SIGNS = {"created": "+", "changed": "~", "removed": "-", "unchanged": " ", "extra": "?"}


def run(session: Session) -> int:
    """Apply the workspace's own files, or bring the deck to what a folder says."""
    said, out = session.said.request, session.output
    if said.folder is None:
        if said.plan or said.overwrite:
            raise Refused("--plan and --overwrite are about a folder", "name it: modeldeck apply DIR --plan")
        with session.client() as client:
            done: Done = client.call("deck.apply", ApplyRequest(said.reason, said.dry_run))
        out.data(done) if out.as_json else render.done(done, out)
        return 0
    with refusal_on_record(session, "folder", said.folder) if not said.plan else nullcontext():
        files = from_tar(_stdin()) if said.folder == "-" else read_folder(Path(said.folder))
    request = FolderRequest(files, said.reason, said.overwrite)
    with session.client() as client:
        if said.plan or said.dry_run:
            told: FolderPlan = client.call("deck.plan_folder", request)
            if out.as_json:
                out.data(Done(summary(told), already=not _would(told), body={"plan": to_json(told)}))
            else:
                write_plan(told, out)
            return WOULD_CHANGE if said.plan and _would(told) else 0
        done = client.call("deck.apply_folder", request)
    if out.as_json:
        out.data(done)
        return 0
    out.line(already(done.message) if done.already else done.message)
    if not done.already:
        write_lines(done.body["plan"], out)
    return 0


def export(session: Session) -> int:
    """Write the deck's files into a folder that is empty or not there: all of them or none."""
    target, out = Path(session.said.request.folder).expanduser(), session.output
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise Refused(f"{target} is there already", "name a folder that is empty or not there")
    with session.client() as client:
        found: DeckFiles = client.call("deck.files", NoRequest())
    target.parent.mkdir(parents=True, exist_ok=True)
    with writing_to(target.parent):
        fresh = Path(tempfile.mkdtemp(prefix=".export-", dir=target.parent))
        try:
            for one in found.files:
                path = fresh / one.path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(one.text, encoding="utf-8", newline="")
            fresh.chmod(0o755)
            fresh.replace(target)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    done = Done(
        f"{len(found.files)} files of revision {found.revision} written to {target}",
        body={"revision": found.revision, "files": [one.path for one in found.files]},
    )
    out.data(done) if out.as_json else out.line(done.message)
    return 0


def read_folder(root: Path) -> tuple[FileText, ...]:
    """Return the files of a folder.

    Raises:
        Refused: there is no such folder, or a file that is no text.
    """
    from engine.settings.folder import files_of

    try:
        if not root.is_dir():
            raise Refused(f"no folder {root}", "name the folder that holds deck.toml and models/")
        return tuple(FileText(path, text) for path, text in files_of(root).items())
    except OSError as error:
        raise Refused(f"{error.filename or root} cannot be read: {error.strerror}", "its owner may let you") from None


def from_tar(stream: IO[bytes]) -> tuple[FileText, ...]:
    """Return the files of a deck in a tar, as a runner sends its checkout: what is none of a deck is passed over.

    Raises:
        Refused: it is no tar, too large, holds a path that leads out, or a file that is no text.
    """
    from engine.settings.folder import LARGEST, kind_of

    content = stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise Refused(f"more than {MOST_BYTES // 1_000_000} MB came by stdin", "send deck.toml, models/ and *.py only")
    found: list[FileText] = []
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            for member in tar:
                name = member.name.removeprefix("./")
                if name.startswith("/") or ".." in name.split("/"):
                    raise Refused(f"the tar holds {member.name[:100]!r}, which leads out of it", "make it anew")
                if kind_of(name) is None or member.isdir():
                    continue
                if not member.isfile():
                    raise Refused(f"{name} is a link", "a deck's folder holds its own files")
                if member.size > LARGEST:
                    raise Refused(f"{name} has more than {LARGEST:,} bytes", "settings and code only")
                body = tar.extractfile(member)
                assert body is not None
                found.append(FileText(name, body.read().decode("utf-8")))
    except (tarfile.TarError, EOFError, OSError) as error:
        raise Refused(f"what came by stdin is no tar: {error}", "tar -c deck.toml models *.py | …") from None
    except UnicodeDecodeError:
        raise Refused(f"{name} is no text in UTF-8", "save it as UTF-8") from None
    return tuple(found)


def summary(told: FolderPlan) -> str:
    """Return the plan in one line."""
    counts = Counter(one.action for one in told.files)
    parts = [
        f"{counts[action]} {action}" for action in ("created", "changed", "removed", "unchanged") if counts[action]
    ]
    drift = f"; {told.drifted} changed on the deck itself" if told.drifted else ""
    return f"plan: {', '.join(parts)}{drift}"


def write_plan(told: FolderPlan, out: Output) -> None:
    """Write what would change, file by file, then the sum."""
    write_lines(to_json(told), out)
    out.line(summary(told))


def write_lines(told: dict[str, object], out: Output) -> None:
    """Write the files of a plan that are not as they are to be."""
    files = told["files"]
    assert isinstance(files, list)
    for one in files:
        if one["action"] == "unchanged" and not one["drift"]:
            continue
        out.line(f"{_SIGNS[one['action']]} {one['path']} {one['action']}")
        for line in one["differences"]:
            out.line(f"    {line}")
        if one["drift"]:
            out.line(f"    ! {one['drift']}")


def _would(told: FolderPlan) -> bool:
    return bool(told.changes or told.drifted)


def _stdin() -> IO[bytes]:
    return os.fdopen(0, "rb", closefd=False)
