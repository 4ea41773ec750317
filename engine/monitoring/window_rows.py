"""What was answered in each window, from one pass over the log: its rows without their inputs, and the inputs counted.

Inputs are most of a log and only their counts are needed, so that a window's memory is that of its ids and answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.measures.drift import Tally
from engine.measures.drift_numeric import NumericProfile
from engine.measures.drift_places import bin_places, row_bins
from engine.measures.joint import Sampled
from engine.measures.quality import Faults
from engine.monitoring import scan
from engine.monitoring.columns import FEATURES
from engine.monitoring.layout import parts
from engine.monitoring.predictions import ATTEMPTS, By, fresh_rows, one_per_id, read_versions, time_column, united
from engine.monitoring.together import draw
from engine.monitoring.windows import Key

if TYPE_CHECKING:
    from engine.deck import Deck
    from engine.monitoring.reference import Reference

KINDS = ("live",)
SLICE = "slice."  # begins the name of a column of `rows` that holds the group of each row


@dataclass(slots=True)
class WindowRows:
    """One window of one version."""

    rows: pa.Table  # answered ones in order of time, without inputs
    tallies: dict[str, Tally] = field(default_factory=dict)  # input -> its values, where the log holds it
    faults: dict[str, Faults] = field(default_factory=dict)  # input -> what is wrong with its values
    # column of slices -> input -> (groups, knots): where its values lie, for what a loss is explained by
    places: dict[str, dict[str, Any]] = field(default_factory=dict)
    sampled: Any = None  # (n, columns) bins of rows drawn from it, where the reference has such; see measures.joint
    repeated: int = 0  # rows left out, as another one bears their id


@dataclass(slots=True)
class _Counted:
    """The inputs of one window, counted."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    faults: dict[str, Faults] = field(default_factory=dict)
    places: dict[str, dict[str, Any]] = field(default_factory=dict)
    sampled: Sampled | None = None


@dataclass(slots=True)
class _Version:
    """What is gathered of one version."""

    references: Mapping[int, Reference | None]  # wanted windows by number, with what their inputs are counted for
    length_us: int
    span: tuple[int, int]
    by: By
    batches: list[pa.RecordBatch] = field(default_factory=list)
    counted: dict[int, _Counted] = field(default_factory=dict)
    knots: dict[str, Any] = field(default_factory=dict)  # input -> (bins, knots) of its profile

    @property
    def reference(self) -> Reference | None:
        """The version's reference, where any window asks for it."""
        return next((one for one in self.references.values() if one is not None), None)

    def is_wanted(self, name: str) -> bool:
        """Say whether a column of the log is read beside the profiled ones."""
        is_slice = self.reference is not None and name.removeprefix(FEATURES) in self.reference.slicings
        return is_slice or not name.startswith(FEATURES)

    def profiles(self) -> scan.Profiles:
        """Return the inputs that any window asks for, as columns of the log."""
        found = (one.profiles for one in self.references.values() if one is not None)
        return {FEATURES + name: profile for profiles in found for name, profile in profiles.items()}

    def table(self) -> pa.Table:
        """Return the rows gathered; files written before a column came, or changed its type, are united."""
        schemas = {batch.schema for batch in self.batches}
        if len(schemas) == 1:
            return pa.Table.from_batches(self.batches)
        return united([pa.Table.from_batches([batch]) for batch in self.batches])

    def add(self, batch: pa.RecordBatch) -> None:
        """Gather a batch of the log."""
        time = batch.column(time_column(self.by))
        inside = pc.and_(pc.greater_equal(time, self.span[0]), pc.less(time, self.span[1]))
        answered = pc.and_(pc.equal(batch.column("status"), 200), pc.is_in(batch.column("kind"), pa.array(KINDS)))
        batch = batch.filter(pc.and_(inside, answered))
        if not len(batch):
            return
        groups = self._groups(batch)
        kept = batch.select([name for name in batch.schema.names if not name.startswith(FEATURES)])
        for name, codes in groups.items():
            kept = kept.append_column(SLICE + name, pa.array(codes))
        self.batches.append(kept)
        numbers = np.asarray(batch.column(time_column(self.by)), dtype=np.int64) // self.length_us
        windows = np.unique(numbers).tolist()
        for number in windows:
            reference = self.references.get(number)
            if reference is not None:
                here = slice(None) if len(windows) == 1 else numbers == number
                rows = batch if len(windows) == 1 else batch.filter(pa.array(here))
                mine = self.counted.setdefault(number, _Counted())
                self._count(mine, reference, rows)
                if reference.joint is not None:
                    mine.sampled = mine.sampled or Sampled(len(reference.joint.names))
                    draw(mine.sampled, reference.joint, reference.profiles, rows)
                self._place(mine, reference, rows, {name: codes[here] for name, codes in groups.items()})

    def _groups(self, batch: pa.RecordBatch) -> dict[str, Any]:
        """Return column -> (n,) the group of each row, for the columns of slices that the log holds."""
        slicings = self.reference.slicings if self.reference is not None else {}
        names = {name: FEATURES + name for name in slicings if FEATURES + name in batch.schema.names}
        return {name: slicings[name].codes(batch.column(column)) for name, column in names.items()}

    def _place(self, mine: _Counted, reference: Reference, rows: pa.RecordBatch, groups: dict[str, Any]) -> None:
        """Sum by group where the values of the inputs lie that the loss is explained by."""
        explained = reference.loss.effects if reference.loss is not None and groups else {}
        for name in explained:
            if name not in reference.profiles or FEATURES + name not in rows.schema.names:
                continue
            if name not in self.knots:
                self.knots[name] = bin_places(reference.profiles[name])
            knots = self.knots[name]
            bins = row_bins(reference.profiles[name], rows.column(FEATURES + name))
            for column, codes in groups.items():
                size = len(reference.slicings[column].groups)
                counts = np.bincount(codes.astype(np.int64) * len(knots) + bins, minlength=size * len(knots)).reshape(
                    size, -1
                )
                summed = mine.places.setdefault(column, {})
                summed[name] = summed.get(name, 0.0) + counts @ knots

    def _count(self, mine: _Counted, reference: Reference, rows: pa.RecordBatch) -> None:
        ours: pa.RecordBatch | None = None
        for name, profile in reference.profiles.items():
            norm = reference.norms.get(name)
            if norm is not None and name not in mine.faults:
                mine.faults[name] = Faults(norm, isinstance(profile, NumericProfile))
            if FEATURES + name not in rows.schema.names:
                if norm is not None:
                    mine.faults[name].lack(len(rows))
                continue
            if name in reference.tokens_of and ours is None:  # tokens of another key are other words
                ours = rows.filter(pc.equal(rows.column("key_id"), reference.key_id))
            chosen = ours if name in reference.tokens_of and ours is not None else rows
            values = chosen.column(FEATURES + name)
            mine.tallies.setdefault(name, profile.tally()).add(values)
            if norm is not None:
                mine.faults[name].add(values)


