"""Snapshots: what a source gave, brought into one canonical form and named by the hash of its bytes."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from engine.data import bundle, quality, segments
from engine.data.canonical import before, canonical
from engine.data.gathering import gather, origin_of
from engine.data.increments import base_of, merged
from engine.measures.profile import profile
from engine.model_io.persons import ErasedMeanwhile, left_out
from engine.model_io.rows import times_us, zone_of
from store import blobs, erasures, snapshots
from store import quality as store_quality
from store.errors import WorkFailed
from store.rows import QuarantineBatch, Snapshot

if TYPE_CHECKING:
    import pyarrow as pa

    from engine.deck import Deck
    from engine.settings.data import DataSettings
    from engine.settings.model import ModelSettings
    from store.database import Fence, Write
    from store.erasures import Standing


def ingest(
    deck: Deck,
    settings: ModelSettings,
    revision: int,
    *,
    until_us: int | None = None,
    whole: bool = False,
    actor: str,
    fence: Fence | None = None,
    bundle_hash: str | None = None,
) -> Snapshot:
    """Read a model's source and keep it; the same rows, in whatever order they came, are the same snapshot.

    `until_us` keeps only rows before that time (microseconds UTC). `whole` reads an incremental source from its
    beginning. `bundle_hash` is the code to run the source from, else the workspace's as it stands is bundled.

    Raises:
        WorkFailed: the source raised, or gave no rows.
        Refused: a named column is absent, or `until_us` is given without a time column.
    """
    data = settings.data
    code_hash = bundle_hash or bundle.make_bundle(deck.workspace, deck.artifacts)
    folder = bundle.extract_bundle(deck, code_hash)
    zone = zone_of(deck.database, revision)
    base = None if whole else base_of(deck, settings)
    table = gather(data, folder, deck.workspace, zone, base.since if base else None, settings.fairness.columns)
    if base is not None:
        table = canonical(merged(deck, settings, base, table, zone), data.time_column)
    table = before(table, data, until_us, zone)
    while True:
        standing, table = without_erased(deck, settings.name, table)
        try:
            return keep(
                deck,
                settings,
                revision,
                table,
                quality.look(deck, settings, table, zone),
                zone=zone,
                code_hash=code_hash,
                actor=actor,
                fence=fence,
                whole=base is None and until_us is None,
                standing=standing,
            )
        except ErasedMeanwhile:
            continue


def without_erased(deck: Deck, model: str, table: pa.Table) -> tuple[tuple[Standing, ...], pa.Table]:
    """Return the erasures that stand for a model, and the rows without those of the people they are about.

    Raises:
        WorkFailed: no other rows are left, or whom one is about cannot be told.
    """
    standing, people = left_out(deck, deck.database, model)
    if people is None:
        return standing, table
    import pyarrow as pa

    mine = people.rows_in(table)
    if mine.any():
        table = table.filter(pa.array(~mine))
    if not table.num_rows:
        raise WorkFailed(f"every row of {model} is of a person who was erased", "modeldeck erasures lists them")
    return standing, table


def keep(  # noqa: PLR0913 (what a snapshot is made of)
    deck: Deck,
    settings: ModelSettings,
    revision: int,
    table: pa.Table,
    looked: quality.Looked | None,
    *,
    zone: str,
    code_hash: str,
    actor: str,
    fence: Fence | None,
    whole: bool = False,
    replayed: Sequence[QuarantineBatch] = (),
    standing: tuple[Standing, ...] = (),
) -> Snapshot:
    """Record canonical rows as a snapshot, with what its checks found, in one transaction.

    `looked` is what checks made of the rows, among which are those of the `replayed` batches. `standing` are the
    erasures whose people were left out of all of them.

    Raises:
        ErasedMeanwhile: another erasure was asked for since; nothing is on record.
        WorkFailed: checks rejected every row; that is on record, with the rows.
    """
    data = settings.data
    if looked is not None:
        table = looked.kept
        if not table.num_rows:
            with deck.database.write(fence) as tx:
                _require_same(tx, settings.name, standing)
                quality.record(tx, looked, settings, revision, None, actor, whole)
            raise quality.failed(store_quality.checks(deck.database, settings.name, limit=1)[0])
    times = times_us(table.column(data.time_column), zone) if data.time_column else None
    with ThreadPoolExecutor(1) as beside:  # Arrow lets others run, in both
        columns = beside.submit(described, data, table)
        stored = segments.store(deck.artifacts, table, times)
    taken = Snapshot(
        id=stored.id,
        model=settings.name,
        rows=table.num_rows,
        columns=columns.result(),
        time_column=data.time_column,
        from_at=int(times.min()) if times is not None else None,
        to_at=int(times.max()) if times is not None else None,
        origin=origin_of(data),
        size_bytes=stored.size_bytes,
        created_at=deck.clock.now(),
    )
    try:
        with deck.database.write(fence) as tx:
            _require_same(tx, settings.name, standing)
            was_erased = blobs.current(tx, stored.id) != stored.id
            record_stored(tx, stored)
            blobs.record_blob(tx, code_hash, deck.artifacts.path(code_hash).stat().st_size, "bundle")
            known = snapshots.add_snapshot(tx, taken, actor)
            if was_erased:  # and let in again since: it is the newest
                snapshots.take_again(tx, taken)
            for batch in replayed:
                store_quality.settle(tx, batch, "replayed", actor)
            if looked is not None:
                quality.record(tx, looked, settings, revision, known.id, actor, whole)
    except ErasedMeanwhile:
        _take_back(deck, [stored.id, *stored.segments, *([looked.blob_hash] if looked and looked.blob_hash else [])])
        raise
    return known


def _take_back(deck: Deck, put: Sequence[str]) -> None:
    """Remove content that was put and is not on record: it may hold rows that are being erased."""
    with deck.artifacts.removing():
        for hash in put:
            if blobs.kind_of(deck.database, hash) is None:
                deck.artifacts.place(hash).unlink(missing_ok=True)


def record_stored(tx: Write, stored: segments.Stored) -> None:
    """Record the content of a snapshot; what an erasure once replaced and was let in again is back."""
    for segment, size in stored.segments.items():
        blobs.record_blob(tx, segment, size, "segment")
        blobs.revive(tx, segment)
    blobs.record_blob(tx, stored.id, stored.own_bytes, "snapshot")
    blobs.revive(tx, stored.id)


def described(data: DataSettings, table: pa.Table) -> tuple[dict[str, object], ...]:
    """Return what a snapshot tells of its columns; of personal ones no value."""
    return tuple(_without_values(data, column) for column in profile(table))


def _require_same(tx: Write, model: str, standing: tuple[Standing, ...]) -> None:
    if [one.id for one in erasures.standing(tx, model)] != [one.id for one in standing]:
        raise ErasedMeanwhile


def _without_values(data: DataSettings, column: dict[str, object]) -> dict[str, object]:
    if column["name"] not in data.personal:
        return column
    return {key: value for key, value in column.items() if key in ("name", "type", "nulls", "distinct")}
