"""Incremental ingest: a snapshot that is the one before, and what the source has had since."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.data.gathering import origin_of
from engine.data.sources import Since, need_columns
from engine.measures.profile import column_type
from engine.model_io.rows import read_snapshot, times_us
from store import snapshots
from store.errors import Refused

if TYPE_CHECKING:
    import pyarrow as pa

    from engine.deck import Deck
    from engine.settings.model import ModelSettings
    from store.rows import Snapshot

_WHOLE = "modeldeck data ingest {model} --whole reads everything again"


@dataclass(frozen=True, slots=True)
class Base:
    """The snapshot that is gone on from, and from when on the source is asked again."""

    snapshot: Snapshot
    since: Since


def base_of(deck: Deck, settings: ModelSettings) -> Base | None:
    """Return what an incremental ingest goes on from: of the same source, the snapshot that reaches furthest."""
    data = settings.data
    if not data.incremental or data.time_column is None:
        return None
    known = [
        one
        for one in snapshots.present(deck.database, settings.name)
        if one.origin == origin_of(data) and one.time_column == data.time_column and one.to_at is not None
    ]
    if not known:
        return None
    newest = max(known, key=lambda one: (one.to_at or 0, one.created_at))
    assert newest.to_at is not None
    return Base(newest, Since(data.time_column, newest.to_at - round(data.lateness_s * 1e6)))


def merged(deck: Deck, settings: ModelSettings, base: Base, fresh: pa.Table, zone: str) -> pa.Table:
    """Return the source's rows from the base's `since` on, and before the first of them the base's.

    What the base has between the two stays: a source may have let go of what it once gave.

    Raises:
        Refused: the columns are no longer those of the base.
    """
    import pyarrow as pa

    before = read_snapshot(deck, base.snapshot.id)
    if not fresh.num_rows:
        return before
    times = times_us(fresh.column(base.since.column), zone)
    is_new = times >= base.since.at_us
    if not is_new.any():
        return before
    fresh = fresh.filter(pa.array(is_new))
    need_columns(before, fresh.column_names, f"the snapshot before, {base.snapshot.id[:19]}")
    need_columns(fresh, [name for name in before.column_names if name in _used(settings)], settings.data.source)
    stays = times_us(before.column(base.since.column), zone) < times[is_new].min()
    old = before.select(fresh.column_names).filter(pa.array(stays))
    kinds = [_kind(name, old, fresh, settings.name) for name in fresh.column_names]
    schema = pa.schema(list(zip(fresh.column_names, kinds, strict=True)))
    return pa.concat_tables([old.cast(schema), fresh.cast(schema)])


def _used(settings: ModelSettings) -> set[str]:
    data = settings.data
    return {name for name in (data.target, data.time_column, data.id_column, data.group, *data.features) if name}


def _kind(name: str, old: pa.Table, fresh: pa.Table, model: str) -> pa.DataType:
    import pyarrow as pa

    here, there = old.column(name), fresh.column(name)
    if here.type == there.type or there.null_count == len(there):
        return here.type
    if here.null_count == len(here):
        return there.type
    if {column_type(here.type), column_type(there.type)} == {"long", "double"}:
        return pa.float64()
    raise Refused(
        f"column {name!r} held {column_type(here.type)} so far and holds {column_type(there.type)} now",
        f"correct the source, or {_WHOLE.format(model=model)}",
    )
