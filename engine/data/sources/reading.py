"""Reads any source whole, or what of it is newer than a time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.data.sources.columns import need_distinct
from engine.data.sources.since import Since
from engine.model_io import code
from engine.settings.secrets import redacted, secret_of

if TYPE_CHECKING:
    import pyarrow as pa

    from engine.workspace import Workspace


def read_source(
    source: str, bundle: Path, workspace: Workspace, *, query: str = "", secret: str = "", since: Since | None = None
) -> pa.Table:
    """Read a source.

    `bundle` is the extracted code bundle that `python:` sources come from; paths are relative to the workspace.
    `query` is what a database is asked, `secret` where its credential lies (`env:NAME`, `file:PATH`).

    Raises:
        WorkFailed: the function raised (its name and line are told), returned no table, or the query failed.
        Refused: no file of that name, an unknown kind of file, an unreadable one, a server that cannot be reached,
            SQL that names what is not there, or a credential that is not where it should be.
    """
    credential = secret_of(secret, workspace.root) if secret else ""
    kind = source.partition(":")[0].lower()
    if source.startswith(code.PREFIX):
        from engine.data.sources.functions import from_function

        table = from_function(source, bundle, since)
    elif kind == "sqlite":
        from engine.data.sources.sqlite import from_sqlite

        table = from_sqlite(source, query, workspace.root, since)
    elif kind in ("postgresql", "postgres"):
        from engine.data.sources.postgresql import from_postgresql

        table = from_postgresql(source, query, credential, since)
    elif "://" in source and not is_sql(source):
        from engine.data.sources.urls import from_url

        table = from_url(source, credential, workspace, since)
    else:
        from engine.data.sources.files import from_files, from_sql

        table = from_sql(source, workspace, since) if is_sql(source) else from_files(source, workspace, since)
    need_distinct(table.column_names, redacted(source))
    return table


def is_sql(source: str) -> bool:
    """Say whether a source is a query over files."""
    return source.split(maxsplit=1)[0].lower() in ("select", "with", "from") and len(source.split(maxsplit=1)) > 1
