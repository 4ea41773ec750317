"""What a table holds, column by column: kind, nulls, distinct values, range. Never a value of a personal column."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

LONG_TEXT = 40  # mean characters from which free text is told from categories
DISTINCT_TEXT = 0.5  # or this share of distinct values


def column_type(kind: pa.DataType) -> str | None:
    """Return the signature type of an Arrow type: double, long, string, boolean, datetime; None for others."""
    if pa.types.is_dictionary(kind):
        return column_type(kind.value_type)
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind):
        return "long"
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "double"
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return "datetime"
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return "string"
    return None


def is_free_text(column: pa.ChunkedArray) -> bool:
    """Say whether a text column holds sentences rather than categories."""
    present = column.drop_null()
    if not len(present):
        return False
    mean_length = pc.mean(pc.utf8_length(present)).as_py()
    spaces = pc.mean(pc.cast(pc.match_substring(present, " "), pa.float64())).as_py()
    distinct = pc.count_distinct(present).as_py() / len(present)
    return bool(spaces > 0.5 and (mean_length >= LONG_TEXT or distinct >= DISTINCT_TEXT))


def profile(table: pa.Table) -> list[dict[str, Any]]:
    """Return `{"name", "type", "nulls", "distinct"}` per column, with `min`, `max`, `mean` for numbers."""
    return [_column(name, table.column(name)) for name in table.column_names]


def _column(name: str, column: pa.ChunkedArray) -> dict[str, Any]:
    kind = column_type(column.type) or str(column.type)
    found: dict[str, Any] = {
        "name": name,
        "type": kind,
        "nulls": column.null_count,
        "distinct": pc.count_distinct(column).as_py(),
    }
    if kind in ("double", "long") and column.null_count < len(column):
        span = pc.min_max(column).as_py()
        found.update(min=float(span["min"]), max=float(span["max"]), mean=float(pc.mean(column).as_py()))
    return found
