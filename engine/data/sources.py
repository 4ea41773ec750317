"""Sources as Arrow tables: CSV, Parquet and JSON by path or glob, SQL over them, or a function of the workspace."""

from __future__ import annotations

import difflib
import glob
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.model_io import code
from store.errors import ModeldeckError, Refused, WorkFailed

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from engine.workspace import Workspace

_READERS = {
    ".csv": "read_csv",
    ".tsv": "read_csv",
    ".parquet": "read_parquet",
    ".json": "read_json",
    ".jsonl": "read_json",
    ".ndjson": "read_json",
}
_SQL = re.compile(r"^\s*(select|with|from)\s", re.IGNORECASE)
_EXTENSION = re.compile(r"(requires|exists in) the .*extension")
_LOAD_BY_FUNCTION = 'load it in a function: source = "python:module:function"'
_URL = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)


def read_source(source: str, bundle: Path, workspace: Workspace) -> pa.Table:
    """Read a source whole.

    `bundle` is the extracted code bundle that `python:` sources come from; paths are relative to the workspace.

    Raises:
        WorkFailed: the function raised (its name and line are told), returned no table, or the query failed.
        Refused: no file of that name, an unknown kind of file, an unreadable one, or SQL that names what is not there.
    """
    if source.startswith(code.PREFIX):
        table = _from_function(source, bundle)
    elif _SQL.match(source):
        table = _from_sql(source, workspace)
    else:
        table = _from_files(source, workspace)
    _need_distinct(table.column_names, source)
    return table


def need_columns(table: pa.Table, columns: Sequence[str], source: str) -> None:
    """Refuse a table that lacks a column the settings name.

    Raises:
        Refused: naming the absent column and the closest one that is there.
    """
    there = table.column_names
    for name in columns:
        if name not in there:
            close = difflib.get_close_matches(name, there, n=1, cutoff=0.5)
            told = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(there)}"
            raise Refused(f"column {name!r} is not in {source}", told)


def _need_distinct(names: Sequence[str], source: str) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Refused(f"source {source} gives two columns named {twice[0]!r}", "rename or leave out one of them")


def _from_function(source: str, bundle: Path) -> pa.Table:
    import pyarrow as pa

    function = code.function(source, bundle)
    try:
        made = function()
    except ModeldeckError:
        raise
    except (Exception, SystemExit) as error:  # the user's code raises anything, and may try to leave
        raise WorkFailed(f"source {source} raised {code.told(error, bundle)}", "correct the function") from error
    if isinstance(made, pa.Table):
        return made
    if type(made).__name__ == "DataFrame" and hasattr(made, "columns"):
        return _from_frame(made, source)
    raise WorkFailed(f"source {source} returned {type(made).__name__}", "return a pandas DataFrame or a pyarrow Table")


def _from_frame(frame: Any, source: str) -> pa.Table:
    import pyarrow as pa

    if hasattr(frame, "to_arrow"):
        found: pa.Table = frame.to_arrow()
        return found
    _need_distinct([str(name) for name in frame.columns], source)
    try:
        return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        why = "; ".join(str(part) for part in reversed(error.args))
        raise WorkFailed(
            f"source {source} returned a column of mixed types: {' '.join(why.split())}", "give each column one type"
        ) from error


def _from_files(source: str, workspace: Workspace) -> pa.Table:
    if _URL.match(source):
        raise Refused(f"source {source} is a URL", _LOAD_BY_FUNCTION)
    place = (workspace.root / source).expanduser()
    reader = _READERS.get(Path(source.removesuffix(".gz")).suffix.lower())
    if reader is None:
        raise Refused(f"source {source} is of no known kind", f"known are {', '.join(_READERS)}")
    pattern = place.relative_to(workspace.root).as_posix() if place.is_relative_to(workspace.root) else None
    matches = [place] if place.is_file() else sorted(workspace.root.glob(pattern)) if pattern else []
    if not matches:
        raise Refused(
            f"source {source} does not exist in {workspace.root}", "put the file there or correct [data] source"
        )
    # DuckDB would read brackets in a name as a pattern once more, and take another file
    files = [glob.escape(str(match)) for match in matches]
    return _query(f"SELECT * FROM {reader}($files)", workspace, {"files": files}, f"source {source}")


def _from_sql(sql: str, workspace: Workspace) -> pa.Table:
    return _query(sql, workspace, {}, "the source's SQL")


def _query(sql: str, workspace: Workspace, values: dict[str, Any], named: str) -> pa.Table:
    import duckdb

    with connect(workspace.root) as connection:
        try:
            return connection.sql(sql, params=values or None).to_arrow_table()
        except duckdb.Error as error:
            line = str(error).strip().splitlines()[0].rstrip(".")
            if _EXTENSION.search(line):
                raise Refused(f"{named} needs an extension, which are off: {line}", _LOAD_BY_FUNCTION) from error
            if isinstance(error, duckdb.IOException | duckdb.ProgrammingError | duckdb.ConversionException):
                raise Refused(f"{named} cannot be read: {line}", "correct the file or [data] source") from error
            raise WorkFailed(f"{named} failed: {line}", "correct [data] source") from error


def connect(root: Path) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB in memory that loads no extension from the network; relative files are looked up in `root`."""
    import duckdb

    return duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "threads": "2",
            "file_search_path": str(root),
        },
    )
