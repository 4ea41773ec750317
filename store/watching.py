"""Monitors, windows and deliveries of outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from store import events
from store.database import Reader, Row, Write, fields
from store.ids import new_id
from store.json_text import dump, load
from store.lookup import find_id, unknown
from store.rows import Monitor, OutcomeBatch, Window, WindowPart

_MONITOR = (
    "SELECT name, model, every_s, window_s, by, lateness_s, settings_revision, last_run_at, last_job_id FROM monitor"
)
_SEEN = (
    "verdict",
    "rows",
    "errors",
    "latency_p50_ms",
    "latency_p99_ms",
    "coverage",
    "metrics",
    "features",
    "notes",
    "quality",
)
_PART = (
    *("number", "kind", "name", "value", "rows", "errors", "latency_p50_ms", "latency_p99_ms", "coverage"),
    *("metrics", "answers", "ratio", "is_worse", "is_small"),
)


def monitors(reader: Reader) -> list[Monitor]:
    """Return the monitors that are declared now, by name."""
    return [Monitor(**dict(row)) for row in reader.rows(f"{_MONITOR} WHERE removed_at IS NULL ORDER BY name")]


def monitor(reader: Reader, name: str) -> Monitor:
    """Return one monitor.

    Raises:
        UnknownName: none of that name is declared.
    """
    row = reader.row(f"{_MONITOR} WHERE name = :name AND removed_at IS NULL", {"name": name})
    if row is None:
        raise unknown("monitor", name, [one.name for one in monitors(reader)])
    return Monitor(**dict(row))


def touch_monitor(tx: Write, name: str, job_id: str | None) -> None:
    """Say that a monitor has looked, and in which job."""
    tx.execute(
        "UPDATE monitor SET last_run_at = :at, last_job_id = :job WHERE name = :name",
        {"at": tx.at, "job": job_id, "name": name},
    )


def put_window(tx: Write, window: Window, parts: Sequence[WindowPart] = ()) -> Window:
    """Keep what was seen in a window and in its parts; seen anew and different it is the next revision, and the older
    one stays.

    `id` may be empty, `revision` is counted here; of parts the order is kept.
    """
    values = {
        "monitor": window.monitor,
        "model": window.model,
        "version": window.version,
        "from_at": window.from_at,
        "to_at": window.to_at,
        "verdict": window.verdict,
        "rows": window.rows,
        "errors": window.errors,
        "latency_p50_ms": window.latency_p50_ms,
        "latency_p99_ms": window.latency_p99_ms,
        "coverage": window.coverage,
        "metrics": dump(window.metrics),
        "features": dump(list(window.features)),
        "notes": dump(list(window.notes)),
        "quality": dump(window.quality),
        "computed_at": window.computed_at,
    }
    span = "monitor = :monitor AND version = :version AND from_at = :from_at AND to_at = :to_at AND latest = 1"
    before = tx.row(f'SELECT * FROM "window" WHERE {span}', values)
    told = [_part_values(number, one) for number, one in enumerate(parts)]
    if before and all(before[name] == values[name] for name in _SEEN) and told == _parts_of(tx, before["id"]):
        return window_of(before)
    tx.execute(f'UPDATE "window" SET latest = 0 WHERE {span}', values)
    values["id"] = new_id(tx.clock) if before or not window.id else window.id
    values["revision"] = before["revision"] + 1 if before else 1
    values["latest"] = 1
    row = tx.row(
        f'INSERT INTO "window" ({", ".join(values)}) VALUES ({", ".join(f":{name}" for name in values)}) RETURNING *',
        values,
    )
    assert row is not None
    for part in told:
        tx.execute(
            f"INSERT INTO window_part (window_id, {', '.join(part)})"
            f" VALUES (:window_id, {', '.join(f':{name}' for name in part)})",
            {"window_id": values["id"], **part},
        )
    return window_of(row)


def window_parts(
    reader: Reader, model: str, kind: str, windows: int = 1, version: int | None = None
) -> list[WindowPart]:
    """Return the parts of a kind of a model's newest windows that have any, the newest window first, the worst part
    first in each."""
    only = "AND w.version = :version" if version is not None else ""
    # The newest windows are few; which of them have parts is asked of the parts' key.
    newest = reader.rows(
        f'SELECT w.id FROM "window" AS w WHERE w.model = :model AND w.latest = 1 {only}'
        " AND EXISTS (SELECT 1 FROM window_part AS p WHERE p.window_id = w.id AND p.kind = :kind)"
        " ORDER BY w.to_at DESC, w.version DESC LIMIT :windows",
        {"model": model, "kind": kind, "windows": windows, "version": version},
    )
    found: list[WindowPart] = []
    for one in newest:
        rows = reader.rows(
            "SELECT p.*, w.version, w.from_at, w.to_at FROM window_part AS p"
            ' JOIN "window" AS w ON w.id = p.window_id WHERE p.window_id = :id AND p.kind = :kind ORDER BY p.number',
            {"id": one["id"], "kind": kind},
        )
        found += [_part(row) for row in rows]
    return found


def windows(reader: Reader, model: str, limit: int = 50, latest_revision_only: bool = True) -> list[Window]:
    """Return a model's windows, the newest span first."""
    latest = "AND latest = 1" if latest_revision_only else ""
    found = reader.rows(
        f'SELECT * FROM "window" WHERE model = :model {latest}'
        " ORDER BY to_at DESC, version DESC, revision DESC LIMIT :limit",
        {"model": model, "limit": limit},
    )
    return [window_of(row) for row in found]


