"""Writes what the benchmark of drift verdicts reads: a reference, and streams that stay or move at a known row.

20 columns as in `drift_data`. `restless` columns wander with a period of 5,000 rows, in the reference too: that is how
they are, and no drift. numpy and pyarrow only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from drift_data import CATEGORIES, DRIFTED, NUMBERS, _group

PERIOD = 5_000  # rows
SWING = 0.3  # standard deviations, to either side
RAMP = 10  # windows in which a gradual drift comes to its size
SPELL = 3  # windows that a recurring drift lasts, and stays away
SHAPES = ("abrupt", "gradual", "recurring", "one column", "joint")
TOGETHER = ("n0", "n5")  # what goes together after a joint drift, each as it was by itself


def write_stream(
    path: Path,
    rows: int,
    seed: int,
    *,
    restless: bool = False,
    shape: str = "",
    size: float = 0.0,
    onset: int = 0,
    window: int = 1_000,
) -> None:
    """Write one stream; from row `onset` on the drifting columns are `size` standard deviations higher, by `shape`.

    How fast it drifts goes by `window`, in rows.
    """
    draw = np.random.default_rng(seed)
    table = _group(draw, rows, drift=False)
    at = np.arange(rows)
    share = _share(shape, (at - onset) / window)
    moved = DRIFTED[:1] if shape == "one column" else DRIFTED
    columns: dict[str, Any] = {}
    for name in NUMBERS:
        values = table[name]
        spread = float(values.std())
        if restless:
            values = values + SWING * spread * np.sin(2 * np.pi * at / PERIOD)
        if shape and shape != "joint" and name in moved:
            values = values + size * spread * (draw.random(rows) < share)
        columns[name] = np.round(values, 4)
    if shape == "joint":
        first, second = TOGETHER
        columns[second] = _joined(draw, columns[first], columns[second], size, onset)
    for name in CATEGORIES:
        words = table[name]
        if (
            shape and shape != "joint" and name in moved
        ):  # as many rows as lie within `size` deviations of a normal one are of the first word
            first = words.take(pa.array([int(np.argmax(np.asarray(words.to_pylist()) == "v0"))]))[0].as_py()
            taken = (draw.random(rows) < share) & (draw.random(rows) < 0.4 * size)
            words = pa.array(np.where(taken, first, np.array(words.to_pylist(), dtype=object)).tolist())
        columns[name] = words
    pq.write_table(pa.table(columns), path, row_group_size=100_000)


def _joined(draw: Any, first: Any, second: Any, size: float, onset: int) -> Any:
    """Return the second column with its values put in another order, so that it goes with the first by `size`."""
    after = first[onset:]
    pull = size * (after - after.mean()) / after.std() + np.sqrt(1 - size**2) * draw.normal(size=len(after))
    joined = second.copy()
    joined[onset:][np.argsort(pull, kind="stable")] = np.sort(second[onset:])
    return joined


def _share(shape: str, after: Any) -> Any:
    """Return (rows,) what share of rows has moved, by windows since the onset."""
    if shape == "gradual":
        return np.clip(after / RAMP, 0.0, 1.0)
    if shape == "recurring":
        return ((after >= 0) & (after // SPELL % 2 == 0)).astype(float)
    return (after >= 0).astype(float)
