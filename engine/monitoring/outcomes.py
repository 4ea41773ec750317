"""What really happened: outcomes delivered by prediction id, late, in any order, and corrected.

A delivery is one Parquet file, in place before the registry's batch row; the newest revision of an id holds. An id the
log does not know (yet) is counted and kept, so that it joins when its prediction arrives from another host.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from engine.monitoring.delivered import checked, refuse_other_classes
from engine.monitoring.layout import alone, days_of, write_parquet
from engine.monitoring.predictions import By, connect, read_versions
from engine.operations.watching import OutcomesTaken
from store.ids import earliest_id
from store.rows import OutcomeBatch

if TYPE_CHECKING:
    from engine.deck import Deck

SCHEMA = pa.schema(
    [
        ("prediction_id", pa.string()),
        ("number", pa.float64()),  # the value where it is a number
        ("text", pa.string()),  # the value as a class label
        ("observed_at", pa.int64()),
        ("received_at", pa.int64()),
        ("revision", pa.int64()),
    ]
)
DAY_US = 86_400_000_000
UNKNOWN_TOLD = 5  # ids that no log knows, named in the answer


def record(deck: Deck, model: str, rows: Sequence[Mapping[str, Any]], origin: str, actor: str) -> OutcomesTaken:
    """Keep a delivery of outcomes: rows with `prediction_id`, `value` and optionally `observed_at`.

    What is known already with the same value is not written again; another value is the next revision. Of rows with
    one id the last holds.

    Raises:
        UnknownName: there is no such model.
        Refused: a row lacks its id or value, or the value does not fit the task, or is none of the classes of the
            version that predicted; the row's number is named, nothing was recorded.
        StorageUnwritable: the disk is full or read-only; nothing was recorded.
    """
    from store import ids, models, watching

    task = models.model(deck.database, model).task
    now = deck.clock.now()
    told = [checked(number, row, task) for number, row in enumerate(rows, 1)]
    given = {row["prediction_id"]: row for row in told}
    answered = _answered(deck, model, list(given))
    if task == "classification":
        refuse_other_classes(deck, model, told, answered)
    batch_id = ids.new_id(deck.clock)
    folder = deck.workspace.outcomes / model
    with alone(folder, "record.lock"):
        known = {row["prediction_id"]: row for row in current(deck, model, list(given)).to_pylist()}
        new, revised = [], 0
        for prediction_id, row in given.items():
            before = known.get(prediction_id)
            if before is not None and (before["number"], before["text"]) == (row["number"], row["text"]):
                continue
            revised += before is not None
            new.append({**row, "received_at": now, "revision": before["revision"] + 1 if before else 1})
        if new:
            write_parquet(pa.Table.from_pylist(new, schema=SCHEMA), folder / f"{batch_id}.parquet")
    batch = OutcomeBatch(
        id=batch_id,
        model=model,
        origin=origin,
        rows=len(rows),
        matched=len(answered),
        revised=revised,
        unknown=len(given) - len(answered),
        actor=actor,
        received_at=now,
    )
    with deck.database.write() as tx:
        watching.add_outcome_batch(tx, batch)
    unknown = [one for one in given if one not in answered]
    return OutcomesTaken(**dataclasses.asdict(batch), unknown_ids=tuple(unknown[:UNKNOWN_TOLD]))


def current(deck: Deck, model: str, prediction_ids: Sequence[str] | None = None) -> pa.Table:
    """Return the newest revision of each outcome of a model, of these predictions only where given."""
    if prediction_ids is None:
        return between(deck, model, None)
    if not prediction_ids:
        return SCHEMA.empty_table()
    table = between(deck, model, (min(prediction_ids), max(prediction_ids)))
    return table.filter(pc.is_in(table["prediction_id"], pa.array(prediction_ids, pa.string())))


def between(deck: Deck, model: str, ids: tuple[str, str] | None) -> pa.Table:
    """Return the newest revision of each outcome whose id lies within two, both included; None: of all.

    Only deliveries whose footer says that they may hold such an id are read.
    """
    files = _files(deck, model)
    if ids is not None:
        files = [path for path in files if _overlaps(path, *ids)]
    if not files:
        return SCHEMA.empty_table()
    table = _scan(files)
    if ids is not None:
        column = table["prediction_id"]
        table = table.filter(pc.and_(pc.greater_equal(column, ids[0]), pc.less_equal(column, ids[1])))
    return _newest(table)


def received_since(deck: Deck, model: str, since_us: int) -> pa.Table:
    """Return prediction id and `received_at` of every outcome that came at or after a time (microseconds).

    A delivery is named by an id made as it came, so that older ones are not opened.
    """
    files = [path for path in _files(deck, model) if path.stem >= earliest_id(since_us)]
    table = _scan(files).select(["prediction_id", "received_at"]) if files else SCHEMA.empty_table()
    return table.filter(pc.greater_equal(table["received_at"], since_us))


def join(table: pa.Table, outcomes: pa.Table) -> pa.Table:
    """Return predictions with `outcome.number`, `outcome.text`, `outcome.revision`, `outcome.received_at`; null: none.

    `table` holds one row per prediction id and keeps its order.
    """
    rows = pc.index_in(table["prediction_id"], value_set=outcomes["prediction_id"].combine_chunks())
    for name in ("number", "text", "revision", "received_at"):
        table = table.append_column(f"outcome.{name}", outcomes[name].combine_chunks().take(rows.combine_chunks()))
    return table


def joined(
    deck: Deck,
    model: str,
    from_us: int | None = None,
    to_us: int | None = None,
    version: int | None = None,
    by: By = "received",
) -> pa.Table:
    """Return answered predictions of a model with their outcomes, see `predictions.read` and `join`."""
    from engine.monitoring.predictions import read

    table = read(deck, model, from_us, to_us, version, by)
    answered = table.filter(pc.equal(table["status"], 200))
    return join(answered, current(deck, model, answered["prediction_id"].to_pylist()))


def _answered(deck: Deck, model: str, prediction_ids: list[str]) -> dict[str, int]:
    """Return id -> the version that answered, of the ids the log knows; only the days the ids name are read."""
    span = days_of(prediction_ids)
    bounds = (span[0] - DAY_US, span[1] + DAY_US) if span else (None, None)
    wanted = pa.array(prediction_ids, pa.string())
    kinds = ("live", "direct", "shadow", "golden")
    found: dict[str, int] = {}
    for version, table in read_versions(deck, model, *bounds, kinds=kinds, columns=["status"]).items():
        ours = pc.and_(pc.is_in(table["prediction_id"], wanted), pc.equal(table["status"], 200))
        found |= dict.fromkeys(table["prediction_id"].filter(ours).to_pylist(), version)
    return found


def _newest(table: pa.Table) -> pa.Table:
    from engine.monitoring.duplicates import duplicated, newest

    if not duplicated(table["prediction_id"]):
        return table
    return table.take(pa.array(newest(table["prediction_id"], table["revision"])))


def _files(deck: Deck, model: str) -> list[Path]:
    return sorted((deck.workspace.outcomes / model).glob("*.parquet"))


def _overlaps(path: Path, first: str, last: str) -> bool:
    import pyarrow.parquet as pq

    about = pq.read_metadata(path)
    place = about.schema.names.index("prediction_id")
    spans = (about.row_group(group).column(place).statistics for group in range(about.num_row_groups))
    return any(one is None or not one.has_min_max or (one.min <= last and first <= one.max) for one in spans)


def _scan(files: list[Path]) -> pa.Table:
    with connect() as connection:
        table = connection.sql("SELECT * FROM read_parquet(?)", params=[[str(path) for path in files]]).to_arrow_table()
    return table.cast(SCHEMA)
