"""A query over an SQLite file, by the standard library, which opens it for reading only."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from engine.data.sources.columns import need_distinct
from store.errors import Refused, WorkFailed

if TYPE_CHECKING:
    import pyarrow as pa

    from engine.data.sources.since import Since

_WRONG = (sqlite3.ProgrammingError, sqlite3.DatabaseError)


def from_sqlite(source: str, query: str, root: Path, since: Since | None) -> pa.Table:
    """Ask `sqlite:PATH` (relative to the workspace) or `sqlite:///PATH`. Times are ISO 8601 text.

    Raises:
        Refused: there is no such file, it is no database, or the query does not fit it.
        WorkFailed: a column holds values of several types.
    """
    path = Path(os.path.normpath(root / Path(source.removeprefix("sqlite:").removeprefix("//")).expanduser()))
    if not path.is_file():
        raise Refused(f"source {source} does not exist", f"expected {path}")
    values: tuple[str, ...] = ()
    query = query.strip().rstrip(";")
    if since is not None:
        column = '"' + since.column.replace('"', '""') + '"'
        query = f"SELECT * FROM ({query}\n) WHERE {column} IS NULL OR {column} >= ?"
        values = (since.bound.date().isoformat(),)
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=30)) as connection:
            cursor = connection.execute(query, values)
            names = [item[0] for item in cursor.description or ()]
            rows = cursor.fetchall()
    except _WRONG as error:
        raise Refused(f"source {source} cannot be read: {error}", "correct [data] source or query") from error
    return table_of(names, rows, source)


def table_of(names: list[str], rows: list[tuple[Any, ...]], source: str) -> pa.Table:
    """Build a table of rows whose columns say no type.

    Raises:
        WorkFailed: a column holds values of several types.
    """
    import pyarrow as pa

    need_distinct(names, source)
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return pa.table({name: _array(name, values, source) for name, values in zip(names, columns, strict=True)})


def _array(name: str, values: tuple[Any, ...], source: str) -> pa.Array:
    import pyarrow as pa

    kinds = {type(value) for value in values} - {type(None)}
    if kinds == {int, float}:
        return pa.array([None if value is None else float(value) for value in values])
    if len(kinds) > 1:
        told = " and ".join(sorted(kind.__name__ for kind in kinds))
        raise WorkFailed(
            f"source {source} gives a column of mixed types: {name!r} holds {told}", "cast it in the query"
        )
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, OverflowError) as error:
        raise WorkFailed(f"source {source}: column {name!r}: {error}", "cast it in the query") from error
