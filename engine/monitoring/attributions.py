"""Attributions kept beside the prediction log: `attributions/<endpoint>/<version>/<day>/<part>.parquet`.

One row per prediction id; the day is that of the id, as it is of the log, so that what removes a day of one removes
that of the other. No input value stands here, only what each column contributed.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from engine.monitoring.layout import DAY, day_of, day_with, minted_at, write_parquet
from engine.monitoring.merge import part_name

if TYPE_CHECKING:
    from engine.deck import Deck
    from engine.workspace import Workspace

CONTRIBUTION, ERROR = "contribution.", "error."
FIXED = pa.schema(
    [
        ("prediction_id", pa.string()),
        ("received_at", pa.int64()),
        ("computed_at", pa.int64()),
        ("explains", pa.string()),
        ("scale", pa.string()),
        ("method", pa.string()),
        ("background", pa.int64()),
        ("base", pa.float64()),
        ("predicted", pa.float64()),
        ("prediction", pa.string()),  # the answer, as JSON
    ]
)
DAY_US = 86_400_000_000


def folder_of(workspace: Workspace, model: str) -> Path:
    """Return the folder of a model's kept attributions."""
    return workspace.predictions / "attributions" / model


def keep(deck: Deck, model: str, version: int, rows: list[dict[str, Any]]) -> int:
    """Keep rows with the columns of `FIXED`, `contribution.<column>` and `error.<column>`; returns how many.

    Raises:
        StorageUnwritable: the disk is full or read-only.
    """
    days: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        days[day_of(minted_at(row["prediction_id"]) or row["received_at"])].append(row)
    for day, mine in days.items():
        names = [name for name in mine[0] if name not in FIXED.names]
        schema = pa.schema([*FIXED, *((name, pa.float64()) for name in names)])
        name = part_name("\n".join(row["prediction_id"] for row in mine))
        write_parquet(pa.Table.from_pylist(mine, schema), folder_of(deck.workspace, model) / str(version) / day / name)
    return len(rows)


def read(deck: Deck, model: str, version: int, from_us: int | None = None, to_us: int | None = None) -> pa.Table:
    """Return a version's kept attributions of predictions received in the span (microseconds UTC), oldest first.

    Columns are those of `FIXED`, then `contribution.<column>` and `error.<column>` (null where it is exact). One row
    per prediction id.
    """
    import pyarrow.parquet as pq

    first = day_with(from_us, -DAY) if from_us is not None else ""
    last = day_with(to_us, DAY) if to_us is not None else "9999"
    place = folder_of(deck.workspace, model) / str(version)
    days = [day for day in sorted(place.glob("*")) if first <= day.name <= last]
    tables = [pq.ParquetFile(path).read() for day in days for path in sorted(day.glob("*.parquet"))]
    if not tables:
        return FIXED.empty_table()
    table = pa.concat_tables(tables, promote_options="default").sort_by(
        [("received_at", "ascending"), ("computed_at", "descending")]
    )
    if from_us is not None:
        table = table.filter(pc.greater_equal(table["received_at"], from_us))
    if to_us is not None:
        table = table.filter(pc.less(table["received_at"], to_us))
    seen: set[str] = set()
    kept = [not (one in seen or seen.add(one)) for one in table["prediction_id"].to_pylist()]  # type: ignore[func-returns-value]
    return table.filter(pa.array(kept, pa.bool_()))


def find(deck: Deck, model: str, version: int, prediction_id: str) -> dict[str, Any] | None:
    """Return what is kept of one prediction: `FIXED`, `contributions` and `errors` by column; None if nothing is."""
    at = minted_at(prediction_id)
    span = (None, None) if at is None else (at - DAY_US, at + DAY_US)
    table = read(deck, model, version, *span)
    for row in table.filter(pc.equal(table["prediction_id"], prediction_id)).to_pylist():
        parts = {
            part: {name.removeprefix(start): value for name, value in row.items() if name.startswith(start)}
            for part, start in (("contributions", CONTRIBUTION), ("errors", ERROR))
        }
        told = {name: row[name] for name in FIXED.names}
        return {**told, "prediction": json.loads(row["prediction"]), **parts}
    return None
