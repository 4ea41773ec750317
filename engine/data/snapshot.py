"""Snapshots: what a source gave, brought into one canonical Parquet file and named by its hash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.data import bundle
from engine.data.canonical import before, canonical, parquet_bytes
from engine.data.gathering import gather, origin_of
from engine.data.increments import base_of, merged
from engine.measures.profile import profile
from engine.model_io.rows import times_us, zone_of
from store import blobs, snapshots
from store.rows import Snapshot

if TYPE_CHECKING:
    from engine.deck import Deck
    from engine.settings.data import DataSettings
    from engine.settings.model import ModelSettings
    from store.database import Fence


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
    content = parquet_bytes(table)
    times = times_us(table.column(data.time_column), zone) if data.time_column else None
    taken = Snapshot(
        id=deck.artifacts.put_bytes(content),
        model=settings.name,
        rows=table.num_rows,
        columns=tuple(_without_values(data, column) for column in profile(table)),
        time_column=data.time_column,
        from_at=int(times.min()) if times is not None else None,
        to_at=int(times.max()) if times is not None else None,
        origin=origin_of(data),
        size_bytes=len(content),
        created_at=deck.clock.now(),
    )
    with deck.database.write(fence) as tx:
        blobs.record_blob(tx, taken.id, taken.size_bytes, "snapshot")
        blobs.record_blob(tx, code_hash, deck.artifacts.path(code_hash).stat().st_size, "bundle")
        return snapshots.add_snapshot(tx, taken, actor)


def _without_values(data: DataSettings, column: dict[str, object]) -> dict[str, object]:
    if column["name"] not in data.personal:
        return column
    return {key: value for key, value in column.items() if key not in ("min", "max", "mean")}
