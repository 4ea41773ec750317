"""The pass over a log: every row once, in order, however files and row groups are cut."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.monitoring import scan


def written(path: Path, rows: range, group: int, columns: int) -> Path:
    """Write `rows` numbers as column `row`, and more columns, in row groups of `group`."""
    values = np.asarray(rows, dtype=np.int64)
    table = {"row": values} | {f"n{number}": values / 2 for number in range(columns)}
    pq.write_table(pa.table(table), path, row_group_size=group)
    return path


@pytest.mark.parametrize("columns", [1, 7], ids=["few columns", "many columns"])
def test_batches_come_in_order_and_whole(tmp_path: Path, columns: int) -> None:
    """Files of one row group, of several, of none, and of one that is longer than a batch."""
    cuts = [0, 7, 7, 1_000, 1_000 + scan.VALUES]
    paths = [
        written(tmp_path / f"{number}.parquet", range(start, end), group, columns)
        for number, (start, end, group) in enumerate(zip(cuts, cuts[1:], (10, 10, 100, scan.VALUES), strict=False))
    ]
    found = list(scan.batches(paths, {}, lambda name: True))
    assert np.array_equal(np.concatenate([np.asarray(one.column("row")) for one in found]), np.arange(cuts[-1]))
    assert all(one.num_columns == columns + 1 for one in found)


@pytest.mark.parametrize("columns", [1, 7], ids=["few columns", "many columns"])
def test_batches_come_in_order_whoever_is_the_slower(tmp_path: Path, columns: int) -> None:
    """Short row groups of many files, to a caller that now and then takes its time, and one that stops early."""
    paths = [
        written(tmp_path / f"{number}.parquet", range(number * 900, number * 900 + 900), 100, columns)
        for number in range(5)
    ]
    rows: list[int] = []
    for number, batch in enumerate(scan.batches(paths, {}, lambda name: True)):
        time.sleep(0.01 * (number % 7 == 0))
        rows += batch.column("row").to_pylist()
    assert rows == list(range(4_500))
    some = scan.batches(paths, {}, lambda name: True)
    assert next(some).column("row")[0].as_py() == 0
    some.close()  # type: ignore[attr-defined]


def test_files_that_are_read_to_their_end_are_closed(tmp_path: Path) -> None:
    paths = [written(tmp_path / f"{number}.parquet", range(100), 10, 1) for number in range(20)]
    before = len(list(Path("/proc/self/fd").iterdir()))
    assert sum(map(len, scan.batches(paths, {}, lambda name: True))) == 2_000
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


@pytest.mark.parametrize("before", [0, 2])
def test_a_file_that_has_gone_is_told(tmp_path: Path, before: int) -> None:
    """The first one or a later one: whoever reads lists the files again."""
    paths = [written(tmp_path / f"{number}.parquet", range(10), 5, 1) for number in range(before)]
    with pytest.raises(FileNotFoundError):
        list(scan.batches([*paths, tmp_path / "gone.parquet"], {}, lambda name: True))


def test_no_files_hold_no_rows(tmp_path: Path) -> None:
    """Neither does a file without rows."""
    assert list(scan.batches([], {}, lambda name: True)) == []
    empty = written(tmp_path / "empty.parquet", range(0), 5, 1)
    assert sum(map(len, scan.batches([empty], {}, lambda name: True))) == 0
