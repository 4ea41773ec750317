"""`modeldeck backup create, restore`: made and read by the caller's own process; the daemon opens no such path."""

from __future__ import annotations

import time
from contextlib import nullcontext
from pathlib import Path

from console.commands.session import Session
from console.output import Output
from engine.operations.keeping import BackupMade
from store.errors import ModeldeckError, Refused

INCOMPLETE = 1
SAY_EVERY_S = 1.0


def create(session: Session) -> int:
    """Make a backup, put it on record, and exit with 1 where something damaged had to be left out."""
    from engine.deck import open_deck
    from engine.keeping import backup
    from engine.service.identity import owner_here

    out, workspace = session.output, session.workspace()
    owner_here(workspace)
    deck = open_deck(workspace)
    try:
        said = session.said.request
        tell = Telling(out, "backup", backup.size_of(deck))
        made = backup.create(deck, Path(said.file).expanduser(), with_keys=said.with_keys, tell=tell)
    finally:
        deck.database.close()
    _record(session, made)
    if out.as_json:
        out.data(made)
    else:
        size = f"{megabytes(made.size_bytes)}, {made.members} files, {made.events} events"
        out.line(f"{made.file}: {size}, {made.sha256}")
        if not made.keys:
            out.note("the log key is not in it: predictions of personal columns need it (--with-keys)")
    for one in made.left_out:
        out.note(f"left out, damaged or missing: {_named(one)}")
    return INCOMPLETE if made.left_out else 0


def restore(session: Session) -> int:
    """Make a deck of a backup."""
    from engine.deploy import process_router
    from engine.deploy.processes import serving
    from engine.keeping.restore import restore as restore_deck
    from engine.product import VERSION
    from engine.service.identity import owner_here, user_name
    from engine.service.lock import acquire, holder
    from engine.workspace import Workspace
    from store.clock import SystemClock

    said, out, clock = session.said.request, session.output, SystemClock()
    file, folder = Path(said.file).expanduser(), Path(said.folder).expanduser()
    workspace = Workspace(folder.resolve())
    lock = nullcontext()
    if said.confirm and workspace.state.is_dir():
        owner_here(workspace)
        found = holder(workspace)
        if found is not None and found.role == "daemon":
            told = f"the daemon (pid {found.pid}) of {folder} runs"
            raise Refused(told, f"stop it with its servers first: modeldeck -w {folder} daemon stop --all")
        # nobody would find them again: what knows of them moves aside
        count = serving(workspace)
        left = [f"{count} {'server' if count == 1 else 'servers'}"] if count else []
        left += ["the router"] if process_router.runs(workspace) else []
        if left:
            told = f"{' and '.join(left)} of {folder} still {'runs' if len(left) == 1 and count < 2 else 'run'}"
            raise Refused(told, f"stop what serves first: modeldeck -w {folder} daemon stop --all")
        lock = acquire(workspace, "change", product=VERSION, started_at=clock.now())  # type: ignore[assignment]
    with lock:
        size = file.stat().st_size if file.is_file() else 0
        made = restore_deck(
            file,
            folder,
            clock,
            actor=f"user:{user_name(_uid())}",
            confirmed=said.confirm,
            tell=Telling(out, "restore", size),
        )
        if made.replaced:
            process_router.keep_port(Path(made.replaced) / "state", workspace)
    if out.as_json:
        out.data(made)
        return 0
    moment = f"deck {made.deck or '-'} as of {out.time(made.created_at)} UTC"
    out.line(f"{made.folder}: {moment}, {made.members} files, every hash holds")
    if made.replaced:
        out.note(f"what was there lies in {made.replaced}")
    if not made.keys:
        kept = "the keys that were here are kept" if made.replaced else "new ones are made when they are needed"
        out.note(f"the backup holds no keys: {kept}")
    for one in made.left_out:
        out.note(f"not in the backup, damaged or missing when it was made: {_named(one)}")
    out.note(f"start it: modeldeck -w {made.folder} daemon start")
    return 0


class Telling:
    """Says how far a copy is, at most once a second, on stderr."""

    def __init__(self, out: Output, title: str, total: int) -> None:
        self._out, self._title, self._total = out, title, total
        self._said_at = time.monotonic()

    def __call__(self, done: int) -> None:
        """Say it where it is time."""
        now = time.monotonic()
        if now - self._said_at < SAY_EVERY_S or not self._total:
            return
        self._said_at = now
        share = min(1.0, done / self._total)
        self._out.note(f"{self._title}: {share:4.0%} {megabytes(done)} of {megabytes(self._total)}")


def megabytes(size: int) -> str:
    """Return a size as people read it."""
    return f"{size / 1e6:.1f} MB"


def _record(session: Session, made: object) -> None:
    """Put the backup on record; a deck that cannot take it (a full disk) does not spoil the backup."""
    from dataclasses import fields

    values = {each.name: getattr(made, each.name) for each in fields(BackupMade)}
    values |= {"file": Path(values["file"]).name, "left_out": len(values["left_out"])}
    try:
        with session.client() as client:
            client.call("backup.record", BackupMade(**values))
    except ModeldeckError as error:
        session.output.note(f"the backup is whole, but is not on record: {error.line()}")


def _named(left_out: str) -> str:
    return f"artifact {left_out}" if left_out.startswith("sha256:") else f"{left_out}; import its bundle again"


def _uid() -> int:
    import os

    return os.geteuid()
