"""One pass over Parquet files that counts columns into the bins of their references, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import pyarrow as pa

from engine.measures.drift import Profile, Tally
from engine.measures.drift_categorical import CategoricalProfile

BATCH = 65_536  # rows in memory at once

Tallies = dict[str, Tally]


def tally(
    paths: Iterable[Path],
    profiles: Mapping[str, Profile],
    *,
    also: tuple[str, ...] = (),
    choose: Callable[[pa.RecordBatch], pa.RecordBatch] = lambda batch: batch,
) -> tuple[Tallies, int]:
    """Return the tally of each column, and how many rows were counted.

    `profiles` maps columns of the files to their references; a column that a file lacks is null there. `choose` is
    given each batch, with the columns of `also` beside, and returns the rows that count.
    """
    tallies = {name: profile.tally() for name, profile in profiles.items()}
    rows = 0
    for batch in batches(paths, profiles, also):
        chosen = choose(batch)
        rows += len(chosen)
        names = set(chosen.schema.names)
        for name, one in tallies.items():
            one.add(chosen.column(name) if name in names else pa.nulls(len(chosen), pa.string()))
    return tallies, rows


def batches(
    paths: Iterable[Path], profiles: Mapping[str, Profile], also: tuple[str, ...] = ()
) -> Iterator[pa.RecordBatch]:
    """Yield batches of the wanted columns; categories come as dictionaries, so that each is looked at once a batch."""
    import pyarrow.parquet as pq

    coded = [name for name, profile in profiles.items() if isinstance(profile, CategoricalProfile)]
    for path in paths:
        # Without `pre_buffer` a row group's bytes go when it is read, so that memory does not grow with the file.
        with pq.ParquetFile(path, read_dictionary=coded, pre_buffer=False) as file:
            there = set(file.schema_arrow.names)
            columns = [name for name in dict.fromkeys((*profiles, *also)) if name in there]
            for group in range(file.num_row_groups):
                yield from file.iter_batches(BATCH, row_groups=[group], columns=columns)
