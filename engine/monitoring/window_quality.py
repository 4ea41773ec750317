"""What is wrong with the inputs of a window, column by column, and how fresh its rows were when they came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.measures.drift_categorical import CategoryTally
from engine.measures.drift_codes import rounded
from engine.measures.quality import judged
from engine.monitoring.importance import importance_of

if TYPE_CHECKING:
    from engine.monitoring.window_rows import WindowRows
    from store.rows import Version

MOST_TOLD = 60  # of what was found, the worst first
SECOND_US = 1_000_000


def quality_of(found: WindowRows | None, version: Version) -> dict[str, Any]:
    """Return `{"columns", "beyond", "freshness", "repeated"}`; empty for a window without rows.

    `columns` are as `measures.quality.judged` tells them, the worst first, `beyond` counts those above what is usual.
    `freshness` is `{"age_s", "median_s", "without"}`: how much older than its receipt the newest row is, and a row in
    the middle, by event time, and how many rows have none. `repeated` counts rows left out, as their id was known.
    """
    if found is None or not len(found.rows):
        return {}
    shares = importance_of(version)
    columns: list[dict[str, Any]] = []
    for name, faults in found.faults.items():
        tally = found.tallies.get(name)
        unseen = int(tally.counts[-1]) if isinstance(tally, CategoryTally) else 0
        columns += judged(name, faults, unseen, shares.get(name, 0.0) if shares else None)
    columns.sort(key=lambda one: (not one["beyond"], one["usual"] - one["share"], one["name"], one["fault"]))
    return {
        "columns": columns[:MOST_TOLD],
        "beyond": sum(one["beyond"] for one in columns),
        "freshness": _freshness(found.rows),
        "repeated": found.repeated,
    }


def _freshness(rows: pa.Table) -> dict[str, Any]:
    timed = rows.filter(pc.is_valid(rows["event_at"]))
    told: dict[str, Any] = {"age_s": None, "median_s": None, "without": len(rows) - len(timed)}
    if len(timed):
        ages = np.asarray(pc.subtract(timed["received_at"], timed["event_at"]).combine_chunks(), dtype=np.float64)
        newest = pc.max(timed["received_at"]).as_py() - pc.max(timed["event_at"]).as_py()
        told |= {"age_s": rounded(newest / SECOND_US), "median_s": rounded(float(np.median(ages)) / SECOND_US)}
    return told
