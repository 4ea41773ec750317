"""Where imported versions came from, and the keys of other decks that are trusted for that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from store import events
from store.database import Reader, Row, Write
from store.json_text import dump
from store.rows import Run, Snapshot
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Signer:
    """The public key of another deck, hexadecimal, and since when its bundles are taken; `withdrawn_at` ends that."""

    public: str
    name: str
    actor: str
    trusted_at: int
    withdrawn_at: int | None


@dataclass(frozen=True, slots=True)
class Origin:
    """What an imported version was where it was made, and by whose signature that is known.

    `sealed_hash` is the sha256 of what was signed of it there, `bundle_hash` that of the bundle's manifest, and
    `record_hash` names the content that keeps the bundle's manifest, signature, seal, card and other texts.
    """

    model: str
    number: int
    deck: str
    deck_id: str
    origin_number: int
    signer: str
    sealed_hash: str
    bundle_hash: str
    record_hash: str
    actor: str
    imported_at: int


_ORIGIN = ", ".join(Origin.__dataclass_fields__)


def signers(reader: Reader, *, withdrawn: bool = False) -> list[Signer]:
    """Return the keys that are trusted, oldest first; `withdrawn` those too that are no more."""
    chosen = "" if withdrawn else " WHERE withdrawn_at IS NULL"
    found = reader.rows(f"SELECT * FROM trusted_signer{chosen} ORDER BY trusted_at, public")
    return [Signer(**dict(row)) for row in found]


def trust(tx: Write, public: str, name: str, actor: str, reason: str = "", via: str | None = None) -> bool:
    """Trust a key from now on; False where that is so already, under whatever name."""
    known = tx.row("SELECT withdrawn_at FROM trusted_signer WHERE public = :public", {"public": public})
    if known is not None and known["withdrawn_at"] is None:
        return False
    tx.execute(
        "INSERT INTO trusted_signer (public, name, actor, trusted_at) VALUES (:public, :name, :actor, :at)"
        " ON CONFLICT (public) DO UPDATE SET name = excluded.name, actor = excluded.actor,"
        " trusted_at = excluded.trusted_at, withdrawn_at = NULL",
        {"public": public, "name": name, "actor": actor, "at": tx.at},
    )
    _record(tx, "signer.trusted", public, actor, reason, {"name": name}, via)
    return True


def distrust(tx: Write, public: str, actor: str, reason: str = "", via: str | None = None) -> bool:
    """Trust a key no more; False where it was not trusted."""
    done = tx.execute(
        "UPDATE trusted_signer SET withdrawn_at = :at WHERE public = :public AND withdrawn_at IS NULL",
        {"public": public, "at": tx.at},
    )
    if done:
        _record(tx, "signer.distrusted", public, actor, reason, {}, via)
    return bool(done)


def put_origin(tx: Write, origin: Origin, reason: str = "", via: str | None = None) -> None:
    """Record where a version that was just registered came from."""
    tx.insert(f"version_origin ({_ORIGIN})", [tuple(getattr(origin, name) for name in Origin.__dataclass_fields__)])
    events.append(
        tx,
        actor=origin.actor,
        via=via,
        action="version.imported",
        subject_kind="version",
        subject_id=f"{origin.model}@{origin.number}",
        model=origin.model,
        reason=reason,
        body={
            "deck": origin.deck,
            "deck_id": origin.deck_id,
            "version": origin.origin_number,
            "signer": origin.signer,
            "bundle": origin.bundle_hash,
        },
    )


def origin_of(reader: Reader, model: str, number: int) -> Origin | None:
    """Return where a version came from, None where it was made here."""
    asked = f"SELECT {_ORIGIN} FROM version_origin WHERE model = :model AND number = :number"
    return _origin(reader.row(asked, {"model": model, "number": number}))


def maker_of(reader: Reader, model: str) -> str:
    """Return the name of the deck that the newest imported version of a model came from, empty where none did."""
    asked = "SELECT deck FROM version_origin WHERE model = :model ORDER BY number DESC LIMIT 1"
    row = reader.row(asked, {"model": model})
    return str(row["deck"]) if row else ""


def imported_as(reader: Reader, sealed_hash: str) -> Origin | None:
    """Return what a version of another deck is here, by what was signed of it there; None where it is not."""
    asked = f"SELECT {_ORIGIN} FROM version_origin WHERE sealed_hash = :sealed"
    return _origin(reader.row(asked, {"sealed": sealed_hash}))


def adopt_snapshot(tx: Write, snapshot: Snapshot) -> None:
    """Record which rows an imported version was made of; their bytes may lie elsewhere only."""
    tx.insert(
        "snapshot (model, id, rows, columns, time_column, from_at, to_at, origin, size_bytes, created_at)",
        [
            (
                snapshot.model, snapshot.id, snapshot.rows, dump(list(snapshot.columns)), snapshot.time_column,
                snapshot.from_at, snapshot.to_at, snapshot.origin, snapshot.size_bytes, snapshot.created_at,
            )
        ],
        "ON CONFLICT (model, id) DO NOTHING",
    )  # fmt: skip


def adopt_run(tx: Write, run: Run, settings_revision: int, reason: str) -> None:
    """Record the run that made an imported version, under its own id, as it ended where it ran."""
    if tx.row("SELECT id FROM run WHERE id = :id", {"id": run.id}) is not None:
        return
    made = tx.rows(
        "INSERT INTO run (id, experiment, model, kind, name, state, reason, settings_revision, snapshot_id, actor,"
        " started_at, ended_at) VALUES (:id, :model, :model, :kind, :name, :state, :reason, :settings, :snapshot,"
        " :actor, :started, :ended) RETURNING number",
        {
            "id": run.id,
            "model": run.model,
            "kind": run.kind,
            "name": run.name,
            "state": run.state,
            "reason": reason,
            "settings": settings_revision,
            "snapshot": run.snapshot_id,
            "actor": run.actor,
            "started": run.started_at,
            "ended": run.ended_at,
        },
    )
    number = made[0]["number"]
    _keep(tx, "run_param", number, run.params)
    _keep(tx, "run_tag", number, run.tags)
    at = run.ended_at or run.started_at
    for table in ("run_metric", "run_metric_latest"):
        tx.insert(
            f"{table} (run_number, key, step, at, value)",
            [(number, key, 0, at, value) for key, value in run.metrics.items()],
        )


def _keep(tx: Write, table: str, number: int, told: Mapping[str, str]) -> None:
    tx.insert(f"{table} (run_number, key, value)", [(number, key, value) for key, value in told.items()])


def _origin(row: Row | None) -> Origin | None:
    return Origin(**dict(row)) if row is not None else None


def _record(
    tx: Write, action: str, public: str, actor: str, reason: str, body: dict[str, Any], via: str | None
) -> None:
    events.append(
        tx,
        actor=actor,
        via=via,
        action=action,
        subject_kind="signer",
        subject_id=public,
        reason=reason,
        body=body,
    )
