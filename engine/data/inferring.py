"""Checks proposed from a first snapshot: what holds there, as a person would have written it down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.measures.profile import column_type, is_free_text
from engine.settings.checks import CheckSettings, ColumnCheck, FreshnessCheck, VolumeCheck

if TYPE_CHECKING:
    import pyarrow as pa

    from engine.settings.model import ModelSettings

FEW_VALUES = 20  # so many values of a text column are a closed set
SEEN_EACH = 5  # rows per value, at least
SLACK = 0.5  # of the span, which numbers may leave it by before it is told
HALF = 0.5
AGES = 3.0


def infer(table: pa.Table, settings: ModelSettings, age_s: float | None) -> CheckSettings:
    """Propose checks that this table holds to; `age_s` is how old its newest row was when it was taken.

    Types, nulls where there were none and a unique id are errors; ranges, closed sets, volume and freshness warn: what
    is outside them may be news rather than a fault. Nothing is said of the values of personal columns.
    """
    data = settings.data
    columns = {
        name: _column(table.column(name), personal=name in data.personal, identity=name == data.id_column)
        for name in table.column_names
    }
    fresh = (
        FreshnessCheck(max(AGES * age_s, 86_400.0), "warning") if age_s is not None and age_s < 30 * 86_400 else None
    )
    return CheckSettings(columns=columns, rows=VolumeCheck(vs_last=HALF, severity="warning"), fresh=fresh)


def _column(column: pa.ChunkedArray, *, personal: bool, identity: bool) -> ColumnCheck:
    import pyarrow.compute as pc

    kind = column_type(column.type) or ""
    low = high = None
    values: tuple[str, ...] = ()
    present = column.drop_null()
    if kind in ("double", "long") and len(present) and not personal:
        span = pc.min_max(present).as_py()
        slack = SLACK * (span["max"] - span["min"])
        low, high = (_rounded(bound, kind) for bound in (span["min"] - slack, span["max"] + slack))
        if span["min"] >= 0:
            low = max(low, 0)
    if kind == "string" and len(present) and not personal and not is_free_text(column):
        counts = pc.value_counts(present).to_pylist()
        if len(counts) <= FEW_VALUES and len(present) >= SEEN_EACH * len(counts):
            values = tuple(sorted(one["values"] for one in counts))
    return ColumnCheck(
        type=kind,
        min=low,
        max=high,
        nulls=None if column.null_count else 0.0,
        unique=identity and pc.count_distinct(present).as_py() == len(column),
        values=values,
        warn=("range", "values"),
    )


def _rounded(bound: float, kind: str) -> float:
    return round(bound) if kind == "long" else float(f"{bound:.4g}")
