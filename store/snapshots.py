"""Snapshots: immutable data by the hash of its Parquet bytes."""

from __future__ import annotations

from store import events
from store.database import Reader, Row, Write
from store.errors import Refused, UnknownName
from store.json_text import dump, load
from store.rows import Snapshot


def add_snapshot(tx: Write, snapshot: Snapshot, actor: str) -> Snapshot:
    """Record a snapshot; the same rows again are the snapshot that is there, and nothing changes."""
    known = _find(tx, snapshot.id, snapshot.model)
    if known is not None:
        return known
    tx.execute(
        "INSERT INTO snapshot (model, id, rows, columns, time_column, from_at, to_at, origin, size_bytes, created_at)"
        " VALUES (:model, :id, :rows, :columns, :time_column, :from_at, :to_at, :origin, :size_bytes, :created_at)",
        {
            "model": snapshot.model,
            "id": snapshot.id,
            "rows": snapshot.rows,
            "columns": dump(list(snapshot.columns)),
            "time_column": snapshot.time_column,
            "from_at": snapshot.from_at,
            "to_at": snapshot.to_at,
            "origin": snapshot.origin,
            "size_bytes": snapshot.size_bytes,
            "created_at": snapshot.created_at,
        },
    )
    events.append(
        tx,
        actor=actor,
        action="snapshot.taken",
        subject_kind="snapshot",
        subject_id=snapshot.id,
        model=snapshot.model,
        body={"rows": snapshot.rows, "from_at": snapshot.from_at, "to_at": snapshot.to_at},
    )
    return snapshot


def forget_values(tx: Write, snapshot: Snapshot, columns: str) -> None:
    """Tell less of a snapshot's columns (JSON) from now on: an erasure has changed it."""
    tx.execute(
        "UPDATE snapshot SET columns = :columns WHERE model = :model AND id = :id",
        {"columns": columns, "model": snapshot.model, "id": snapshot.id},
    )


def take_again(tx: Write, snapshot: Snapshot) -> None:
    """Say that a snapshot which an erasure had replaced was taken once more, and what its columns are."""
    tx.execute(
        "UPDATE snapshot SET columns = :columns, created_at = :at WHERE model = :model AND id = :id",
        {"columns": dump(list(snapshot.columns)), "at": tx.at, "model": snapshot.model, "id": snapshot.id},
    )


def snapshot(reader: Reader, id: str, model: str | None = None) -> Snapshot:
    """Return one snapshot by its whole `sha256:…`; `model` where two models share the rows.

    Raises:
        UnknownName: the deck has no such snapshot.
    """
    found = _find(reader, id, model)
    if found is None:
        raise UnknownName(f"no snapshot {id!r}")
    return found


def find(reader: Reader, prefix: str) -> Snapshot:
    """Return the one snapshot whose id begins so, with or without `sha256:`.

    Raises:
        UnknownName: nothing begins so. Refused: several do.
    """
    wanted = "sha256:" + prefix.strip().lower().removeprefix("sha256:")
    found = reader.rows(
        "SELECT DISTINCT id FROM snapshot WHERE id >= :low AND id < :high ORDER BY id LIMIT 2",
        {"low": wanted, "high": wanted + "g"},
    )
    if len(found) > 1:
        raise Refused(f"several snapshots begin with {prefix!r}", "give more digits of the id")
    if not found:
        raise UnknownName(f"no snapshot {prefix!r}", "modeldeck data MODEL lists them")
    return snapshot(reader, found[0]["id"])


def holders(reader: Reader, id: str) -> list[Snapshot]:
    """Return a snapshot once for each model that has it, by model."""
    return [_snapshot(row) for row in reader.rows("SELECT * FROM snapshot WHERE id = :id ORDER BY model", {"id": id})]


def snapshots(reader: Reader, model: str) -> list[Snapshot]:
    """Return a model's snapshots, newest first."""
    found = reader.rows("SELECT * FROM snapshot WHERE model = :model ORDER BY created_at DESC, id", {"model": model})
    return [_snapshot(row) for row in found]


def present(reader: Reader, model: str) -> list[Snapshot]:
    """Return those whose bytes are to be there, newest first."""
    found = reader.rows(
        "SELECT s.* FROM snapshot s JOIN blob b ON b.hash = s.id WHERE s.model = :model AND b.state = 'present'"
        " ORDER BY s.created_at DESC, s.id",
        {"model": model},
    )
    return [_snapshot(row) for row in found]


def _find(reader: Reader, id: str, model: str | None) -> Snapshot | None:
    narrowed = "AND model = :model" if model is not None else ""
    row = reader.row(f"SELECT * FROM snapshot WHERE id = :id {narrowed} ORDER BY model", {"id": id, "model": model})
    return _snapshot(row) if row else None


def _snapshot(row: Row) -> Snapshot:
    return Snapshot(**{**dict(row), "columns": tuple(load(row["columns"]))})
