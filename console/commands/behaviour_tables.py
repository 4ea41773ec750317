"""Writes what behaviour tests said: each run with what came of each of its tests."""

from __future__ import annotations

from collections.abc import Sequence

from console.output import Column, Output
from console.render.behaviour import RESULT_TITLES, headline, result_cells
from store.rows import BehaviourRun

_RESULTS = tuple(
    Column(title, lambda row, _, place=place: row[place], shrink=title in ("seen", "asked"))  # type: ignore[misc]
    for place, title in enumerate(RESULT_TITLES)
)


def runs(found: Sequence[BehaviourRun], out: Output) -> None:
    """Write each run's headline, and its tests as a table."""
    for place, one in enumerate(found):
        if place:
            out.line("")
        out.line(f"{one.model}@{one.version} {headline(one)}, {out.minute(one.ran_at)}")
        out.table(_RESULTS, [result_cells(each) for each in one.results])
