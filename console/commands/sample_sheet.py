"""Rows of a snapshot as the command line writes them: a table where it fits, else one row after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from console.output import GAP, Column, Output, natural, plain
from console.render.samples import hidden, told, word
from engine.operations.data import DataSample, SampledRow

LEAST_CELL = 8  # of a column; narrower ones tell nothing


def sample(answer: DataSample, out: Output) -> None:
    """Write the rows on stdout; which they are, and what is masked, on stderr."""
    short = answer.snapshot.removeprefix("sha256:")[:12]
    out.note(f"{told(answer)} of {answer.model}'s snapshot {short}")
    if answer.masked:
        out.note(hidden(answer))
    if not answer.sample:
        return
    if _fits(answer, out):
        out.table((Column("row", lambda row, _: str(row.number), right=True), *_columns(answer)), answer.sample)
        return
    for place, one in enumerate(answer.sample):
        if place:
            out.line("")
        shown = [(plain(name), word(value)) for name, value in zip(answer.columns, one.values, strict=True)]
        out.pairs([("row", str(one.number)), *shown])


def _columns(answer: DataSample) -> list[Column]:
    return [
        Column(
            plain(name),
            _cell(place),
            right=all(isinstance(one.values[place], int | float | None) for one in answer.sample),
            shrink=True,
        )
        for place, name in enumerate(answer.columns)
    ]


def _cell(place: int) -> Callable[[Any, Output], str]:
    return lambda row, _: word(row.values[place])


def _fits(answer: DataSample, out: Output) -> bool:
    """Say whether a line holds a row; piped, a table is for who cuts its columns, however wide."""
    if not out.fits:
        return True
    rows: tuple[SampledRow, ...] = answer.sample
    cells = [[plain(word(one.values[place])) for one in rows] for place in range(len(answer.columns))]
    widths = natural(list(answer.columns), cells)
    return len(GAP) * len(widths) + LEAST_CELL + sum(widths) <= out.width()
