"""A model's rows as its settings describe them: the source, what is joined to it, the columns that are used."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.data.canonical import canonical
from engine.data.joins import join_as_of, read_canonical
from engine.data.sources import Since, need_columns, read_source
from engine.settings.secrets import redacted
from store.errors import WorkFailed

if TYPE_CHECKING:
    import pyarrow as pa

    from engine.settings.data import DataSettings, JoinSettings
    from engine.workspace import Workspace


def gather(
    data: DataSettings,
    bundle: Path,
    workspace: Workspace,
    zone: str,
    since: Since | None = None,
    compared: Sequence[str] = (),
) -> pa.Table:
    """Return the rows in canonical form, every join made. With `since` older rows may be left out, and none may be.

    `compared` are columns that are kept although the model may not read them.

    Raises:
        WorkFailed: a source raised, or gave no rows. Refused: a source cannot be read, or a named column is absent.
    """
    table = read_source(data.source, bundle, workspace, query=data.query, secret=data.secret, since=since)
    if not table.num_rows:
        if since is not None:
            return table
        raise WorkFailed(f"source {redacted(data.source)} gave no rows", "look at what it reads")
    if data.joins:
        assert data.time_column is not None  # as the settings' own check has it
        need_columns(table, [data.time_column], data.source)
        table = canonical(table, data.time_column)
        for join in data.joins:
            table = join_as_of(table, _other(join, bundle, workspace), join, data.time_column, zone)
    return canonical(select(table, data, compared), data.time_column)


def _other(join: JoinSettings, bundle: Path, workspace: Workspace) -> pa.Table:
    other = read_source(join.source, bundle, workspace, query=join.query, secret=join.secret)
    if not other.num_rows:
        raise WorkFailed(f"join {join.name}: source {redacted(join.source)} gave no rows", "look at what it reads")
    return read_canonical(other, join)


def select(table: pa.Table, data: DataSettings, compared: Sequence[str] = ()) -> pa.Table:
    """Keep the columns that the settings use.

    Raises:
        Refused: one of them is absent; the closest name is told.
    """
    named = [data.target, data.time_column, data.id_column, data.group, *data.features, *compared]
    need_columns(table, [name for name in named if name], data.source)
    if not data.features:
        return table
    kept = {name for name in named if name}
    return table.select([name for name in table.column_names if name in kept])


def origin_of(data: DataSettings) -> str:
    """Return in one text where the rows are from; never a credential."""
    return " + ".join(redacted(one) for one in (data.source, *(join.source for join in data.joins)))
