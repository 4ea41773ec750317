"""Deleting and restoring runs, models and versions: hidden from lists at once, their content left to `gc`."""

from __future__ import annotations

from store import needs
from store.database import Reader, Write
from store.errors import Refused
from store.json_text import load
from store.things import Thing, record


def delete(tx: Write, thing: Thing, *, actor: str, reason: str = "", via: str | None = None) -> bool:
    """Hide a thing from every list; returns whether it was there. The trials of a run go with it.

    Raises:
        Refused: something needs it, which the message names.
    """
    if _deleted_at(tx, thing) is not None:
        return False
    why = held_by(tx, thing)
    if why:
        raise Refused(f"{thing.kind} {_short(thing)} is needed: {why[0]}", why[1])
    _mark(tx, thing, tx.at, None)
    record(tx, thing, "deleted", actor, reason, via)
    return True


def restore(tx: Write, thing: Thing, *, actor: str, reason: str = "", via: str | None = None) -> bool:
    """Bring a deleted thing back; returns whether it was deleted. A run's trials deleted with it come too.

    Raises:
        Refused: what it belongs to is still deleted, or `gc` has taken its content.
    """
    deleted_at = _deleted_at(tx, thing)
    if deleted_at is None:
        return False
    why = _gone(tx, thing)
    if why:
        raise Refused(f"{thing.kind} {_short(thing)} cannot come back: {why[0]}", why[1])
    _mark(tx, thing, None, deleted_at)
    record(tx, thing, "restored", actor, reason, via)
    return True


def held_by(reader: Reader, thing: Thing) -> tuple[str, str] | None:
    """Return what needs a thing and what to do about it; None where nothing does."""
    return {"run": _run_held, "model": _model_held, "version": _version_held}[thing.kind](reader, thing)


def _run_held(reader: Reader, thing: Thing) -> tuple[str, str] | None:
    run = reader.row("SELECT state, job_id FROM run WHERE id = :run_id", thing.params)
    if run is not None and run["state"] == "running":
        job = f"modeldeck jobs cancel {run['job_id'][:16]}" if run["job_id"] else "wait until it has ended"
        return "it is running", job
    made = reader.row(
        "SELECT v.model, v.number FROM run r JOIN version v ON v.model = r.model AND v.run_id = r.id"
        " WHERE r.id = :run_id AND v.deleted_at IS NULL ORDER BY v.number",
        thing.params,
    )
    if made is not None:
        name = f"{made['model']}@{made['number']}"
        return f"it made version {name}", f"delete that first: modeldeck versions delete {name.replace('@', ' ')}"
    return None


def _version_held(reader: Reader, thing: Thing) -> tuple[str, str] | None:
    why = needs.held(reader).get((str(thing.model), thing.params["number"]))
    if why is None:
        return None
    if why.startswith("alias champion"):
        return why, f"promote another: modeldeck promote {thing.model} VERSION"
    if why.startswith("alias "):
        return why, f"take the alias away: modeldeck aliases remove {thing.model} {why.split()[1]}"
    return why, f"look: modeldeck releases {thing.model}, modeldeck deployments"


def _model_held(reader: Reader, thing: Thing) -> tuple[str, str] | None:
    name = str(thing.model)
    stop = f"stop it first: modeldeck endpoints stop {name}"
    for (model, number), why in needs.served(reader).items():
        if model == name:
            return f"{why} carries {name}@{number}", stop
    release = reader.row(
        "SELECT id, state FROM release WHERE model = :model AND state IN ('pending', 'running', 'held')", thing.params
    )
    if release is not None:
        said = f"release {release['id'][:16]} is {release['state']}"
        return said, f"end it first: modeldeck releases abort {name}"
    job = reader.row(
        "SELECT id, kind, state FROM job WHERE model = :model AND state IN ('queued', 'running') ORDER BY id",
        thing.params,
    )
    if job is not None:
        return f"{job['kind']} job {job['id'][:16]} is {job['state']}", f"modeldeck jobs cancel {job['id'][:16]}"
    settings = reader.row("SELECT body FROM settings_revision ORDER BY revision DESC LIMIT 1")
    if settings is not None and name in load(settings["body"])["models"]:
        return "the applied settings declare it", f"take models/{name}.toml away, then: modeldeck apply"
    return None


def _gone(reader: Reader, thing: Thing) -> tuple[str, str] | None:
    if thing.kind == "version":
        row = reader.row("SELECT deleted_at FROM model WHERE name = :model", thing.params)
        if row is not None and row["deleted_at"] is not None:
            return "its model is deleted", f"restore that first: modeldeck models restore {thing.model}"
        blob = reader.row(
            "SELECT 1 FROM version v JOIN version_detail d ON d.id = v.detail"
            " JOIN blob b ON b.hash IN (v.artifact_hash, d.golden_hash, d.bundle_hash)"
            f" WHERE {' AND '.join(f'v.{each}' for each in thing.where.split(' AND '))} AND b.state = 'erased'",
            thing.params,
        )
        if blob is not None:
            return "gc has taken its content", "restore a backup, or train it again"
    if thing.kind == "run":
        row = reader.row(
            "SELECT p.id FROM run r JOIN run p ON p.id = r.parent_id WHERE r.id = :run_id AND p.deleted_at IS NOT NULL",
            thing.params,
        )
        if row is not None:
            return "the run it is a trial of is deleted", f"restore that first: modeldeck runs restore {row['id'][:16]}"
    return None


def _mark(tx: Write, thing: Thing, deleted_at: int | None, before: int | None) -> None:
    values = {**thing.params, "deleted": deleted_at, "before": before}
    tx.execute(f"UPDATE {thing.kind} SET deleted_at = :deleted WHERE {thing.where}", values)
    if thing.kind == "run":
        was = "IS NULL" if before is None else "= :before"
        tx.execute(f"UPDATE run SET deleted_at = :deleted WHERE parent_id = :run_id AND deleted_at {was}", values)


def _deleted_at(reader: Reader, thing: Thing) -> int | None:
    row = reader.row(f"SELECT deleted_at FROM {thing.kind} WHERE {thing.where}", thing.params)
    return row["deleted_at"] if row else None


def _short(thing: Thing) -> str:
    return thing.id[:16] if thing.kind == "run" else thing.id
