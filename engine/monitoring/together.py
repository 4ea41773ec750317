"""Samples of rows by which it is told whether inputs still go together: of the reference, and of each window."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from engine.measures.drift import Profile
from engine.measures.drift_numeric import NumericProfile
from engine.measures.drift_places import row_bins
from engine.measures.drift_text import TextProfile
from engine.measures.joint import MOST_COLUMNS, Joint, Sampled, joint_of, keys_of
from engine.monitoring.columns import FEATURES

IDENTITY = ("received_at", "row", "latency_us")  # of a row of the log: what draws it, whichever file it is in


def sample_reference(
    profiles: Mapping[str, Profile],
    column: Callable[[str, pa.Table], pa.Array | pa.ChunkedArray],
    fitted: pa.Table,
    importance: Mapping[str, float],
) -> Joint | None:
    """Return rows of the reference, evenly drawn, in the bins of their profiles; None where no two can be compared.

    `column` returns a column of rows of the snapshot as the log holds it. Texts are left out.
    """
    names = [name for name, profile in profiles.items() if not isinstance(profile, TextProfile)]
    names = sorted(names, key=lambda name: -importance.get(name, 0.0))[:MOST_COLUMNS]
    if len(names) < 2 or not len(fitted):
        return None

    def codes_of(places: Any) -> Any:
        drawn = fitted.take(pa.array(places))
        return np.column_stack([row_bins(profiles[name], column(name, drawn)) for name in names])

    return joint_of(names, [isinstance(profiles[name], NumericProfile) for name in names], len(fitted), codes_of)


def draw(sampled: Sampled, joint: Joint, profiles: Mapping[str, Profile], rows: pa.RecordBatch) -> None:
    """Add a batch of the log to a window's sample; of most batches few rows need to be looked at."""
    keys = keys_of(*(_whole(rows.column(name)) for name in IDENTITY))
    wanted = sampled.wanted(keys)
    if not wanted.any():
        return
    chosen = rows.filter(pa.array(wanted))
    held = set(chosen.schema.names)
    columns = [
        row_bins(profiles[name], chosen.column(FEATURES + name))
        if FEATURES + name in held
        else np.zeros(len(chosen), np.int64)  # as if it were null
        for name in joint.names
    ]
    sampled.add(keys[wanted], np.column_stack(columns).astype(np.int16))


def _whole(column: pa.Array) -> Any:
    return np.asarray(column.fill_null(0), dtype=np.int64)
