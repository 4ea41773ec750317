"""One pass over Parquet files that counts columns into the bins of their references, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa

from engine.measures.drift import Profile, Tally
from engine.measures.drift_categorical import CategoricalProfile

BATCH = 65_536  # rows in memory at once, twice where the next are read meanwhile
VALUES = 20 * BATCH  # of few columns come longer batches, as each costs some time of its own

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

    Categories come as dictionaries, so that each is looked at once a batch. The next batch is decoded while the caller
    works on the one before.
    """
    found = _read(paths, profiles, also)
    with ThreadPoolExecutor(1) as reader:
        pending = reader.submit(next, found, None)
        while (batch := pending.result()) is not None:
            pending = reader.submit(next, found, None)
            yield batch


def _read(paths: Iterable[Path], profiles: Profiles, also: Callable[[str], bool]) -> Iterator[pa.RecordBatch]:
    import pyarrow.parquet as pq

    for path in paths:
        about = pq.read_metadata(path)
        there = about.schema.to_arrow_schema().names
        coded = [name for name in there if isinstance(profiles.get(name), CategoricalProfile)]
        # Without `pre_buffer` a row group's bytes go when it is read, so that memory does not grow with the file.
        with pq.ParquetFile(path, metadata=about, read_dictionary=coded, pre_buffer=False) as file:
            columns = [name for name in there if name in profiles or also(name)]
            rows = max(BATCH, VALUES // max(1, len(columns)))
            for group in range(file.num_row_groups):
                yield from file.iter_batches(rows, row_groups=[group], columns=columns)
