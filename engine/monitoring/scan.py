"""One pass over Parquet files that counts columns into the bins of their references, in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from engine.measures.drift import Profile, Tally
from engine.measures.drift_categorical import CategoricalProfile

if TYPE_CHECKING:
    import pyarrow.parquet as pq

BATCH = 65_536  # rows in memory at once, twice where the next are read meanwhile
VALUES = 20 * BATCH  # of few columns come longer batches, as each costs some time of its own
FEW = 4  # columns that one thread decodes sooner than several that wait for each other
AHEAD = 2  # batches of few columns that are decoded before they are asked for, so that the reader never waits

Profiles = dict[str, Profile]
Tallies = dict[str, Tally]


def tally(paths: Iterable[Path], profiles: Profiles) -> tuple[Tallies, int]:
    """Return the tally of each column, and how many rows were counted.

    `profiles` maps columns of the files to their references; a column that a file lacks is null there.
    """
    tallies = {name: profile.tally() for name, profile in profiles.items()}
    rows = 0
    for batch in batches(paths, profiles):
        rows += len(batch)
        names = set(batch.schema.names)
        for name, one in tallies.items():
            one.add(batch.column(name) if name in names else pa.nulls(len(batch), pa.string()))
    return tallies, rows


def batches(
    paths: Iterable[Path], profiles: Profiles, also: Callable[[str], bool] = lambda _name: False
) -> Iterator[pa.RecordBatch]:
    """Yield batches of the profiled columns and of those whose name `also` accepts.

    Categories come as dictionaries, so that each is looked at once a batch. The next batches are decoded while the
    caller works on the one before; a single one, after which there is none, by the caller's own thread.
    """
    waiting = list(paths)
    opened = (_open(path, profiles, also) for path in waiting)
    first = next(opened, None)
    if first is None:
        return
    found = _read(chain([first], opened))
    if len(waiting) == 1 and first.is_single:
        yield from found
        return
    with ThreadPoolExecutor(1) as reader:
        pending = deque(reader.submit(next, found, None) for _ in range(AHEAD if len(first.columns) <= FEW else 1))
        while (batch := pending.popleft().result()) is not None:
            pending.append(reader.submit(next, found, None))
            yield batch


@dataclass(frozen=True, slots=True)
class _Opened:
    """A file, and what is read of it."""

    file: pq.ParquetFile
    columns: list[str]
    rows: int  # in a batch

    @property
    def is_single(self) -> bool:
        """Whether all of it is one batch."""
        about = self.file.metadata
        return bool(about.num_row_groups == 1 and about.num_rows <= self.rows)


def _open(path: Path, profiles: Profiles, also: Callable[[str], bool]) -> _Opened:
    import pyarrow.parquet as pq

    source = pa.OSFile(str(path))
    about = pq.read_metadata(source)
    there = about.schema.to_arrow_schema().names
    coded = [name for name in there if isinstance(profiles.get(name), CategoricalProfile)]
    columns = [name for name in there if name in profiles or also(name)]
    # Without `pre_buffer` a row group's bytes go when it is read, so that memory does not grow with the file.
    file = pq.ParquetFile(source, metadata=about, read_dictionary=coded, pre_buffer=False)
    return _Opened(file, columns, max(BATCH, VALUES // max(1, len(columns))))


def _read(opened: Iterable[_Opened]) -> Iterator[pa.RecordBatch]:
    for one in opened:
        try:
            for group in range(one.file.num_row_groups):
                yield from one.file.iter_batches(
                    one.rows, row_groups=[group], columns=one.columns, use_threads=len(one.columns) > FEW
                )
        finally:
            one.file.close(force=True)
