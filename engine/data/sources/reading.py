"""Reads any source whole, or what of it is newer than a time."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.model_io import code
from engine.settings.secrets import redacted, secret_of
from store.errors import Refused

if TYPE_CHECKING:
    import pyarrow as pa

    from engine.workspace import Workspace

SLACK = dt.timedelta(days=2)  # whatever zone a source's times are in, nothing newer is left out


@dataclass(frozen=True, slots=True)
class Since:
    """From when on rows are wanted: a source may give older ones, never leave newer ones out."""

    column: str
    at_us: int

    @property
    def bound(self) -> dt.datetime:
        """A time, without offset and meant as UTC, that is safely before in any zone."""
        return dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=self.at_us) - SLACK

    @property
    def at(self) -> dt.datetime:
        """The time itself, in UTC."""
        return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=self.at_us)


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
            raise Refused(f"column {name!r} is not in {redacted(source)}", told)


def need_distinct(names: Sequence[str], source: str) -> None:
    """Refuse a table of which two columns have one name.

    Raises:
        Refused: naming it.
    """
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Refused(f"source {source} gives two columns named {twice[0]!r}", "rename or leave out one of them")
