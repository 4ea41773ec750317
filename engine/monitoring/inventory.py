"""One narrow scan of the log that says how many rows each version has in each window, and how new they are."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.monitoring.live import SERVER_FAILED
from engine.monitoring.predictions import By, read_versions
from engine.monitoring.windows import Key, Seen

if TYPE_CHECKING:
    from engine.deck import Deck

NO_TIME = np.iinfo(np.int64).min


def take_inventory(
    deck: Deck, model: str, length_us: int, by: By, *, from_us: int | None, arrived: pa.Table
) -> tuple[dict[Key, Seen], int, int]:
    """Return what each version has in each window, the newest event time and the newest received time (0: none).

    `from_us` bounds by received time; `arrived` holds the outcomes since the last look, see `outcomes.received_since`.
    By event time a failed or refused request, whose rows were never read, belongs to the window of the row its server
    answered before it.
    """
    columns = ["prediction_id", "request_id", "received_at", "event_at", "status", "host"]
    tables = _without_retried(read_versions(deck, model, from_us=from_us, columns=columns))
    seen: dict[Key, Seen] = {}
    newest_event, newest_received = 0, 0
    for version, table in tables.items():
        received = _whole(table["received_at"])
        status = _whole(table["status"])
        times = received if by == "received" else _event_times(table, status)
        outcome_at = _arrived(table["prediction_id"], arrived)
        placed = times != NO_TIME
        failing = np.flatnonzero(placed & (status >= SERVER_FAILED))
        hosts = table["host"].take(pa.array(failing)).to_pylist()
        errors_of: dict[int, Counter[str]] = {}
        for number, host in zip((times[failing] // length_us).tolist(), hosts, strict=True):
            errors_of.setdefault(number, Counter())[host or ""] += 1
        if placed.any():
            newest_event = max(newest_event, int(times[placed].max()))
        newest_received = max(newest_received, int(received.max(initial=0)))
        numbers, place = np.unique(times[placed] // length_us, return_inverse=True)
        for at, number in enumerate(numbers):
            here = place == at if len(numbers) > 1 else slice(None)
            codes = status[placed][here]
            failed, refused = int((codes >= SERVER_FAILED).sum()), int(((codes != 200) & (codes < SERVER_FAILED)).sum())
            seen[version, int(number)] = Seen(
                rows=len(codes) - refused,
                errors=failed,
                refused=refused,
                newest_at=int(received[placed][here].max()),
                newest_outcome_at=int(outcome_at[placed][here].max()),
                errors_of=tuple(sorted(errors_of.get(int(number), {}).items())),
            )
    return seen, newest_event, newest_received


def _without_retried(tables: dict[int, pa.Table]) -> dict[int, pa.Table]:
    """Leave out failures that the router asked another server about and got an answer: they hurt nobody."""
    failed = {one: table.filter(pc.not_equal(table["status"], 200))["request_id"] for one, table in tables.items()}
    ids = pa.chunked_array([chunk for column in failed.values() for chunk in column.chunks], pa.string())
    if not len(ids):
        return tables
    answered = [table.filter(pc.equal(table["status"], 200))["request_id"] for table in tables.values()]
    hits = [one.filter(pc.is_in(one, value_set=ids.combine_chunks())) for one in answered]
    retried = pa.chunked_array([chunk for column in hits for chunk in column.chunks], pa.string()).combine_chunks()
    return {
        one: table.filter(
            pc.invert(pc.and_(pc.not_equal(table["status"], 200), pc.is_in(table["request_id"], value_set=retried)))
        )
        for one, table in tables.items()
    }


def _whole(column: pa.ChunkedArray) -> Any:
    return np.asarray(pc.fill_null(column, 0).combine_chunks(), dtype=np.int64)


def _event_times(table: pa.Table, status: Any) -> Any:
    """Return event times, rows being in order of receipt; NO_TIME for an answered row without one."""
    known = np.asarray(pc.is_valid(table["event_at"]).combine_chunks())
    times = np.where(known, _whole(table["event_at"]), NO_TIME)
    rows = np.where(known, np.arange(len(times)), -1)
    before = np.maximum.accumulate(rows) if len(rows) else rows
    borrowed = np.where(before >= 0, times[np.maximum(before, 0)], NO_TIME) if len(rows) else times
    return np.where(known | (status == 200), times, borrowed)


def _arrived(ids: pa.ChunkedArray, outcomes: pa.Table) -> Any:
    """Return when the newest outcome since the last look came for each row, 0 where none did."""
    if not len(outcomes):
        return np.zeros(len(ids), np.int64)
    newest = outcomes.group_by("prediction_id").aggregate([("received_at", "max")])
    rows = pc.index_in(ids.combine_chunks(), value_set=newest["prediction_id"].combine_chunks())
    return np.asarray(pc.fill_null(newest["received_at_max"].combine_chunks().take(rows), 0), dtype=np.int64)
