"""Snapshots, rejected rows and golden requests without a person's rows; the old ids stay, and say what replaced them.

New content is put first; one transaction records it, marks the old as erased and says so of the place; then the old
bytes go. A kill in between leaves bytes that nothing refers to, which the next attempt removes, or the collection.
"""

from __future__ import annotations

import io
import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.data import quality, segments
from engine.data.snapshot import described, record_stored
from engine.governance.erasing.golden import Tables, without_person
from engine.governance.erasing.places import Place
from engine.model_io import sealing
from engine.model_io.rows import read_snapshot, times_us
from engine.model_io.segments import segments_of
from store import blobs, erasures, models, snapshots, versions
from store import quality as batches
from store.claims import EVERYTHING
from store.errors import CorruptArtifact, WorkFailed
from store.json_text import dump
from store.rows import QuarantineBatch, Snapshot, Version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.deck import Deck
    from engine.model_io.persons import Persons
    from engine.settings.data import DataSettings
    from store.database import Fence

ACTOR = "trigger:erasure"
BACKUP_WAIT_S = 600.0
LOOK_S = 0.5


class Contents:
    """The content of one model, looked through; what two snapshots share is read once."""

    def __init__(self, deck: Deck, model: str, people: Persons) -> None:
        self._deck, self._model, self._people = deck, model, people
        self._seen: dict[str, int] = {}
        self._tables = Tables(deck)

    def look(self) -> list[Place]:
        """Return every place of the model's content that holds rows of theirs.

        Raises:
            CorruptArtifact: content that is to be there is missing or damaged, so that nothing can be said of it.
        """
        reader = self._deck.database
        known = sorted(versions.ever(reader, self._model), key=lambda one: one.snapshot_id)
        found = [
            Place("golden", self._model, f"{one.model}@{one.number}", rows)
            for one in known
            if (rows := self._golden(one))
        ]
        for snapshot in snapshots.present(reader, self._model):
            parts = [part["hash"] for part in segments_of(self._deck.artifacts, snapshot.id)]
            held = {name: rows for name in parts or [snapshot.id] if (rows := self._rows(name))}
            if held:
                found.append(Place("snapshot", self._model, snapshot.id, sum(held.values())))
            found += [Place("segment", self._model, name, rows) for name, rows in held.items() if parts]
        for batch in self._batches():
            if rows := self._rows(batch.blob_hash):
                found.append(Place("quarantine", self._model, batch.blob_hash, rows))
        return list(dict.fromkeys(found))

    def _rows(self, hash: str) -> int:
        import pyarrow.parquet as pq

        if hash not in self._seen:
            file = pq.ParquetFile(io.BytesIO(self._deck.artifacts.read(hash)))
            columns = [name for name in file.schema_arrow.names if name in self._people.tokens]
            self._seen[hash] = int(self._people.rows_in(file.read(columns)).sum()) if columns else 0
        return self._seen[hash]

    def _golden(self, version: Version) -> int:
        if blobs.kind_of(self._deck.database, version.golden_hash) is None:
            return 0
        recorded = json.loads(self._deck.artifacts.read(version.golden_hash))
        return len(without_person(self._deck, version, recorded, self._people, self._tables).theirs)

    def _batches(self) -> Iterator[QuarantineBatch]:
        for batch in batches.batches(self._deck.database, self._model):
            if blobs.kind_of(self._deck.database, batch.blob_hash) is not None:
                yield batch


def erase_golden(deck: Deck, erasure: str, place: Place, people: Persons, fence: Fence | None) -> None:
    """Give a version golden requests of other people, and seal it anew.

    Raises:
        CorruptArtifact: the version bears no seal, or cannot be loaded to answer new requests.
    """
    version = versions.version(deck.database, *versions.parse_ref(place.name))
    recorded = json.loads(deck.artifacts.read(version.golden_hash))
    kept = without_person(deck, version, recorded, people, Tables(deck)).kept(deck, version, people)
    content = json.dumps(kept, sort_keys=True, separators=(",", ":")).encode()
    name = deck.artifacts.put_bytes(content)
    with deck.database.write(fence) as tx:
        blobs.record_blob(tx, name, len(content), "golden")
        versions.replace_golden(tx, version.model, version.number, name)
        sealing.reseal(deck, tx, versions.version(tx, version.model, version.number), erasure)
        blobs.replace(tx, version.golden_hash, name)
        erasures.erased(tx, erasure, "golden", place.model, place.name, name)


