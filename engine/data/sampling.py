"""A few rows of a snapshot for a person to look at, read without holding the snapshot in memory."""

from __future__ import annotations

import datetime as dt
import json
import math
import random
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from engine.data.looking import MASKED
from engine.model_io.segments import segments_of
from engine.settings.apply import current_settings, require_model
from store import origins, snapshots
from store.errors import Refused, UnknownName

if TYPE_CHECKING:
    import pyarrow as pa

    from engine.deck import Deck
    from store.rows import Snapshot

SEED = 0  # the same snapshot is sampled alike each time, so that two people talk of the same rows
CELLS = 1 << 16  # decoded at a time
BUFFER = 1 << 20  # bytes of a file read at a time
LONGEST = 500  # characters of a value; the rest is counted
DEEPEST = 6  # of lists and structs within a value


def sample_rows(deck: Deck, model: str, snapshot_id: str, limit: int, *, first: bool) -> dict[str, Any]:
    """Return rows of a snapshot with `columns`, which of them are `masked`, and `sample`: `{"number", "values"}` each.

    Without an id it is the model's newest whose bytes are there. `first` takes rows from the beginning as they are
    stored, by time where there is a time column; else the snapshot is cut into `limit` equal parts and one row of each
    drawn by a fixed seed. Numbers count from 1. A personal column is masked where it is not null; a text is cut at
    `LONGEST` characters. Files that are read are checked against their hash.

    Raises:
        UnknownName: no model, or no snapshot of it, is named so.
        Refused: the model has no snapshot, or its bytes were removed.
        CorruptArtifact: its bytes are missing or damaged.
    """
    settings, _ = current_settings(deck)
    require_model(settings, model)
    found = _chosen(deck, model, snapshot_id)
    names = [str(column["name"]) for column in found.columns]
    masked = [name for name in names if name in settings.models[model].data.personal]
    wanted = places(found.rows, limit, first=first)
    sample = [
        {
            "number": place + 1,
            "values": [
                MASKED if name in masked and value is not None else readable(value) for name, value in row.items()
            ],
        }
        for place, row in zip(wanted, _rows_at(deck, found.id, wanted), strict=True)
    ]
    told = {"snapshot": found.id, "model": model, "rows": found.rows, "taken": "first" if first else "spread"}
    return {**told, "columns": names, "masked": masked, "sample": sample}


def _chosen(deck: Deck, model: str, snapshot_id: str) -> Snapshot:
    there = snapshots.present(deck.database, model)
    if not snapshot_id:
        if not there and (maker := origins.maker_of(deck.database, model)):
            raise Refused(
                f"{model} was imported from deck {maker}, and its rows stayed there",
                "look there, or import a bundle that was exported --with-data",
            )
        if not there:
            raise Refused(f"{model} has no snapshot to look at", f"modeldeck data ingest {model}")
        return there[0]
    id = snapshots.find(deck.database, snapshot_id).id  # several models may have taken the same rows
    found = next((one for one in there if one.id == id), None)
    if found is not None:
        return found
    if id in {one.id for one in snapshots.snapshots(deck.database, model)}:
        raise Refused(f"the bytes of {id[7:19]} were removed", f"its profile stays: modeldeck data show {id[7:19]}")
    raise UnknownName(f"{model} has no snapshot {snapshot_id!r}", f"modeldeck data {model} lists them")


def places(rows: int, limit: int, *, first: bool) -> list[int]:
    """Return which rows are looked at, from 0, in order: the first, or one drawn from each of `limit` equal parts."""
    count = min(rows, limit)
    if first or count == rows:
        return list(range(count))
    drawn = random.Random(SEED)  # noqa: S311 (draws rows, no secret)
    return [drawn.randrange(part * rows // count, (part + 1) * rows // count) for part in range(count)]


def _rows_at(deck: Deck, snapshot_id: str, wanted: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Yield the rows at places in order; no more than `CELLS` cells are decoded at once."""
    import pyarrow.parquet as pq

    segments = segments_of(deck.artifacts, snapshot_id)
    begin, left = 0, list(wanted)
    for name in [one["hash"] for one in segments] or [snapshot_id]:
        if not left:
            return
        with pq.ParquetFile(deck.artifacts.path(name), buffer_size=BUFFER, pre_buffer=False) as file:
            end = begin + file.metadata.num_rows
            here = [place - begin for place in left if place < end]
            left = left[len(here) :]
            if here:
                deck.artifacts.verify(name)
                yield from _of_file(file, here)
            begin = end


def _of_file(file: Any, wanted: Sequence[int]) -> Iterator[dict[str, Any]]:
    size = max(16, CELLS // max(1, file.metadata.num_columns))
    begin, left = 0, list(wanted)
    for group in range(file.num_row_groups):
        end = begin + file.metadata.row_group(group).num_rows
        if left and left[0] < end:
            at = begin
            batch: pa.RecordBatch
            for batch in file.iter_batches(size, row_groups=[group], use_threads=False):
                here = [place - at for place in left if place < at + batch.num_rows]
                left = left[len(here) :]
                for place in here:
                    yield batch.slice(place, 1).to_pylist()[0]
                at += batch.num_rows
                if not left or left[0] >= end:
                    break
        begin = end


def readable(value: Any, depth: int = 0) -> Any:
    """Return a value as JSON has it: times in ISO 8601, what JSON cannot say as text, long texts cut."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    if isinstance(value, list | tuple | dict) and depth < DEEPEST:
        if isinstance(value, dict):  # as text: within an object a whole number named `…_at` would be told as a time
            told = {str(name): readable(one, depth + 1) for name, one in value.items()}
            return _cut(json.dumps(told, ensure_ascii=False))
        kept = [readable(one, depth + 1) for one in value[:LONGEST]]
        return kept if len(value) <= LONGEST else [*kept, f"… {len(value):,} in all"]
    return _cut(f"{value:f}" if isinstance(value, Decimal) else str(value))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… {len(text):,} characters"
