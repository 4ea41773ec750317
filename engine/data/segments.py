"""Where a snapshot's rows are divided, so that two snapshots with rows in common share the files that hold them.

Rows in time order are cut where the rows themselves say so: content-defined chunking (Muthitacharoen, Chen and
Mazieres, A low-bandwidth network file system, SOSP 2001). Rows that come later, or in between, change the segments
they fall into and no others, whichever way the rows came.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.data.canonical import parquet_bytes
from engine.model_io.segments import manifest_bytes
from store.artifacts import hash_bytes

if TYPE_CHECKING:
    import pyarrow as pa

    from store.artifacts import Artifacts

LEAST, USUAL, MOST = 4_096, 16_384, 65_536  # rows of a segment


@dataclass(slots=True)
class Stored:
    """What was put: the snapshot's id, its bytes in all and those that were not there before, each file by its hash."""

    id: str = ""
    size_bytes: int = 0
    new_bytes: int = 0
    segments: dict[str, int] = field(default_factory=dict)  # hash -> bytes; empty for one Parquet file
    own_bytes: int = 0  # of the file that has the snapshot's id


def store(artifacts: Artifacts, table: pa.Table, times: Any | None) -> Stored:
    """Put canonical rows; `times` (microseconds, ascending) are what they are divided by, None keeps them in one file.

    Raises:
        StorageUnwritable: the disk is full or read-only.
    """
    starts = [0] if times is None else cuts(times)
    stored = Stored()
    if len(starts) == 1:
        return _put_last(artifacts, stored, parquet_bytes(table))
    listed = []
    for start, end in zip(starts, [*starts[1:], table.num_rows], strict=True):
        content = parquet_bytes(table.slice(start, end - start))
        name = _put(artifacts, stored, content)
        stored.segments[name] = len(content)
        listed.append({"hash": name, "rows": end - start, "size_bytes": len(content)})
    return _put_last(artifacts, stored, manifest_bytes(listed))


def cuts(times: Any) -> list[int]:
    """Return where segments start, by times in ascending order, (rows,) int64; the first starts at 0.

    A row starts a segment where a hash of its time, and of its place among the rows of that time, says so, which one of
    `USUAL` does; no segment is shorter than `LEAST`, but perhaps the last, and none longer than `MOST`.
    """
    count = len(times)
    moments = np.concatenate([[0], np.flatnonzero(np.diff(times)) + 1]) if count else np.zeros(0, dtype=np.int64)
    places = np.arange(count) - np.repeat(moments, np.diff([*moments, count]))
    said = np.flatnonzero(_mixed(times, places) % np.uint64(USUAL) == 0)
    starts = [0]
    for start in [*said.tolist(), count]:
        while start - starts[-1] > MOST:
            starts.append(starts[-1] + MOST)
        if start < count and start - starts[-1] >= LEAST:
            starts.append(start)
    return starts


def _mixed(times: Any, places: Any) -> Any:
    """Return 64 well-mixed bits for each row: the finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    bits = times.astype(np.int64).view(np.uint64) + places.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def _put(artifacts: Artifacts, stored: Stored, content: bytes) -> str:
    is_new = not artifacts.place(hash_bytes(content)).exists()
    stored.size_bytes += len(content)
    stored.new_bytes += len(content) if is_new else 0
    return artifacts.put_bytes(content)


def _put_last(artifacts: Artifacts, stored: Stored, content: bytes) -> Stored:
    stored.id, stored.own_bytes = _put(artifacts, stored, content), len(content)
    return stored