def window(reader: Reader, id: str) -> Window:
    """Return one window by id or unique prefix.

    Raises:
        UnknownName: no window begins so. Refused: several do.
    """
    row = reader.row('SELECT * FROM "window" WHERE id = :id', {"id": find_id(reader, '"window"', "window", id)})
    assert row is not None
    return window_of(row)


def add_outcome_batch(tx: Write, batch: OutcomeBatch) -> OutcomeBatch:
    """Record a delivery of outcomes, whose rows are in Parquet."""
    tx.execute(
        "INSERT INTO outcome_batch (id, model, origin, rows, matched, revised, unknown, actor, received_at)"
        " VALUES (:id, :model, :origin, :rows, :matched, :revised, :unknown, :actor, :received_at)",
        {
            "id": batch.id,
            "model": batch.model,
            "origin": batch.origin,
            "rows": batch.rows,
            "matched": batch.matched,
            "revised": batch.revised,
            "unknown": batch.unknown,
            "actor": batch.actor,
            "received_at": batch.received_at,
        },
    )
    events.append(
        tx,
        actor=batch.actor,
        action="outcomes.recorded",
        subject_kind="outcome_batch",
        subject_id=batch.id,
        model=batch.model,
        body={"rows": batch.rows, "matched": batch.matched, "revised": batch.revised, "unknown": batch.unknown},
    )
    return batch


def outcome_batches(reader: Reader, model: str, limit: int = 100) -> list[OutcomeBatch]:
    """Return a model's deliveries, newest first."""
    found = reader.rows(
        "SELECT * FROM outcome_batch WHERE model = :model ORDER BY received_at DESC, id DESC LIMIT :limit",
        {"model": model, "limit": limit},
    )
    return [OutcomeBatch(**dict(row)) for row in found]


def outcome_batch_of(reader: Reader, model: str, received_at: int) -> OutcomeBatch | None:
    """Return the delivery of a model that came at a moment (microseconds UTC); None where there is none."""
    row = reader.row(
        "SELECT * FROM outcome_batch WHERE model = :model AND received_at = :at ORDER BY id DESC LIMIT 1",
        {"model": model, "at": received_at},
    )
    return OutcomeBatch(**dict(row)) if row else None


def window_of(row: Row) -> Window:
    """Return a row of the table as what it is."""
    parsed: dict[str, Any] = {"metrics": load(row["metrics"]), "features": tuple(load(row["features"]))}
    parsed |= {"notes": tuple(load(row["notes"])), "quality": load(row["quality"])}
    return Window(**{**fields(row, "latest"), **parsed})


def _part_values(number: int, part: WindowPart) -> dict[str, Any]:
    told = {name: getattr(part, name) for name in _PART if name not in ("number", "metrics", "answers")}
    judged = {"is_worse": None if part.is_worse is None else int(part.is_worse), "is_small": int(part.is_small)}
    return {"number": number, **told, "metrics": dump(part.metrics), "answers": dump(part.answers), **judged}


def _parts_of(reader: Reader, window_id: str) -> list[dict[str, Any]]:
    found = reader.rows(
        f"SELECT {', '.join(_PART)} FROM window_part WHERE window_id = :id ORDER BY number", {"id": window_id}
    )
    return [dict(row) for row in found]


def _part(row: Row) -> WindowPart:
    parsed = {"metrics": load(row["metrics"]), "answers": load(row["answers"]), "is_small": bool(row["is_small"])}
    worse = None if row["is_worse"] is None else bool(row["is_worse"])
    return WindowPart(**{**fields(row, "window_id", "number"), **parsed, "is_worse": worse})
