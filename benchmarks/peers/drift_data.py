"""Writes what the drift benchmark reads: 15 numeric and 5 categorical columns, and scores with labels.

n0, n5, n10 and c0 drift in the current rows; the other 16 columns do not. numpy and pyarrow only.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

NUMBERS = tuple(f"n{number}" for number in range(15))
CATEGORIES = tuple(f"c{number}" for number in range(5))
COLUMNS = (*NUMBERS, *CATEGORIES)
DRIFTED = ("n0", "n5", "n10", "c0")
_CARDINALITY = (3, 5, 12, 25, 50)
GROUP = 100_000
MILLION = 1_000_000
DIFFERENT = 10  # files that are drawn; more are copies


def write(path: Path, rows: int, seed: int, *, drift: bool) -> None:
    """Write `rows` rows in row groups of 100,000, which are drawn one by one: any size fits in memory."""
    draw = np.random.default_rng(seed)
    writer: pq.ParquetWriter | None = None
    for start in range(0, rows, GROUP):
        table = pa.table(_group(draw, min(GROUP, rows - start), drift))
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)
    if writer is not None:
        writer.close()


def write_many(folder: Path, rows: int, seed: int, tell: Callable[[str], None] = lambda told: None) -> None:
    """Write drifted rows as files of at most a million in a new folder: ten that differ, and copies of them.

    Raises:
        SystemExit: the disk has no room for them; nothing is left.
    """
    folder.mkdir()
    whole, rest = divmod(rows, MILLION)
    sizes = [MILLION] * whole + ([rest] if rest else [])
    for number, size in enumerate(sizes):
        path, model = folder / f"{number:05d}.parquet", folder / f"{number % DIFFERENT:05d}.parquet"
        if number < DIFFERENT or size < MILLION:
            write(path, size, seed + number, drift=True)
        else:
            shutil.copyfile(model, path)
        if number == 0:
            needed, free = path.stat().st_size * len(sizes), shutil.disk_usage(folder).free
            tell(
                f"{rows:,} rows: {len(sizes)} files, about {needed / 1e9:.1f} GB in {folder}, {free / 1e9:.0f} GB free"
            )
            if needed > 0.9 * free:
                shutil.rmtree(folder)
                raise SystemExit(f"{needed / 1e9:.1f} GB do not fit there: name another place by --folder")


def _group(draw: Any, n: int, drift: bool) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for number, name in enumerate(NUMBERS):
        values = _numbers(draw, number % 5, n)
        if drift and name == "n0":
            values = values + 0.3
        if drift and name == "n5":
            values = values * 1.5 + 0.2
        if drift and name == "n10":
            values = values + 0.6 * (draw.random(n) < 0.5)
        made[name] = np.round(values, 4)
    for name, size in zip(CATEGORIES, _CARDINALITY, strict=True):
        shares = 1 / np.arange(1, size + 1)
        if drift and name == "c0":
            shares = shares[::-1]
        codes = draw.choice(size, n, p=shares / shares.sum()).astype(np.int32)
        words = pa.array([f"v{one}" for one in range(size)])
        made[name] = pa.DictionaryArray.from_arrays(pa.array(codes), words).cast(pa.string())
    score = 1 / (1 + np.exp(-made["n0"]))
    made["y_score"] = score
    made["y_pred"] = (score > 0.5).astype(np.int64)
    made["y_true"] = (draw.random(n) < score).astype(np.int64)
    return made


def _numbers(draw: Any, kind: int, n: int) -> Any:
    if kind == 0:
        return draw.normal(0, 1, n)
    if kind == 1:
        return draw.lognormal(0, 0.6, n)
    if kind == 2:
        return draw.gamma(2, 2, n)
    if kind == 3:
        return np.where(draw.random(n) < 0.3, draw.normal(-2, 0.5, n), draw.normal(1, 1, n))
    return draw.integers(0, 200, n).astype(float)
