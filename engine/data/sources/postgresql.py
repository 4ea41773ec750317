"""A query over PostgreSQL, by psycopg, in a transaction that can only read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.data.sources.columns import need_distinct
from engine.settings.secrets import redacted
from store.errors import Refused, WorkFailed

if TYPE_CHECKING:
    import pyarrow as pa

    from engine.data.sources.since import Since

CONNECT_S = 10
BATCH_ROWS = 20_000
_WHOLE, _REAL, _TIME = ("int2", "int4", "int8"), ("float4", "float8", "numeric"), "timestamp"


def from_postgresql(source: str, query: str, password: str, since: Since | None) -> pa.Table:
    """Ask `postgresql://user@host/database`; without a credential libpq's own ways hold (PGPASSWORD, .pgpass).

    Raises:
        Refused: psycopg is absent, the server cannot be reached, or the query does not fit it.
        WorkFailed: the query failed on the way.
    """
    try:
        import psycopg
    except ImportError:
        raise Refused(f"source {source} needs psycopg", "pip install 'modeldeck[sources]'") from None

    shown = redacted(source)
    unfit = (psycopg.ProgrammingError, psycopg.NotSupportedError, psycopg.DataError)
    query = query.strip().rstrip(";")
    values: tuple[Any, ...] | None = None
    if since is not None:
        column = '"' + since.column.replace('"', '""').replace("%", "%%") + '"'
        query = f"SELECT * FROM ({query.replace('%', '%%')}\n) AS asked WHERE {column}::timestamp >= %s"
        values = (since.bound,)
    told: dict[str, Any] = {"password": password} if password else {}
    try:
        connection = psycopg.connect(source, connect_timeout=CONNECT_S, application_name="modeldeck", **told)
    except (psycopg.OperationalError, psycopg.ProgrammingError) as error:
        raise Refused(f"source {shown} cannot be reached: {_line(error, password)}", "see that it runs") from error
    with connection:
        connection.read_only = True
        try:
            with connection.cursor(name="modeldeck") as cursor:
                cursor.itersize = BATCH_ROWS
                cursor.execute(query.encode(), values)
                return _fetched(cursor, connection, source)
        except (*unfit, psycopg.errors.ReadOnlySqlTransaction) as error:
            raise Refused(f"source {shown} cannot be read: {_line(error, password)}", "correct [data] query") from error
        except psycopg.Error as error:
            raise WorkFailed(f"source {shown} failed: {_line(error, password)}", "see the server's log") from error


def _line(error: Exception, password: str) -> str:
    return redacted((str(error).strip().splitlines() or [type(error).__name__])[0], password)


def _fetched(cursor: Any, connection: Any, source: str) -> pa.Table:
    import pyarrow as pa

    batches: list[pa.RecordBatch] = []
    rows = cursor.fetchmany(BATCH_ROWS)
    names = [column.name for column in cursor.description]
    need_distinct(names, redacted(source))
    kinds = [_kind(connection, column.type_code) for column in cursor.description]
    schema = pa.schema(list(zip(names, kinds, strict=True)))
    while rows:
        columns = zip(*rows, strict=True)
        batches.append(
            pa.record_batch([_array(values, kind) for values, kind in zip(columns, kinds, strict=True)], schema=schema)
        )
        rows = cursor.fetchmany(BATCH_ROWS)
    return pa.Table.from_batches(batches, schema)


def _kind(connection: Any, code: int) -> pa.DataType:
    import pyarrow as pa

    found = connection.adapters.types.get(code)
    name = found.name if found else ""
    if name in _WHOLE:
        return pa.int64()
    if name in _REAL:
        return pa.float64()
    match name:
        case "bool":
            return pa.bool_()
        case "date" | "timestamp":
            return pa.timestamp("us")
        case "timestamptz":
            return pa.timestamp("us", "UTC")
    return pa.string()


def _array(values: tuple[Any, ...], kind: pa.DataType) -> pa.Array:
    import pyarrow as pa

    if pa.types.is_float64(kind):
        return pa.array([None if value is None else float(value) for value in values], kind)
    if pa.types.is_string(kind):
        return pa.array([value if value is None or isinstance(value, str) else str(value) for value in values], kind)
    if pa.types.is_timestamp(kind):
        return pa.array(
            [value if value is None or hasattr(value, "hour") else _midnight(value) for value in values], kind
        )
    return pa.array(values, kind)


def _midnight(day: Any) -> Any:
    import datetime as dt

    return dt.datetime(day.year, day.month, day.day)
