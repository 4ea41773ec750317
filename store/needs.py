"""What content is needed by, from the registry alone: aliases, deployments, releases, versions, runs, snapshots."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from store import blobs
from store.database import Reader, Row
from store.json_text import load

_OF_VERSION = ("artifact_hash", "golden_hash", "bundle_hash", "environment_hash", "snapshot_id")


def needs(reader: Reader, deleted_before: int, on_hold: Collection[str] = ()) -> dict[str, str]:
    """Return why content must stay, by hash. What was deleted before that moment (microseconds UTC) needs nothing
    any more, unless an alias, a deployment or a release still holds it, or its model is one of those `on_hold`.
    """
    found: dict[str, str] = {}
    holders = held(reader)
    for row in reader.rows(
        "SELECT v.model, v.number, v.artifact_hash, d.golden_hash, d.bundle_hash, d.environment_hash, d.snapshot_id,"
        " coalesce(v.deleted_at, m.deleted_at) AS deleted_at FROM version v JOIN version_detail d ON d.id = v.detail"
        " JOIN model m ON m.name = v.model ORDER BY v.model, v.number DESC"
    ):
        why = holders.get((row["model"], row["number"])) or _of_version(row, deleted_before, on_hold)
        if why:
            for column in _OF_VERSION:
                found.setdefault(row[column], why)
            for image in reader.rows(
                "SELECT record_hash FROM image WHERE model = :model AND version = :number",
                {"model": row["model"], "number": row["number"]},
            ):
                found.setdefault(image["record_hash"], f"an image of {row['model']}@{row['number']}")
    for hash, why in _of_runs(reader, deleted_before, on_hold):
        found.setdefault(hash, why)
    for hash in blobs.replaced(reader):  # erased: what needed it needs what stands in its place, and its bytes go
        if hash in found:
            found.setdefault(blobs.current(reader, hash), found.pop(hash))
    return found


def served(reader: Reader) -> dict[tuple[str, int], str]:
    """Return the deployment of each (model, version) that has not ended."""
    rows = reader.rows("SELECT id, model, version, host FROM deployment WHERE ended_at IS NULL ORDER BY id")
    return {(row["model"], row["version"]): f"deployment {row['id'][:12]} on {row['host']}" for row in rows}


def held(reader: Reader) -> dict[tuple[str, int], str]:
    """Return what holds a version whether or not it was deleted, by (model, number)."""
    found: dict[tuple[str, int], str] = {}
    for row in reader.rows("SELECT model, name, version FROM alias WHERE version IS NOT NULL"):
        found.setdefault((row["model"], row["version"]), f"alias {row['name']} of {row['model']}@{row['version']}")
    for version, why in served(reader).items():
        found.setdefault(version, why)
    for row in reader.rows(
        "SELECT id, model, from_version, to_version, state FROM release WHERE state IN ('pending', 'running', 'held')"
        " OR (reverted_by IS NULL AND state = 'completed' AND id = (SELECT max(r.id) FROM release r"
        " WHERE r.endpoint = release.endpoint AND r.state = 'completed' AND r.reverted_by IS NULL))"
    ):
        for number in (row["from_version"], row["to_version"]):
            if number is not None:
                way = "" if row["state"] != "completed" else ", whose way back it is"
                found.setdefault((row["model"], number), f"release {row['id'][:12]} {row['state']}{way}")
    return found


def _of_version(row: Row, deleted_before: int, on_hold: Collection[str]) -> str:
    name = f"{row['model']}@{row['number']}"
    if row["deleted_at"] is None:
        return f"version {name}"
    if row["model"] in on_hold:
        return f"{name} was deleted, but a hold stands on {row['model']}"
    return f"{name} was deleted, its grace is not over" if row["deleted_at"] > deleted_before else ""


def _of_runs(reader: Reader, deleted_before: int, on_hold: Collection[str]) -> Iterator[tuple[str, str]]:
    bound = {"bound": deleted_before, **{f"held{number}": model for number, model in enumerate(on_hold)}}
    held_ones = ", ".join(f":held{number}" for number in range(len(on_hold)))
    kept = f"(r.deleted_at IS NULL OR r.deleted_at > :bound{f' OR r.model IN ({held_ones})' if on_hold else ''})"
    for row in reader.rows(
        "SELECT a.hash, max(a.run_id) AS run FROM run_artifact a JOIN run r ON r.id = a.run_id"
        f" WHERE {kept} GROUP BY a.hash",
        bound,
    ):
        yield row["hash"], f"file of run {row['run'][:12]}"
    for row in reader.rows(
        "SELECT r.snapshot_id, max(r.id) AS run FROM run r"
        f" WHERE r.snapshot_id IS NOT NULL AND {kept} GROUP BY r.snapshot_id",
        bound,
    ):
        yield row["snapshot_id"], f"data of run {row['run'][:12]}"
    for row in reader.rows("SELECT id, card_hash FROM approval WHERE card_hash IS NOT NULL"):
        yield row["card_hash"], f"card of approval {row['id'][:12]}"
    for row in reader.rows("SELECT id, evidence FROM release WHERE evidence LIKE '%\"card\"%'"):
        yield str(load(row["evidence"]).get("card")), f"card of release {row['id'][:12]}"
    for row in reader.rows("SELECT record_hash, model, number FROM version_origin"):
        yield row["record_hash"], f"origin of {row['model']}@{row['number']}"
    for row in reader.rows("SELECT blob_hash, model, state FROM quarantine"):
        if row["state"] == "open":
            yield row["blob_hash"], f"rejected rows of {row['model']}, not replayed yet"
        elif row["model"] in on_hold:
            yield row["blob_hash"], f"rejected rows of {row['model']}, on which a hold stands"
    for row in reader.rows(
        "SELECT s.id, s.model FROM snapshot s JOIN model m ON m.name = s.model WHERE m.deleted_at IS NULL AND ("
        " s.created_at = (SELECT max(n.created_at) FROM snapshot n WHERE n.model = s.model)"
        " OR NOT EXISTS (SELECT 1 FROM run r WHERE r.model = s.model AND r.snapshot_id = s.id))"
    ):
        yield row["id"], f"snapshot of {row['model']}"
