"""Files and SQL over them, by DuckDB."""

from __future__ import annotations

import csv
import glob
import gzip
import itertools
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store.errors import Refused, WorkFailed

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from engine.data.sources.since import Since
    from engine.workspace import Workspace

_READERS = {
    ".csv": "read_csv",
    ".tsv": "read_csv",
    ".parquet": "read_parquet",
    ".json": "read_json",
    ".jsonl": "read_json",
    ".ndjson": "read_json",
}
_RENAMED = re.compile(r"(.+)_\d+")
_EXTENSION = re.compile(r"(requires|exists in) the .*extension")
_LOAD_BY_FUNCTION = 'load it in a function: source = "python:module:function"'


def from_files(source: str, workspace: Workspace, since: Since | None) -> pa.Table:
    """Read one file or all that a pattern matches.

    Raises:
        Refused: there is none, it is of no known kind, or cannot be read.
    """
    place = (workspace.root / source).expanduser()
    reader_of(source)
    pattern = place.relative_to(workspace.root).as_posix() if place.is_relative_to(workspace.root) else None
    matches = [place] if place.is_file() else sorted(workspace.root.glob(pattern)) if pattern else []
    if not matches:
        raise Refused(
            f"source {source} does not exist in {workspace.root}", "put the file there or correct [data] source"
        )
    return read_paths(matches, source, workspace, since)


def read_paths(
    paths: list[Path], source: str, workspace: Workspace, since: Since | None, shown: str | None = None
) -> pa.Table:
    """Read files of one kind together; `shown` is what their source is called when that fails."""
    # DuckDB would read brackets in a name as a pattern once more, and take another file
    files = [glob.escape(str(path)) for path in paths]
    sql = f"SELECT * FROM {reader_of(source)}($files)"
    table = _query(sql, workspace, {"files": files}, f"source {shown or source}", since)
    _refuse_renamed(paths[0], table.column_names, shown or source)
    return table


def _refuse_renamed(path: Path, names: list[str], shown: str) -> None:
    """Refuse a file of which two columns have one name: DuckDB, to which letters' case is one, calls the second `x_1`.

    Raises:
        Refused: naming them.
    """
    known = {name.casefold() for name in names}
    if not any((found := _RENAMED.fullmatch(name)) and found[1].casefold() in known for name in names):
        return
    first: dict[str, str] = {}
    for name in _written_names(path):
        before = first.pop(name.casefold(), None)
        first[name.casefold()] = name
        if before is not None:
            told = f"two columns named {name!r}" if before == name else f"columns named {before!r} and {name!r}"
            more = "" if before == name else ", which SQL takes for one"
            raise Refused(f"source {shown} gives {told}{more}", "rename or leave out one of them")


def _written_names(path: Path) -> list[str]:
    """Return the names of columns as a file itself has them; none where it has no line of them."""
    suffix = Path(path.name.removesuffix(".gz")).suffix.lower()
    if suffix == ".parquet":
        import pyarrow.parquet as pq

        return list(pq.read_schema(path).names)
    if suffix not in (".csv", ".tsv"):
        return []
    import duckdb

    sql = "SELECT Delimiter, Quote, HasHeader, SkipRows FROM sniff_csv($file)"
    with duckdb.connect() as connection:
        delimiter, quote, has_header, skipped = connection.execute(sql, {"file": glob.escape(str(path))}).fetchone()
    if not has_header:
        return []
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as file:
        told = {"quotechar": quote} if len(quote or "") == 1 else {"quoting": csv.QUOTE_NONE}
        rows = csv.reader(file, delimiter=delimiter, **told)
        return next(itertools.islice(rows, int(skipped or 0), None), [])


def reader_of(source: str) -> str:
    """Return the DuckDB function that reads a kind of file.

    Raises:
        Refused: it is of no known kind.
    """
    reader = _READERS.get(Path(source.removesuffix(".gz")).suffix.lower())
    if reader is None:
        raise Refused(f"source {source} is of no known kind", f"known are {', '.join(_READERS)}")
    return reader


def from_sql(sql: str, workspace: Workspace, since: Since | None) -> pa.Table:
    """Run a query over files.

    Raises:
        Refused: it names what is not there, or needs an extension. WorkFailed: it failed.
    """
    return _query(sql.strip().rstrip(";"), workspace, {}, "the source's SQL", since)


def _query(sql: str, workspace: Workspace, values: dict[str, Any], named: str, since: Since | None) -> pa.Table:
    import duckdb

    with connect(workspace.root) as connection:
        try:
            if since is not None:
                column = '"' + since.column.replace('"', '""') + '"'
                time = f"TRY_CAST({column} AS TIMESTAMP)"
                sql = f"SELECT * FROM ({sql}\n) WHERE {time} IS NULL OR {time} >= $since"
                values = {**values, "since": since.bound}
            return _run(connection, sql, values)
        except duckdb.Error as error:
            line = str(error).strip().splitlines()[0].rstrip(".")
            if _EXTENSION.search(line):
                raise Refused(f"{named} needs an extension, which are off: {line}", _LOAD_BY_FUNCTION) from error
            if isinstance(error, duckdb.IOException | duckdb.ProgrammingError | duckdb.ConversionException):
                raise Refused(f"{named} cannot be read: {line}", "correct the file or [data] source") from error
            raise WorkFailed(f"{named} failed: {line}", "correct [data] source") from error


def _run(connection: duckdb.DuckDBPyConnection, sql: str, values: dict[str, Any]) -> pa.Table:
    """Return a query's rows. A relation of it would find out twice what a file holds: when made, and when read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a copy, which takes no more memory at its peak than a relation does
        return connection.execute(sql, values or None).to_arrow_table()


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
