"""Brings closed segments into Parquet, so that a kill at any point neither loses a row nor counts one twice.

Order: Parquet files by rename, then the watermark by rename, then the segment is deleted. Names of Parquet files follow
from the segment and the offset they start at, so a repeated collection overwrites what an interrupted one left.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.monitoring.layout import alone, day_of, endpoint_folder, minted_at, sync_folder, write_parquet
from engine.monitoring.segments import Lines, Segment, close_abandoned, empty_closed, list_segments, read_lines
from engine.monitoring.watermark import read_watermark, write_watermark
from store.storage import writing_to

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from engine.deck import Deck


@dataclass(frozen=True, slots=True)
class CollectReport:
    """What one collection did; `torn_bytes` belong to lines that killed servers never finished."""

    segments: int = 0
    rows: int = 0
    duplicates: int = 0
    broken: int = 0
    torn_bytes: int = 0
    merged: int = 0


class Types:
    """Column types of a version, looked up once; a version the deck does not know has none."""

    def __init__(self, deck: Deck) -> None:
        self._deck = deck
        self._known: dict[tuple[str, int], dict[str, Any]] = {}

    def of(self, model: str, version: int) -> dict[str, Any]:
        """Return column name -> Arrow type."""
        from engine.monitoring.columns import typed_columns
        from store import versions
        from store.errors import UnknownName

        if (model, version) not in self._known:
            try:
                signature = versions.version(self._deck.database, model, version).signature
            except UnknownName:
                signature = {}
            self._known[model, version] = typed_columns(signature)
        return self._known[model, version]


def collect(deck: Deck, *, reached: Callable[[str], None] = lambda _: None) -> CollectReport:
    """Collect every closed segment, and open ones whose server is dead; merge small Parquet files.

    `reached` is told each point after which a kill must do no harm: `parquet`, `watermark`, `deleted`.

    Raises:
        StorageUnwritable: the disk is full or read-only; what was not collected stays in its segment.
    """
    workspace = deck.workspace
    if not workspace.segments.is_dir():
        return CollectReport()
    with alone(workspace.predictions, "collect.lock"):
        close_abandoned(workspace.segments, time.time())  # ages of files are the machine's, whatever the deck's clock
        for path in empty_closed(workspace.segments):
            path.unlink(missing_ok=True)
        segments = list_segments(workspace.segments)
        marks = read_watermark(workspace.predictions)
        present = {segment.key for segment in segments}
        marks = {key: end for key, end in marks.items() if key in present}
        due = [segment for segment in segments if not segment.is_open]
        types = Types(deck)
        report = CollectReport()
        for segment in due:
            report = _add(report, _collect_one(deck, segment, marks, types, reached))
        return _add(report, CollectReport(merged=_merge(deck, due)))


def _collect_one(
    deck: Deck, segment: Segment, marks: dict[str, int], types: Types, reached: Callable[[str], None]
) -> CollectReport:
    start = marks.get(segment.key, 0)
    lines = read_lines(segment, start)
    duplicates = _write_parts(deck, segment, lines, types)
    reached("parquet")
    if lines.end != start:
        marks[segment.key] = lines.end
        write_watermark(deck.workspace.predictions, marks)
    reached("watermark")
    with writing_to(segment.path):
        if lines.broken:  # kept for a person to look at, out of the collector's way
            segment.path.replace(segment.path.with_suffix(".broken"))
        else:
            segment.path.unlink(missing_ok=True)
        sync_folder(segment.path.parent)
    reached("deleted")
    return CollectReport(1, len(lines.rows) - duplicates, duplicates, lines.broken, lines.torn)


def _write_parts(deck: Deck, segment: Segment, lines: Lines, types: Types) -> int:
    """Write rows into the files of their days; returns how many were there already, or belong to an erased person."""
    from engine.monitoring.columns import to_table
    from engine.monitoring.duplicates import without_duplicates
    from engine.monitoring.forgotten import Forgotten
    from engine.monitoring.merge import part_name

    groups: dict[tuple[str, str, int, str], list[dict[str, Any]]] = defaultdict(list)
    forgotten = Forgotten(deck)
    rows = [row for row in lines.rows if not forgotten.holds(row)]
    for row in rows:
        endpoint, model = str(row.get("endpoint") or row.get("model")), str(row.get("model"))
        prediction_id = str(row.get("prediction_id") or f"{row.get('request_id')}-{row.get('row')}")
        at = minted_at(prediction_id) or int(row.get("received_at") or 0)
        groups[endpoint, model, int(row.get("version") or 0), day_of(at)].append(row)
    dropped = len(lines.rows) - len(rows)
    for (endpoint, model, version, day), mine in groups.items():
        table, duplicates = without_duplicates(to_table(mine, types.of(model, version)))
        folder = endpoint_folder(deck.workspace, endpoint) / str(version) / day
        write_parquet(table, folder / part_name(f"{segment.key}:{lines.start}"))
        dropped += duplicates
    return dropped


def _merge(deck: Deck, due: Iterable[Segment]) -> int:
    from engine.monitoring.merge import merge_small

    root = deck.workspace.predictions / "parquet"
    return sum(merge_small(day) for day in sorted(root.glob("*/*/*"))) if list(due) else 0


def _add(first: CollectReport, second: CollectReport) -> CollectReport:
    return CollectReport(
        first.segments + second.segments,
        first.rows + second.rows,
        first.duplicates + second.duplicates,
        first.broken + second.broken,
        first.torn_bytes + second.torn_bytes,
        first.merged + second.merged,
    )
