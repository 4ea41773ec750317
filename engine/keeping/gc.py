"""Removes what nothing needs any more, and says of each thing why it goes or stays.

The registry is told first, in one transaction with its event; then the bytes go. A kill in between leaves files that
the next collection removes, never a row that promises bytes that are gone. All of it happens alone behind the gate of
the artifacts: nobody puts or claims content meanwhile.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from engine.deck import Deck
from engine.keeping.holds import Holds, holds_now
from engine.keeping.leftovers import Leftover, bundles, images, leftovers
from engine.model_io.segments import segments_of
from store import blobs, events, notifying
from store.claims import EVERYTHING
from store.database import Reader, Row, Write
from store.errors import CorruptArtifact
from store.needs import needs

YOUNG_S = 3600.0  # content put since then may be about to be referred to
REMOVED, KEPT = "removed", "kept"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that was looked at."""

    kind: str
    name: str
    size_bytes: int
    verdict: str
    why: str
    path: Path | None  # None: it lies in the registry, and went with the transaction


def collect(
    deck: Deck,
    grace_s: float,
    *,
    dry_run: bool,
    actor: str,
    via: str | None = None,
    reached: Callable[[str], None] = lambda _: None,
) -> list[Item]:
    """Remove what is not needed and return everything looked at; a dry run removes nothing.

    While a hold of the settings stands nothing goes: of a model, or under the deck's own hold of anything.

    What was deleted, and the files of jobs that ended, stay for `grace_s`. `reached` is told each point after which a
    kill must do no harm: `recorded`, then `removed` after each removal.

    Raises:
        StorageUnwritable: the disk is full or read-only; what was said to be removed may lie there until the next time.
    """
    bound = deck.clock.now() - round(grace_s * 1e6)
    with deck.artifacts.removing() as claims:
        if dry_run:
            return _look(deck, deck.database, claims, bound)
        with deck.database.write() as tx:
            items = _look(deck, tx, claims, bound)
            _record(tx, items, actor, via)
            if not holds_now(tx).deck:
                notifying.prune(tx, bound)
        reached("recorded")
        for item in items:
            if item.verdict == REMOVED and item.path is not None:
                _remove(item.path)
                reached("removed")
    return items


def _look(deck: Deck, reader: Reader, claims: frozenset[str], bound: int) -> list[Item]:
    holds = holds_now(reader)
    content = list(_content(deck, reader, claims, bound, holds))
    kept = {item.name for item in content if item.verdict == KEPT}
    left: Iterable[Leftover] = (
        *leftovers(deck, reader, bound, holds.models),
        *bundles(deck, kept, EVERYTHING in claims),
        *images(deck, reader, kept, EVERYTHING in claims),
    )
    found = [*content, *(_item(one) for one in left), *_deliveries(reader, bound)]
    return [_stays(one, holds.told()) if holds.deck else one for one in found]


def _stays(item: Item, why: str) -> Item:
    return item if item.verdict == KEPT else replace(item, verdict=KEPT, why=why)


def _content(deck: Deck, reader: Reader, claims: frozenset[str], bound: int, holds: Holds) -> Iterator[Item]:
    recorded = {row["hash"]: row for row in blobs.present(reader)}
    needed = needs(reader, bound, tuple(holds.models))
    needed |= _segments(deck, recorded, needed, claims)
    for hash in sorted({*recorded, *deck.artifacts.hashes()}):
        path, row = deck.artifacts.place(hash), recorded.get(hash)
        kind = row["kind"] if row else "unrecorded"
        try:
            found = path.stat()
            size, age = found.st_size, time.time() - found.st_mtime
        except FileNotFoundError:
            size, age = 0, YOUNG_S
        why = needed.get(hash) or _held(hash, claims, age)
        if why and not path.exists():
            why += "; its bytes are missing, a backup may have them"
        yield Item(kind, hash, size, KEPT if why else REMOVED, why or "nothing needs it", path)


def _segments(deck: Deck, recorded: dict[str, Row], needed: dict[str, str], claims: frozenset[str]) -> dict[str, str]:
    """Return why segments of snapshots must stay: a snapshot that stays needs them. One that cannot be read, all."""
    found: dict[str, str] = {}
    for hash, row in recorded.items():
        if row["kind"] != "snapshot":
            continue
        why = needed.get(hash) or _held(hash, claims, _age(deck.artifacts.place(hash)))
        if not why:
            continue
        try:
            parts = [segment["hash"] for segment in segments_of(deck.artifacts, hash)]
        except CorruptArtifact:
            parts = [part for part, other in recorded.items() if other["kind"] == "segment"]
            why = f"snapshot {hash[:19]} cannot be read, and may need it"
        for part in parts:
            found.setdefault(part, why)
    return {part: why for part, why in found.items() if part not in needed}


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return YOUNG_S


def _held(hash: str, claims: frozenset[str], age: float) -> str:
    if EVERYTHING in claims:
        return "a backup is being made"
    if hash in claims:
        return "claimed by a running job"
    return "young: whoever put it may not have said yet what for" if age < YOUNG_S else ""


def _deliveries(reader: Reader, bound: int) -> list[Item]:
    count = notifying.ended_before(reader, bound)
    return [Item("deliveries", f"{count} notifications", 0, REMOVED, "their grace is over", None)] if count else []


def _item(left: Leftover) -> Item:
    return Item(left.kind, left.name, left.size_bytes, KEPT if left.needed else REMOVED, left.why, left.path)


def _record(tx: Write, items: list[Item], actor: str, via: str | None) -> None:
    gone = [item for item in items if item.verdict == REMOVED]
    if not gone:
        return
    blobs.mark_erased(tx, [item.name for item in gone if item.name.startswith("sha256:")])
    kinds: dict[str, int] = {}
    for item in gone:
        kinds[item.kind] = kinds.get(item.kind, 0) + 1
    body = {"removed": len(gone), "bytes": sum(item.size_bytes for item in gone), "kinds": kinds}
    events.append(tx, actor=actor, via=via, action="gc.removed", subject_kind="deck", subject_id="artifacts", body=body)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
        return
    with suppress(FileNotFoundError):
        path.unlink()
