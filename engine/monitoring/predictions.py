"""Reads the prediction log: collected Parquet through DuckDB, and the segments not collected yet.

Columns are the fixed ones of a log line, then `features.<name>` and `outputs.<name>`. One row per prediction id. Times
are microseconds UTC; spans are half open, `from_us <= t < to_us`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from engine.monitoring import duplicates
from engine.monitoring.collect import Types
from engine.monitoring.columns import FIXED, to_table
from engine.monitoring.layout import parts
from engine.monitoring.live import live_stats
from engine.monitoring.uncollected import uncollected_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.deck import Deck

__all__ = ["By", "connect", "count_by_window", "live_stats", "read", "read_versions"]

By = Literal["received", "event"]
ATTEMPTS = 5  # a merge may take a file away between listing and reading it


def connect() -> Any:
    """Open DuckDB in memory; it neither downloads nor loads extensions by itself."""
    import duckdb

    return duckdb.connect(
        config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "threads": 2}
    )


def read(
    deck: Deck,
    model: str,
    from_us: int | None = None,
    to_us: int | None = None,
    version: int | None = None,
    by: By = "received",
    *,
    kinds: Sequence[str] = ("live",),
    columns: Sequence[str] | None = None,
) -> pa.Table:
    """Return logged rows of a model, oldest first; refused and failed requests are rows too (`status` != 200).

    Without `version`, columns that differ in type between versions come out as text.
    """
    found = read_versions(deck, model, from_us, to_us, by, kinds=kinds, columns=columns)
    if version is not None:
        return found.get(version, _empty(columns))
    tables = list(found.values())
    if not tables:
        return _empty(columns)
    return united(tables).sort_by(time_column(by))


def read_versions(
    deck: Deck,
    model: str,
    from_us: int | None = None,
    to_us: int | None = None,
    by: By = "received",
    *,
    kinds: Sequence[str] = ("live",),
    columns: Sequence[str] | None = None,
) -> dict[int, pa.Table]:
    """Return version -> its logged rows, oldest first, in one scan; see `read`."""
    wanted = (
        None if columns is None else list(dict.fromkeys([*columns, "prediction_id", "received_at", time_column(by)]))
    )
    condition, values = _condition(from_us, to_us, by, kinds)
    for attempt in range(ATTEMPTS):
        # Segments first: what is collected meanwhile is then found in Parquet, and twice is once per id.
        fresh = fresh_rows(deck, model, from_us, to_us, by, kinds)
        span = (from_us, to_us) if by == "received" else (None, None)
        collected = parts(deck.workspace, model, *span)
        try:
            tables = {one: _scan(paths, condition, values, wanted) for one, paths in collected.items()}
        except FileNotFoundError:
            if attempt == ATTEMPTS - 1:
                raise
            continue
        break
    for one, table in fresh.items():
        slim = table if wanted is None else table.select([name for name in wanted if name in table.column_names])
        tables[one] = united([tables[one], slim]) if one in tables else slim
    kept = one_per_id({one: table for one, table in tables.items() if len(table)})
    return {one: table.sort_by(time_column(by)) for one, table in sorted(kept.items()) if len(table)}


def count_by_window(
    deck: Deck, model: str, window_us: int, by: By, *, kinds: Sequence[str] = ("live",)
) -> dict[tuple[int, int], tuple[int, int]]:
    """Return (version, window number) -> (rows, newest `received_at`) over the whole log, reading two columns of it.

    A window number is the time divided by `window_us`. Rows without an event time fall in no window by event.
    """
    columns = ["received_at", time_column(by)]
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for version, table in read_versions(deck, model, by=by, kinds=kinds, columns=columns).items():
        timed = table.filter(pc.is_valid(table[time_column(by)]))
        numbers = pc.floor(pc.divide(pc.cast(timed[time_column(by)], pa.float64()), float(window_us))).cast(pa.int64())
        grouped = pa.table({"number": numbers, "received_at": timed["received_at"]}).group_by("number")
        for row in grouped.aggregate([("received_at", "count"), ("received_at", "max")]).to_pylist():
            found[version, row["number"]] = (row["received_at_count"], row["received_at_max"])
    return found


def time_column(by: By) -> str:
    """Return the column that windows go by."""
    return "received_at" if by == "received" else "event_at"


def _condition(from_us: int | None, to_us: int | None, by: By, kinds: Sequence[str]) -> tuple[str, list[Any]]:
    terms, values = [f"kind IN ({', '.join('?' * len(kinds))})"], list[Any](kinds)
    for sign, bound in ((">=", from_us), ("<", to_us)):
        if bound is not None:
            terms.append(f"{time_column(by)} {sign} ?")
            values.append(bound)
    return " AND ".join(terms), values


def _scan(paths: list[Path], condition: str, values: list[Any], columns: list[str] | None) -> pa.Table:
    import duckdb

    quoted = "*" if columns is None else ", ".join('"' + name.replace('"', '""') + '"' for name in columns)
    with connect() as connection:
        try:
            relation = connection.sql(
                f"SELECT {quoted} FROM read_parquet(?, union_by_name = true) WHERE {condition}",
                params=[[str(path) for path in paths], *values],
            )
            return relation.to_arrow_table()
        except duckdb.IOException as error:
            if all(path.exists() for path in paths):
                raise
            raise FileNotFoundError(str(error)) from error


def fresh_rows(
    deck: Deck, model: str, from_us: int | None, to_us: int | None, by: By, kinds: Sequence[str]
) -> dict[int, pa.Table]:
    """Return version -> rows of a model in the span that are not collected yet."""
    groups: dict[int, list[dict[str, Any]]] = {}
    for row in uncollected_rows(deck.workspace, model):
        at = row.get(time_column(by))
        inside = (from_us is None or (at is not None and at >= from_us)) and (
            to_us is None or (at is not None and at < to_us)
        )
        if inside and row.get("kind") in kinds:
            groups.setdefault(int(row.get("version") or 0), []).append(row)
    types = Types(deck)
    return {version: to_table(rows, types.of(model, version)) for version, rows in groups.items()}


def one_per_id(tables: dict[int, pa.Table]) -> dict[int, pa.Table]:
    """Drop repeated ids, across versions too: a retried request may have reached another version's server first."""
    if not tables:
        return {}
    ids = pa.chunked_array([chunk for table in tables.values() for chunk in table["prediction_id"].chunks], pa.string())
    if not duplicates.duplicated(ids):
        return tables
    received = pa.chunked_array([chunk for table in tables.values() for chunk in table["received_at"].chunks])
    kept = duplicates.newest(ids, received)
    result, start = {}, 0
    for version, table in tables.items():
        rows = kept[(kept >= start) & (kept < start + len(table))] - start
        result[version] = table.take(pa.array(rows))
        start += len(table)
    return result


def united(tables: list[pa.Table]) -> pa.Table:
    """Return tables as one; a column of several types comes out as text."""
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        kinds: dict[str, set[Any]] = {}
        for table in tables:
            for field in table.schema:
                kinds.setdefault(field.name, set()).add(field.type)
        return pa.concat_tables([_texts(table, kinds) for table in tables], promote_options="permissive")


def _texts(table: pa.Table, kinds: dict[str, set[Any]]) -> pa.Table:
    for number, name in enumerate(table.column_names):
        if len(kinds[name] - {pa.null()}) > 1:
            table = table.set_column(number, name, pc.cast(table[name], pa.string()))
    return table


def _empty(columns: Sequence[str] | None) -> pa.Table:
    names = FIXED if columns is None else {name: FIXED.get(name, pa.null()) for name in columns}
    return pa.table({name: pa.array([], kind) for name, kind in names.items()})
