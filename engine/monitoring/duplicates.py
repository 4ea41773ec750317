"""One row per prediction id.

A request that the router retried bears one id on two servers; the copy received last is the one that was answered.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def duplicated(ids: pa.ChunkedArray) -> bool:
    """Say whether an id occurs twice."""
    return bool(pc.count_distinct(ids).as_py() != len(ids))


def newest(ids: pa.ChunkedArray, received_at: pa.ChunkedArray) -> np.ndarray:
    """Return the row numbers, ascending, that keep one row per id: the one received last."""
    codes = np.asarray(ids.combine_chunks().dictionary_encode().indices)
    order = np.lexsort((np.arange(len(codes)), np.asarray(received_at.combine_chunks()), codes))
    ordered = codes[order]
    last = np.append(ordered[1:] != ordered[:-1], True) if len(ordered) else np.zeros(0, bool)
    return np.sort(order[last])


def without_duplicates(table: pa.Table) -> tuple[pa.Table, int]:
    """Return a table with one row per `prediction_id`, and how many rows went."""
    if not duplicated(table["prediction_id"]):
        return table, 0
    kept = newest(table["prediction_id"], table["received_at"])
    return table.take(pa.array(kept)), len(table) - len(kept)