def read_windows(
    deck: Deck, model: str, by: By, length_us: int, wanted: Mapping[Key, Reference | None]
) -> dict[Key, WindowRows]:
    """Return the wanted windows that hold answered rows; inputs are counted for those that have a reference.

    A window number is the time divided by `length_us`, both microseconds.
    """
    numbers = [number for _, number in wanted]
    span = (min(numbers) * length_us, (max(numbers) + 1) * length_us)

    def gathering(version: int) -> _Version:
        mine = {number: reference for (one, number), reference in wanted.items() if one == version}
        return _Version(mine, length_us, span, by)

    found = _gathered(deck, model, span, by, gathering)
    tables = {version: one.table() for version, one in found.items() if one.batches}
    kept = one_per_id(tables)
    repeated: dict[Key, int] = {}
    if sum(map(len, kept.values())) != sum(map(len, tables.values())):
        repeated = _repeated(tables, kept, by, length_us)
        # A retried request is on two logs, which is rare: then rows are chosen first, and counted whole.
        found, kept = {}, {}
        for version, table in read_versions(deck, model, *span, by).items():
            found[version] = gathering(version)
            for batch in table.to_batches():
                found[version].add(batch)
            if found[version].batches:
                kept[version] = found[version].table()
    windows = {}
    for version, table in kept.items():
        for key, rows in _by_window(version, table.sort_by(time_column(by)), by, length_us):
            if key in wanted:
                one = found[version].counted.get(key[1], _Counted())
                drawn = one.sampled.codes if one.sampled is not None else None
                windows[key] = WindowRows(rows, one.tallies, one.faults, one.places, drawn, repeated.get(key, 0))
    return windows


def _repeated(tables: Mapping[int, pa.Table], kept: Mapping[int, pa.Table], by: By, length_us: int) -> dict[Key, int]:
    """Return how many rows of each window were left out, as another one bears their id."""
    counts: Counter[Key] = Counter()
    for sign, each in ((1, tables), (-1, kept)):
        for version, table in each.items():
            numbers = np.asarray(table[time_column(by)].combine_chunks(), dtype=np.int64) // length_us
            for number, rows in zip(*np.unique(numbers, return_counts=True), strict=True):
                counts[version, int(number)] += sign * int(rows)
    return {key: rows for key, rows in counts.items() if rows > 0}


def _gathered(
    deck: Deck, model: str, span: tuple[int, int], by: By, gathering: Callable[[int], _Version]
) -> dict[int, _Version]:
    for attempt in range(ATTEMPTS):
        # Segments first: what is collected meanwhile is then found in Parquet, and twice is once per id.
        fresh = fresh_rows(deck, model, *span, by, KINDS)
        collected = parts(deck.workspace, model, *(span if by == "received" else (None, None)))
        found: dict[int, _Version] = {}
        try:
            for version in sorted({*fresh, *collected}):
                found[version] = gathering(version)
                table = fresh.get(version)
                for batch in _batches(collected.get(version, []), found[version], table):
                    found[version].add(batch)
        except FileNotFoundError:  # merged or collected meanwhile
            if attempt == ATTEMPTS - 1:
                raise
            continue
        break
    return found


def _batches(paths: list[Path], mine: _Version, fresh: pa.Table | None) -> Iterator[pa.RecordBatch]:
    yield from scan.batches(paths, mine.profiles(), mine.is_wanted)
    if fresh is not None:
        yield from fresh.to_batches()


def _by_window(version: int, table: pa.Table, by: By, length_us: int) -> Iterable[tuple[Key, pa.Table]]:
    numbers = np.asarray(table[time_column(by)].combine_chunks(), dtype=np.int64) // length_us
    starts = np.flatnonzero(np.diff(numbers, prepend=np.iinfo(np.int64).min)).tolist() if len(numbers) else []
    for start, end in zip(starts, [*starts[1:], len(numbers)], strict=True):
        yield (version, int(numbers[start])), table.slice(start, end - start)
