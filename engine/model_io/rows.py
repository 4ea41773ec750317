"""Snapshots read back: their rows as Arrow, their times in microseconds UTC."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from engine.model_io.segments import segments_of
from store import blobs
from store.errors import CorruptArtifact, Refused

if TYPE_CHECKING:
    import pyarrow as pa

    from engine.deck import Deck
    from store.database import Reader


def read_snapshot(deck: Deck, snapshot_id: str) -> pa.Table:
    """Return the rows of a snapshot, in time order where it has a time column.

    Of one that an erasure changed, those of the snapshot that stands in its place.

    Raises:
        CorruptArtifact: its bytes, or those of a segment, are missing or damaged.
    """
    name = blobs.current(deck.database, snapshot_id)
    try:
        return _read(deck, name)
    except CorruptArtifact:
        now = blobs.current(deck.database, name)
        if now == name:
            raise
        return _read(deck, now)  # it was erased between the two looks


def _read(deck: Deck, snapshot_id: str) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    segments = segments_of(deck.artifacts, snapshot_id)
    names = [segment["hash"] for segment in segments] or [snapshot_id]
    tables = [pq.read_table(io.BytesIO(deck.artifacts.read(name))) for name in names]
    return tables[0] if len(tables) == 1 else pa.concat_tables(tables).combine_chunks()


def zone_of(reader: Reader, revision: int) -> str:
    """Return the time zone that a settings revision states."""
    from store import settings

    return str(settings.get(reader, revision).body.get("time_zone", "UTC"))


def times_us(column: pa.ChunkedArray, zone: str = "UTC") -> Any:
    """Return a time column as int64 microseconds UTC; a time without offset is in `zone`.

    Raises:
        Refused: the column holds nulls or is no time.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.null_count:
        raise Refused(f"the time column holds {column.null_count} nulls", "fill or leave out those rows in the source")
    if pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("us"))
    if not pa.types.is_timestamp(column.type):
        raise Refused(f"the time column holds {column.type}, not times", "name another [data] time_column")
    if column.type.tz is None and ZoneInfo(zone).key != "UTC":
        column = pc.assume_timezone(column.cast(pa.timestamp("us")), zone, ambiguous="earliest", nonexistent="earliest")
    utc = column.cast(pa.timestamp("us", "UTC")) if column.type.tz else column.cast(pa.timestamp("us"))
    return utc.cast(pa.int64()).to_numpy()
