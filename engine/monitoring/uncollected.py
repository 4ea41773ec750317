"""Rows that servers have logged and the collector has not brought into Parquet yet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from engine.monitoring.segments import list_segments, read_lines
from engine.monitoring.watermark import read_watermark

if TYPE_CHECKING:
    from engine.workspace import Workspace


def uncollected_rows(workspace: Workspace, model: str, *, since_us: int | None = None) -> Iterator[dict[str, Any]]:
    """Yield log lines of a model beyond the watermark, of open segments too; the last, unfinished line is left out.

    `since_us` (microseconds) skips segments not written to since then; lines older than it may still come.
    """
    marks = read_watermark(workspace.predictions)
    for segment in list_segments(workspace.segments):
        try:
            if since_us is not None and segment.path.stat().st_mtime_ns // 1000 < since_us:
                continue
            lines = read_lines(segment, marks.get(segment.key, 0))
        except FileNotFoundError:  # collected meanwhile: its rows are in Parquet by now
            continue
        yield from (row for row in lines.rows if (row.get("endpoint") or row.get("model")) == model)