def erase_snapshot(
    deck: Deck, erasure: str, place: Place, people: Persons, data: DataSettings, zone: str, fence: Fence | None
) -> None:
    """Put a snapshot of the other rows in the place of one; its id is the one that those rows have by themselves.

    Every model that has the snapshot gets the other in the same transaction. Its segments stay for now: another
    snapshot may be made of them.
    """
    import pyarrow as pa

    old = snapshots.snapshot(deck.database, place.name, place.model)
    table = read_snapshot(deck, old.id)
    table = table.filter(pa.array(~people.rows_in(table)))
    times = times_us(table.column(old.time_column), zone) if old.time_column else None
    stored = segments.store(deck.artifacts, table, times if table.num_rows else None)
    columns = described(data, table) if table.num_rows else ()
    new = replace(
        old,
        id=stored.id,
        rows=table.num_rows,
        columns=columns,
        from_at=int(times.min()) if times is not None and len(times) else None,
        to_at=int(times.max()) if times is not None and len(times) else None,
        size_bytes=stored.size_bytes,
    )
    with deck.database.write(fence) as tx:
        record_stored(tx, stored)
        for one in snapshots.holders(tx, old.id):
            put = replace(new, model=one.model, origin=one.origin, created_at=one.created_at)
            snapshots.add_snapshot(tx, put, ACTOR)
            snapshots.forget_values(tx, one, dump(_without_values(one, people)))
            erasures.erased(tx, erasure, "snapshot", one.model, old.id, stored.id)
        blobs.replace(tx, old.id, stored.id)


def replace_segments(deck: Deck, erasure: str, fence: Fence | None) -> None:
    """Mark the segments that held rows as replaced, those that no snapshot is made of any more."""
    places = erasures.items(deck.database, erasure)
    waiting = [one for one in places if one.kind == "segment" and one.state == "found"]
    if not waiting:
        return
    instead = {one.model: one.replaced_by for one in places if one.kind == "snapshot" and one.replaced_by}
    needed = {
        part["hash"]
        for model in models.names(deck.database)
        for one in snapshots.present(deck.database, model)
        for part in segments_of(deck.artifacts, one.id)
    }
    with deck.database.write(fence) as tx:
        for one in waiting:
            by = instead.get(one.model)
            if by is not None and one.name not in needed:
                blobs.replace(tx, one.name, by)
                erasures.erased(tx, erasure, "segment", one.model, one.name, by)


def erase_rejected(deck: Deck, erasure: str, place: Place, people: Persons, fence: Fence | None) -> None:
    """Put the other rejected rows in the place of a batch's; an open one without any is settled."""
    import pyarrow as pa

    from engine.data.canonical import parquet_bytes

    mine = [one for one in batches.batches(deck.database, place.model) if one.blob_hash == place.name]
    table = quality.read_batch(deck, mine[0])
    table = table.filter(pa.array(~people.rows_in(table)))
    content = parquet_bytes(table.combine_chunks())
    name = deck.artifacts.put_bytes(content)
    left: dict[str, int] = {}
    for rule in table.column(quality.RULE).to_pylist():
        left[rule] = left.get(rule, 0) + 1
    with deck.database.write(fence) as tx:
        blobs.record_blob(tx, name, len(content), "quarantine")
        for batch in mine:
            batches.replace_rows(tx, batch, name, left)
        blobs.replace(tx, place.name, name)
        erasures.erased(tx, erasure, "quarantine", place.model, place.name, name)


def remove_bytes(deck: Deck, say: Callable[[str], None]) -> int:
    """Remove the bytes of everything that was replaced, of attempts that were killed too; returns how many files went.

    Raises:
        WorkFailed: a backup has been copying for too long.
    """
    until = time.monotonic() + BACKUP_WAIT_S
    while True:
        with deck.artifacts.removing() as claims:
            if EVERYTHING not in claims:
                return _remove(deck)
        if time.monotonic() > until:
            raise WorkFailed("a backup is still being made", "the same erasure again goes on where this one stopped")
        say("waiting for a backup that is being made")
        time.sleep(LOOK_S)


def _remove(deck: Deck) -> int:
    count = 0
    for hash in blobs.replaced(deck.database):
        place = deck.artifacts.place(hash)
        if place.exists():
            place.unlink()
            count += 1
    return count


def _without_values(old: Snapshot, people: Persons) -> list[dict[str, Any]]:
    """Return what a snapshot told of its columns, without values of those that the person was sought by."""
    plain = ("name", "type", "nulls", "distinct")
    return [
        {key: value for key, value in column.items() if key in plain} if column["name"] in people.tokens else column
        for column in old.columns
    ]


def unreadable(error: CorruptArtifact) -> WorkFailed:
    """Make the error for content of which nothing can be said."""
    return WorkFailed(f"not everything can be looked through: {error.message}", error.hint or "restore a backup")
