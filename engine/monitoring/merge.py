"""Keeps the number of Parquet files of a day small, level by level, so that no row is rewritten more than a few times.

A merged file appears by rename before its parts go: an interruption leaves rows twice on disk, and readers keep one
row per prediction id.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from pathlib import Path

from engine.monitoring.layout import sync_folder, write_parquet

FILES = 24  # of one level, before they become one file of the next


def part_name(source: str, level: int = 0) -> str:
    """Return the file name that belongs to this source, always the same one."""
    return f"{level}-{hashlib.sha256(source.encode()).hexdigest()[:20]}.parquet"


def merge_small(day: Path) -> int:
    """Merge the files of a day wherever one level has many; returns how many files went."""
    levels: dict[int, list[Path]] = defaultdict(list)
    for path in sorted(day.glob("*.parquet")):
        prefix = path.name.partition("-")[0]
        if prefix.isdigit():
            levels[int(prefix)].append(path)
    gone = 0
    for level, paths in sorted(levels.items()):
        if len(paths) >= FILES:
            gone += _merge(day, paths, level)
    return gone


def _merge(day: Path, paths: list[Path], level: int) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from engine.monitoring.duplicates import without_duplicates

    tables = [pq.ParquetFile(path).read() for path in paths]
    try:
        table = pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowTypeError:  # a column changed from values to tokens within the day
        return 0
    merged = day / part_name("\n".join(path.name for path in paths), level + 1)
    write_parquet(without_duplicates(table)[0].sort_by("received_at"), merged)
    for path in paths:
        path.unlink(missing_ok=True)
    sync_folder(day)
    return len(paths)
