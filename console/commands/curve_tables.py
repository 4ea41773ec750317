"""Which columns a list of the curves of runs shows."""

from __future__ import annotations

from console.commands.values import count, number
from console.output import Column
from console.render.spark import sparkline
from engine.operations.runs import RunCurve

DRAWN = 24  # cells of a curve


def _known(row: RunCurve) -> list[float]:
    return [value for value in row.values if value is not None]


CURVES = (
    Column("run", lambda row, out: out.short(row.run)),
    Column("metric", lambda row, _: row.metric, shrink=True),
    Column("steps", lambda row, _: count(row.points), right=True),
    Column("first", lambda row, _: number(next(iter(_known(row)), None)), right=True),
    Column("last", lambda row, _: number(next(iter(reversed(_known(row))), None)), right=True),
    Column("least", lambda row, _: number(min(_known(row), default=None)), right=True),
    Column("greatest", lambda row, _: number(max(_known(row), default=None)), right=True),
    Column("curve", lambda row, _: sparkline(row.values, min(DRAWN, len(row.values)))),
)

CURVE_COLUMNS: dict[type, tuple[Column, ...]] = {RunCurve: CURVES}
