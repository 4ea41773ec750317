"""The one form that rows are kept in: plain types, times in microseconds, a total order, and bytes that follow."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from engine.measures.profile import column_type
from engine.model_io.rows import times_us
from engine.settings.secrets import redacted
from store.errors import Refused, WorkFailed
from store.rows import rfc3339

if TYPE_CHECKING:
    import pyarrow as pa

    from engine.settings.data import DataSettings


def canonical(table: pa.Table, time_column: str | None) -> pa.Table:
    """Bring a table into the one form that its rows have: plain types, times in microseconds, a total order of rows.

    A number that is not finite becomes null.

    Raises:
        Refused: a column holds something that is no number, text, yes/no or time, or times that do not parse.
    """
    import pyarrow as pa

    columns = {
        name: _plain(name, table.column(name), is_time=name == time_column) for name in sorted(table.column_names)
    }
    made = pa.table(columns)
    keys = ([time_column] if time_column else []) + [name for name in made.column_names if name != time_column]
    ordered = made.sort_by([(name, "ascending") for name in keys])
    return ordered.select(table.column_names).combine_chunks()


def _plain(name: str, column: pa.ChunkedArray, *, is_time: bool) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_null(column.type):
        return column.cast(pa.string())
    kind = column_type(column.type)
    if kind == "string" and is_time:
        return _parsed(name, column)
    match kind:
        case "double":
            numbers = column.cast(pa.float64())
            return pc.if_else(pc.is_finite(numbers), numbers, None)  # no JSON, and so no request, can say the others
        case "long":
            try:
                return column.cast(pa.int64())
            except pa.ArrowInvalid as error:
                raise Refused(
                    f"column {name!r} holds whole numbers beyond 64 bits", "make it text or double"
                ) from error
        case "boolean":
            return column
        case "datetime":
            zoned = getattr(column.type, "tz", None)
            return column.cast(pa.timestamp("us", "UTC" if zoned else None), safe=False)
        case "string":
            return pc.cast(column, pa.string())
    raise Refused(f"column {name!r} holds {column.type}", "give numbers, text, true/false or times, or leave it out")


def _parsed(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Read times written as text, all with an offset or all without one."""
    import pandas as pd
    import pyarrow as pa

    try:
        times = pd.to_datetime(column.to_pandas(), format="ISO8601")
    except (ValueError, TypeError) as error:
        raise Refused(
            f"the time column {name!r} holds text that is no time", "write 2026-01-31 or 2026-01-31T14:00:00Z"
        ) from error
    zoned = times.dt.tz is not None
    plain = times.dt.tz_convert("UTC").dt.tz_localize(None) if zoned else times
    array = pa.array(plain.to_numpy().astype("datetime64[us]"), type=pa.timestamp("us"))
    return pa.chunked_array([array.cast(pa.timestamp("us", "UTC")) if zoned else array])


def before(table: pa.Table, data: DataSettings, until_us: int | None, zone: str) -> pa.Table:
    """Keep the rows before a time.

    Raises:
        Refused: there is no time column to go by.
        WorkFailed: no row is that early.
    """
    if until_us is None:
        return table
    if data.time_column is None:
        raise Refused("rows cannot be taken until a time", "name [data] time_column")
    import pyarrow as pa

    times = times_us(table.column(data.time_column), zone)
    kept = table.filter(pa.array(times < until_us))
    if not kept.num_rows:
        raise WorkFailed(
            f"source {redacted(data.source)} has no rows before {rfc3339(until_us)}",
            f"its first is of {rfc3339(int(times.min()))}",
        )
    return kept


def parquet_bytes(table: pa.Table) -> bytes:
    """Return Parquet bytes that depend on nothing but the rows."""
    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(
        table.replace_schema_metadata(None), out, compression="zstd", store_schema=True, row_group_size=1 << 20
    )
    return out.getvalue()
