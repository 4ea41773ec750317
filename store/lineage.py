"""What refers to what: the reads that lineage follows from one thing to the next."""

from __future__ import annotations

from collections.abc import Sequence

from store import releases, snapshots, versions
from store.database import Reader
from store.rows import Release, RouteSpan, Snapshot, Version
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class RunOn:
    """One run, and which data it was trained on."""

    id: str
    model: str | None
    kind: str
    state: str
    snapshot_id: str | None
    actor: str
    started_at: int
    deleted_at: int | None


_RUN = "SELECT id, model, kind, state, snapshot_id, actor, started_at, deleted_at FROM run"


def origins(reader: Reader) -> list[str]:
    """Return every origin that rows came from."""
    return [row["origin"] for row in reader.rows("SELECT DISTINCT origin FROM snapshot ORDER BY origin")]


def snapshots_from(reader: Reader, origin: str) -> list[Snapshot]:
    """Return the snapshots of an origin, newest first."""
    found = reader.rows(
        "SELECT model, id FROM snapshot WHERE origin = :origin ORDER BY created_at DESC, id", {"origin": origin}
    )
    return [snapshots.snapshot(reader, row["id"], row["model"]) for row in found]


def snapshots_named(reader: Reader, id: str) -> list[Snapshot]:
    """Return what each model calls a snapshot: two models that read the same rows share its id."""
    found = reader.rows("SELECT model FROM snapshot WHERE id = :id ORDER BY model", {"id": id})
    return [snapshots.snapshot(reader, id, row["model"]) for row in found]


def run_on(reader: Reader, id: str) -> RunOn | None:
    """Return one run by its whole id."""
    row = reader.row(f"{_RUN} WHERE id = :id", {"id": id})
    return RunOn(**dict(row)) if row else None


def runs_on(reader: Reader, model: str, snapshot_id: str) -> list[RunOn]:
    """Return the runs of a model that read a snapshot, newest first; deleted ones too, trials not."""
    found = reader.rows(
        f"{_RUN} WHERE model = :model AND parent_id IS NULL AND snapshot_id = :id ORDER BY number DESC",
        {"model": model, "id": snapshot_id},
    )
    return [RunOn(**dict(row)) for row in found]


def versions_of_run(reader: Reader, run_id: str) -> list[Version]:
    """Return the versions that a run made, newest first; deleted ones too."""
    found = reader.rows(
        "SELECT v.model, v.number FROM run r JOIN version v ON v.model = r.model AND v.run_id = r.id"
        " WHERE r.id = :run ORDER BY v.model, v.number DESC",
        {"run": run_id},
    )
    return [versions.version(reader, row["model"], row["number"]) for row in found]


def versions_on(reader: Reader, model: str, snapshot_id: str) -> list[Version]:
    """Return the versions of a model that pin a snapshot, newest first; deleted ones too."""
    found = reader.rows(
        "SELECT v.number FROM version v JOIN version_detail d ON d.id = v.detail"
        " WHERE v.model = :model AND d.snapshot_id = :id ORDER BY v.number DESC",
        {"model": model, "id": snapshot_id},
    )
    return [versions.version(reader, model, row["number"]) for row in found]


def derived(reader: Reader, version: Version) -> list[Version]:
    """Return the versions made of another by a new decision, newest first; deleted ones too."""
    found = reader.rows(
        "SELECT number FROM version WHERE model = :model AND derived_from = :number ORDER BY number DESC",
        {"model": version.model, "number": version.number},
    )
    return [versions.version(reader, version.model, row["number"]) for row in found]


def releases_to(reader: Reader, version: Version) -> list[Release]:
    """Return the releases that led to a version, newest first."""
    found = reader.rows(
        "SELECT id FROM release WHERE model = :model AND to_version = :number ORDER BY id DESC",
        {"model": version.model, "number": version.number},
    )
    return [releases.release(reader, row["id"]) for row in found]


def spans_of(reader: Reader, endpoint: str, version: int, release_id: str) -> Sequence[RouteSpan]:
    """Return what a release gave a version of traffic, newest first."""
    found = reader.rows(
        "SELECT endpoint, host, version, image, weight, role, generation, release_id, from_at, to_at FROM route_history"
        " WHERE endpoint = :endpoint AND version = :version AND release_id = :release AND weight > 0"
        " ORDER BY from_at DESC, host",
        {"endpoint": endpoint, "version": version, "release": release_id},
    )
    return [RouteSpan(**dict(row)) for row in found]


def releases_with(reader: Reader, image_id: str) -> list[Release]:
    """Return the releases that brought an image onto a host, newest first."""
    found = reader.rows(
        "SELECT DISTINCT release_id AS id FROM deployment WHERE image = :image AND release_id IS NOT NULL"
        " ORDER BY release_id DESC",
        {"image": image_id},
    )
    return [releases.release(reader, row["id"]) for row in found]
