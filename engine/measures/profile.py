"""What a table holds, column by column: kind, nulls, distinct values, range. Never a value of a personal column."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

LONG_TEXT = 40  # mean characters from which free text is told from categories
DISTINCT_TEXT = 0.5  # or this share of distinct values
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
TOP = 5


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
    """Return `{"name", "type", "nulls", "distinct"}` per column, and what its kind has beside.

    Numbers have `min`, `max`, `mean` and `quantiles` at `QUANTILES`; times `min` and `max` as RFC 3339 text; categories
    and yes/no `top`, the commonest `TOP` values as `[value, rows]`; free text `characters`, its mean length.
    """
    return [_column(name, table.column(name)) for name in table.column_names]


def _column(name: str, column: pa.ChunkedArray) -> dict[str, Any]:
    kind = column_type(column.type) or str(column.type)
    found: dict[str, Any] = {
        "name": name,
        "type": kind,
        "nulls": column.null_count,
        "distinct": pc.count_distinct(column).as_py(),
    }
    more = _FIGURES.get(kind)
    if more is not None and column.null_count < len(column):
        found.update(more(column))
    return found


def _numbers(column: pa.ChunkedArray) -> dict[str, Any]:
    span = pc.min_max(column).as_py()
    quantiles = pc.quantile(column.cast(pa.float64(), safe=False), q=list(QUANTILES)).to_pylist()
    told = {"min": float(span["min"]), "max": float(span["max"]), "mean": float(pc.mean(column).as_py())}
    return {**told, "quantiles": quantiles}


def _times(column: pa.ChunkedArray) -> dict[str, Any]:
    if pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("us"))
    span = pc.min_max(column.cast(pa.timestamp("us", column.type.tz), safe=False)).as_py()
    return {name: span[name].isoformat() for name in ("min", "max")}


def _texts(column: pa.ChunkedArray) -> dict[str, Any]:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if is_free_text(column):
        return {"characters": float(pc.mean(pc.utf8_length(column)).as_py())}
    return _top(column)


def _top(column: pa.ChunkedArray) -> dict[str, Any]:
    counted = [(one["counts"], one["values"]) for one in pc.value_counts(column.drop_null()).to_pylist()]
    common = sorted((-count, str(value), value) for count, value in counted if count > 1)  # once is not common
    return {"top": [[value, -count] for count, _, value in common[:TOP]]}


_FIGURES: dict[str, Callable[[pa.ChunkedArray], dict[str, Any]]] = {
    "double": _numbers,
    "long": _numbers,
    "datetime": _times,
    "string": _texts,
    "boolean": _top,
}
