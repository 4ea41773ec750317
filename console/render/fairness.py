"""A version's figures group by group, small groups marked, and how far the others are apart. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from console.render.cells import Span
from console.render.columns import Cell
from console.render.measures import value_of, with_interval
from console.render.sheet import Sheet
from console.render.words import brief, count, number

WIDE = 110  # cells from which every measure shows its interval, not only the first two
GROUPS = 8
SHORT = {"true_positive_rate": "true pos. rate", "false_positive_rate": "false pos. rate"}


def put_fairness(sheet: Sheet, evaluation: dict[str, Any]) -> None:
    """Add a table for each column that is compared; nothing where none is."""
    found = evaluation.get("fairness")
    if not isinstance(found, dict):
        return
    for column, told in found.items():
        if isinstance(told, dict):
            _put_column(sheet, column, told)


def _put_column(sheet: Sheet, column: str, told: dict[str, Any]) -> None:
    groups, gaps = told.get("groups") or {}, told.get("gaps") or {}
    hidden = ", its values personal" if told.get("personal") else ""
    sheet.heading("Fairness", f"by {column}{hidden}; groups below {told.get('min_rows')} rows are not judged")
    measures = list(gaps)
    rows: list[Sequence[Cell]] = []
    for name, figures in list(groups.items())[:GROUPS]:
        cells: list[Cell] = [(str(name), "name")]
        for place, measure in enumerate(measures):
            cells.append(_figure(figures.get(measure) or {}, sheet.width >= WIDE or place < 2))
        rows.append((*cells, count(figures.get("rows"))))
    titles = ("GROUP", *(SHORT.get(measure, measure.replace("_", " ")).upper() for measure in measures), "ROWS")
    sheet.table(titles, rows, frozenset({len(titles) - 1}))
    more = max(0, len(groups) - GROUPS) + int(told.get("left_out") or 0)
    if more:
        sheet.paragraph(f"and {more} smaller: y shows those on record", "dim")
    for measure, gap in gaps.items():
        sheet.pair(SHORT.get(measure, measure.replace("_", " ")), *_gap(gap), label_width=18)


def _figure(seen: dict[str, Any], interval: bool) -> Span:
    value = value_of(seen)
    if value is None:
        return (str(seen.get("note") or "-"), "dim")
    text = with_interval(seen) if interval else number(value)
    return (f"{text} few", "dim") if seen.get("small") else (text, "")


def _gap(gap: dict[str, Any]) -> list[Span | str]:
    apart = gap.get("difference")
    if not apart:
        return [(str(gap.get("note") or "not defined"), "dim")]
    said: list[Span | str] = [f"{brief(apart['value'])} apart [{brief(apart['low'])}, {brief(apart['high'])}]"]
    ratio = gap.get("ratio")
    if ratio:
        said.append(f", ratio {brief(ratio['value'])} [{brief(ratio['low'])}, {brief(ratio['high'])}]")
    said.append((f"; of {gap['judged']} groups {gap['lowest']} has the least, {gap['highest']} the most", "dim"))
    return said
