"""Files that work leaves behind beside the artifacts: half-written content, logs, attempts, server folders, spools."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.deck import Deck
from engine.model_io.carried import carried, digits_of, image_records, named_layers
from store.database import Reader
from store.images import artifacts_of
from store.needs import served

SERVER = re.compile(r"(?P<model>.+)@(?P<number>[0-9]+)-[0-9a-f]{12}")
ATTEMPT = re.compile(r"(?P<job>[0-9a-f]{32})-[0-9]+")
SETTLED_S = 3600.0  # a folder made since then may be about to be used


@dataclass(frozen=True, slots=True)
class Leftover:
    """A file or folder, and whether something still needs it."""

    kind: str
    name: str
    path: Path
    size_bytes: int
    needed: bool
    why: str


def leftovers(deck: Deck, reader: Reader, bound: int, on_hold: Collection[str] = ()) -> Iterator[Leftover]:
    """Yield what lies about; `bound` (microseconds UTC) is before when a job must have ended for its files to go.

    Files of jobs of the models `on_hold` stay.

    Only for who is alone behind the artifacts' gate: nobody is writing to `incoming` then.
    """
    workspace = deck.workspace
    for path in _inside(deck.artifacts.incoming):
        yield _left("incoming", path, False, "a killed writer left it")
    ended: dict[str, int | None] = {}
    held: dict[str, str] = {}
    for row in reader.rows("SELECT id, model, ended_at FROM job"):
        ended[row["id"]] = row["ended_at"]
        if row["model"] in on_hold:
            held[row["id"]] = row["model"]
    for path in _inside(workspace.logs / "jobs"):
        yield _of_job("log", path, path.stem, ended, bound, held)
    for path in _inside(workspace.jobs):
        match = ATTEMPT.fullmatch(path.name)
        if match:
            yield _of_job("attempt", path, match["job"], ended, bound, held)
    live = served(reader)
    for path in _inside(workspace.serving):
        match = SERVER.fullmatch(path.name)
        if match:
            by = live.get((match["model"], int(match["number"])))
            young = _age(path) < SETTLED_S
            why = by or ("just made" if young else "no deployment uses it; it is made again when needed")
            yield _left("server folder", path, bool(by) or young, why)
    for path in _inside(workspace.importing):
        young = _age(path) < SETTLED_S
        yield _left("import", path, young, "pieces of it may be under way" if young else "it was not ended")
    known = {row["id"] for row in reader.rows("SELECT id FROM run WHERE state = 'running'")}
    for path in _inside(workspace.spool):
        over = bound < deck.clock.now() and _age(path) * 1e6 > deck.clock.now() - bound
        needed = path.stem in known or not over
        yield _left(
            "spool", path, needed, "its points wait to be taken in" if needed else "its run ended or is unknown"
        )


def bundles(deck: Deck, kept: set[str], everything: bool) -> Iterator[Leftover]:
    """Yield the extracted code bundles; those of kept content stay."""
    digits = {hash.removeprefix("sha256:")[:16] for hash in kept}
    for path in _inside(deck.workspace.bundles):
        needed = everything or path.name in digits or _age(path) < SETTLED_S
        why = "its code is kept" if needed else "its code is not kept"
        yield _left("extracted code", path, needed, why)


def images(deck: Deck, reader: Reader, kept: set[str], everything: bool) -> Iterator[Leftover]:
    """Yield what images are made of: records of kept environments and versions stay, and layers that a record names.

    Layers, bases and dependencies that were made here stay as long as their own record: they are made once for many.
    """
    workspace, gone = deck.workspace, set()
    environments = {digits_of(hash) for hash in kept}
    for one in carried(workspace):
        used = one.environment in environments
        why = "a version is answered in its environment" if used else "no version is answered in its environment"
        left = _kept_young("carried image", one.record, used or everything, why)
        gone |= set() if left.needed else {one.record}
        yield left
    of_version = artifacts_of(reader)
    for path in image_records(workspace):
        used = not kept.isdisjoint(of_version.get(path.stem.removeprefix("image-"), ()))
        why = "its version is kept" if used else "its version is not kept"
        left = _kept_young("image record", path, used or everything, why)
        gone |= set() if left.needed else {path}
        yield left
    named = named_layers(workspace, without=gone)
    for path in _inside(workspace.image_layers):
        used = path in named
        why = "images are made of it" if used else "no image that is kept is made of it"
        yield _kept_young("image layer", path, used or everything, why)


def _kept_young(kind: str, path: Path, needed: bool, why: str) -> Leftover:
    if not needed and _age(path) < SETTLED_S:
        return _left(kind, path, True, "just made")
    return _left(kind, path, needed, why)


def _of_job(
    kind: str, path: Path, job_id: str, ended: dict[str, int | None], bound: int, held: dict[str, str]
) -> Leftover:
    if job_id in held:
        return _left(kind, path, True, f"job {job_id[:12]} is of {held[job_id]}, on which a hold stands")
    if job_id not in ended:
        needed = (time.time() - _age(path)) * 1e6 > bound
        return _left(kind, path, needed, f"job {job_id[:12]} is not on record")
    at = ended[job_id]
    if at is None:
        return _left(kind, path, True, f"job {job_id[:12]} has not ended")
    over = at < bound
    return _left(kind, path, not over, f"job {job_id[:12]} ended{'' if over else ', its grace is not over'}")


def _left(kind: str, path: Path, needed: bool, why: str) -> Leftover:
    return Leftover(kind, path.name, path, _size(path), needed, why)


def _inside(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else (path,)
    return sum(file.lstat().st_size for file in files if file.is_file())


def _age(path: Path) -> float:
    return time.time() - path.stat().st_mtime
