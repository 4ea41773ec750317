"""The page that compares what was marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from console.poller import Asks
from console.render import compare
from console.render.cells import Line
from console.render.curves import curve_charts
from console.render.words import short_id
from console.screens.document_page import DocumentKind, DocumentPage
from engine.operations.models import CompareVersions, Comparison
from engine.operations.runs import CompareRuns, CurvesRequest, RunCurve, RunsTable
from store.rows import Version


def comparison_page(rows: Sequence[Any]) -> DocumentPage | None:
    """Return the page of runs, or of two versions; None where there are more versions than two."""
    if not isinstance(rows[0], Version):
        return _of_runs(tuple(row.id for row in rows))
    if len(rows) > 2:
        return None
    older, newer = sorted(rows, key=lambda row: row.number)
    return _of_versions(f"{older.model}@{older.number}", f"{newer.model}@{newer.number}")


def _of_runs(runs: tuple[str, ...]) -> DocumentPage:
    def read(client: Asks) -> tuple[RunsTable, tuple[RunCurve, ...]]:
        table = client.call("runs.compare", CompareRuns(runs))
        return table, tuple(client.call("runs.curves", CurvesRequest(runs)))

    def lines(subject: tuple[RunsTable, tuple[RunCurve, ...]], width: int, now: int) -> list[Line]:
        return compare.runs_lines(*subject, width)

    kind = DocumentKind(
        scope="compared",
        name=f"compare:{','.join(runs)}",
        title=f"{len(runs)} runs",
        command=f"modeldeck runs compare {' '.join(short_id(run) for run in runs)}",
        lines=lines,
        read=read,
        charts=lambda subject: curve_charts(subject[1]),
    )
    return DocumentPage(kind)


def _of_versions(first: str, second: str) -> DocumentPage:
    def read(client: Asks) -> Comparison:
        found: Comparison = client.call("versions.compare", CompareVersions(first, second))
        return found

    def lines(subject: Comparison, width: int, now: int) -> list[Line]:
        return compare.versions_lines(subject, width)

    title = f"{first.rpartition('@')[2]} and {second.rpartition('@')[2]}"
    command = f"modeldeck versions compare {first} {second}"
    return DocumentPage(DocumentKind("text", f"compare:{first},{second}", f"versions {title}", command, lines, read))
