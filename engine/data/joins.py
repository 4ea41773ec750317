"""Point-in-time joins: each row takes from another source what was known at the row's own time, never later."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.data.canonical import canonical
from engine.data.sources import need_columns
from engine.data.sources.files import connect
from engine.measures.profile import column_type
from engine.model_io.rows import times_us
from engine.settings.secrets import redacted
from store.errors import ModeldeckError, Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from engine.settings.data import JoinSettings

_US = 1_000_000
KNOWN = "event.at >= known.known_at"  # what makes the join one of its point in time


def join_as_of(table: pa.Table, other: pa.Table, join: JoinSettings, time_column: str, zone: str) -> pa.Table:
    """Return `table` with the columns of `other` that were known at each row's `time_column`, nulls where none was.

    A row of `other` is known from its own time plus `delay_s` on; of several the newest is taken, and none that is
    more than `max_age_s` old at the event. Both tables are canonical; times without an offset are in `zone`.

    Raises:
        Refused: a column is absent, taken already, of another type on the other side, or the times do not parse.
    """
    import pyarrow as pa

    named = f"join {join.name}"
    need_columns(other, [join.time_column, *join.on, *join.columns], redacted(join.source))
    need_columns(table, join.on, "[data] source")
    taken = [*join.columns] or [name for name in other.column_names if name not in (join.time_column, *join.on)]
    given = {name: join.prefix + name for name in taken}
    for name in given.values():
        if name in table.column_names:
            raise Refused(
                f"{named} gives a column {name!r} that is there already", f"give [joins.{join.name}] a prefix"
            )
    for name in join.on:
        here, there = (column_type(side.schema.field(name).type) for side in (table, other))
        if here != there and {here, there} != {"long", "double"}:
            raise Refused(f"{named}: column {name!r} is {here} here and {there} there", "bring both to one type")
    at = pa.array(times_us(table.column(time_column), zone))
    known = times_us(other.column(join.time_column), zone)
    keys = [f"key{place}" for place in range(len(join.on))]
    events = pa.table({"place": pa.array(range(table.num_rows)), "at": at, **_named(table, join.on, "key")})
    knowns = pa.table(
        {
            "seen_at": pa.array(known),
            "known_at": pa.array(known + round(join.delay_s * _US)),
            **_named(other, join.on, "key"),
            **_named(other, taken, "value"),
        }
    )
    with connect(Path()) as connection:
        connection.register("events", events)
        connection.register("knowns", knowns)
        found = connection.sql(_sql(keys, len(taken), join.max_age_s)).to_arrow_table()
    for place, name in enumerate(given.values()):
        field = other.schema.field(taken[place])
        table = table.append_column(name, found.column(f"value{place}").cast(field.type))
    return table


def read_canonical(other: pa.Table, join: JoinSettings) -> pa.Table:
    """Bring the other side into canonical form, its times parsed.

    Raises:
        Refused: a column is absent or cannot be kept; the join is named.
    """
    need_columns(other, [join.time_column], redacted(join.source))
    wanted = {join.time_column, *join.on, *join.columns} if join.columns else set(other.column_names)
    try:
        return canonical(other.select([name for name in other.column_names if name in wanted]), join.time_column)
    except ModeldeckError as error:
        raise type(error)(f"join {join.name}: {error.message}", error.hint) from error


def _named(table: pa.Table, columns: Sequence[str], word: str) -> dict[str, pa.ChunkedArray]:
    return {f"{word}{place}": table.column(name) for place, name in enumerate(columns)}


def _sql(keys: list[str], values: int, max_age_s: float | None) -> str:
    taken = [f"value{place}" for place in range(values)]
    fresh = "TRUE" if max_age_s is None else f"event.at - known.seen_at <= {round(max_age_s * _US)}"
    shown = ", ".join(f"CASE WHEN {fresh} THEN known.{name} END AS {name}" for name in taken)
    equal = "".join(f"event.{key} = known.{key} AND " for key in keys)
    one_each = ", ".join([*keys, "known_at"])
    last = ", ".join(f"{name} DESC NULLS LAST" for name in taken)  # of two at one moment always the same one
    return (
        f"WITH once AS (SELECT * FROM knowns QUALIFY row_number() OVER (PARTITION BY {one_each} ORDER BY {last}) = 1)"
        f" SELECT {shown} FROM events AS event ASOF LEFT JOIN once AS known ON {equal}{KNOWN} ORDER BY event.place"
    )
