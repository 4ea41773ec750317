"""One pass over Parquet files that counts columns into the bins of their references, in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain, groupby, islice
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
AHEAD = 3  # row groups of few columns that are decoded before they are asked for, so that the reader never waits

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
    """Yield batches of the profiled columns and of those whose name `also` accepts, in the order of the files.

    Categories come as dictionaries, so that each is looked at once a batch. The next batches are decoded while the
    caller works on the one before; a single one, after which there is none, by the caller's own thread.
    """
    waiting = list(paths)
    opened = (_open(path, profiles, also) for path in waiting)
    first = next(opened, None)
    if first is None:
        return
    if len(waiting) == 1 and first.is_single:
        yield from _read([first])
        return
    for is_shared, files in groupby(chain([first], opened), lambda one: one.is_short and len(one.columns) <= FEW):
        yield from (_shared if is_shared else _ahead)(files)


def _ahead(files: Iterable[_Opened]) -> Iterator[pa.RecordBatch]:
    """Yield batches, the next of which a second thread waits for: it is decoded by as many as there are cores."""
    found = _read(files)
    with ThreadPoolExecutor(1) as reader:
        pending = reader.submit(next, found, None)
        while (batch := pending.result()) is not None:
            pending = reader.submit(next, found, None)
            yield batch


def _shared(files: Iterable[_Opened]) -> Iterator[pa.RecordBatch]:
    """Yield the batches of short row groups; a caller that would wait for one decodes the next meanwhile."""
    numbered = ((one, number) for one in files for number in range(one.file.num_row_groups))
    with ThreadPoolExecutor(1) as reader:
        turns = deque(_Turn(*each, reader) for each in islice(numbered, AHEAD))
        while turns:
            turn = turns.popleft()
            turns.extend(_Turn(*each, reader) for each in islice(numbered, 1))
            if not turn.take() and turns:
                turns[0].take()
            yield from turn.batches()


class _Turn:
    """A row group that whichever thread comes to it first decodes."""

    __slots__ = ("_decode", "_found", "_reading")

    def __init__(self, one: _Opened, group: int, reader: ThreadPoolExecutor) -> None:
        self._decode = partial(one.decode, group)
        self._found: list[pa.RecordBatch] | None = None
        self._reading = reader.submit(self._decode)

    def take(self) -> bool:
        """Decode it by this thread where no other is at it; says whether it is decoded."""
        if self._found is None and self._reading.cancel():
            self._found = self._decode()
        return self._found is not None or self._reading.done()

    def batches(self) -> list[pa.RecordBatch]:
        """Wait for its batches, and return them."""
        return self._reading.result() if self._found is None else self._found


@dataclass(frozen=True, slots=True)
class _Opened:
    """A file, and what is read of it."""

    file: pq.ParquetFile
    columns: list[str]
    rows: int  # in a batch

    @property
    def is_short(self) -> bool:
        """Whether each row group is one batch at most."""
        about = self.file.metadata
        return all(about.row_group(number).num_rows <= self.rows for number in range(about.num_row_groups))

    @property
    def is_single(self) -> bool:
        """Whether all of it is one batch."""
        about = self.file.metadata
        return bool(about.num_row_groups == 1 and about.num_rows <= self.rows)

    def decode(self, group: int) -> list[pa.RecordBatch]:
        """Return the batches of a row group, decoded by this thread alone; several may be at one file."""
        return list(self.file.iter_batches(self.rows, row_groups=[group], columns=self.columns, use_threads=False))


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
