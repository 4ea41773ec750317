"""Settings revisions: immutable, numbered, and what applying one brings about in the registry."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any

from store import events, schedules
from store.database import Reader, Row, Write
from store.errors import Refused, UnknownName
from store.json_text import dump, load, load_shared
from store.rows import Host, SettingsRevision


def apply(tx: Write, body: dict[str, Any], actor: str, reason: str = "") -> tuple[SettingsRevision, bool]:
    """Make a new revision of `body`, with its models, hosts, monitors and schedules; (revision, already so).

    Raises:
        Refused: a host would change its kind, or there would be two process hosts.
    """
    text = dump(body)
    digest = hashlib.sha256(text.encode()).hexdigest()
    before = current(tx)
    if before is not None and before.hash == digest:
        return before, True
    revision = before.revision + 1 if before else 1
    stated = load(text)
    tx.execute(
        "INSERT INTO settings_revision (revision, hash, body, actor, reason, applied_at)"
        " VALUES (:revision, :hash, :body, :actor, :reason, :at)",
        {"revision": revision, "hash": digest, "body": text, "actor": actor, "reason": reason, "at": tx.at},
    )
    _apply_hosts(tx, revision, stated["hosts"])
    old = before.body["models"] if before else {}
    for name, model in stated["models"].items():
        _apply_model(tx, revision, model, old.get(name))
    _remove_others(tx, stated["models"])
    if before is not None and before.body["time_zone"] != stated["time_zone"]:
        schedules.forget_times(tx)
    new = stated["models"]
    events.append(
        tx,
        actor=actor,
        action="settings.applied",
        subject_kind="settings",
        subject_id=str(revision),
        reason=reason,
        body={
            "hash": digest,
            "added": sorted(set(new) - set(old)),
            "changed": sorted(name for name in set(new) & set(old) if new[name] != old[name]),
            "removed": sorted(set(old) - set(new)),
        },
    )
    return SettingsRevision(revision, digest, stated, actor, tx.at), False


def current(reader: Reader) -> SettingsRevision | None:
    """Return the newest revision, None before the first."""
    row = reader.row("SELECT * FROM settings_revision ORDER BY revision DESC LIMIT 1")
    return _revision(row) if row else None


def applied_body(reader: Reader) -> Mapping[str, Any]:
    """Return what is applied, empty before the first revision: to be read only, for the next reader gets the same.

    A revision holds every model and never changes, so that it is parsed once.
    """
    row = reader.row("SELECT revision, hash FROM settings_revision ORDER BY revision DESC LIMIT 1")
    if row is None:
        return {}
    found = _BODIES.get(row["hash"])
    if found is None:
        found = load_shared(_text_of(reader, row["revision"]))
        _BODIES.clear()
        _BODIES[row["hash"]] = found
    return found


def body_of(reader: Reader, revision: int) -> Mapping[str, Any]:
    """Return what a revision says, to be read only: of the newest what `applied_body` returns.

    Raises:
        UnknownName: there is none of that number.
    """
    return applied_body(reader) if revision == newest(reader) else get(reader, revision).body


def deck_name(reader: Reader, folder: str) -> str:
    """Return the deck's name as its applied settings say it, its folder's where none are applied yet."""
    return str(applied_body(reader).get("name") or folder)


_BODIES: dict[str, Mapping[str, Any]] = {}  # the newest, by its content hash


def newest(reader: Reader) -> int:
    """Return the number of the newest revision, 0 before the first."""
    row = reader.row("SELECT max(revision) AS revision FROM settings_revision")
    return int(row["revision"] or 0) if row else 0


def get(reader: Reader, revision: int) -> SettingsRevision:
    """Return one revision.

    Raises:
        UnknownName: there is none of that number.
    """
    row = reader.row("SELECT * FROM settings_revision WHERE revision = :revision", {"revision": revision})
    if row is None:
        raise UnknownName(f"no settings revision {revision}")
    return _revision(row)


def hosts(reader: Reader) -> list[Host]:
    """Return the hosts that are declared now, by name."""
    found = reader.rows("SELECT name, kind, address, added_at FROM host WHERE removed_at IS NULL ORDER BY name")
    return [Host(**dict(row)) for row in found]


def _apply_hosts(tx: Write, revision: int, stated: list[dict[str, Any]]) -> None:
    names = [host["name"] for host in stated]
    here = [host["name"] for host in stated if host["kind"] == "process"]
    if len(here) > 1:
        raise Refused(f"{', '.join(here)}: there is at most one process host, this machine", "keep one of them")
    for row in tx.rows("SELECT name, kind FROM host WHERE removed_at IS NULL"):
        if row["name"] not in names:
            tx.execute("UPDATE host SET removed_at = :at WHERE name = :name", {"at": tx.at, "name": row["name"]})
    for host in stated:
        known = tx.row("SELECT kind FROM host WHERE name = :name", {"name": host["name"]})
        if known and known["kind"] != host["kind"]:
            raise Refused(
                f"host {host['name']!r} is of kind {known['kind']}, which is fixed when it is added",
                "give the new host another name",
            )
        tx.execute(
            "INSERT INTO host (name, kind, address, settings_revision, added_at)"
            " VALUES (:name, :kind, :address, :revision, :at) ON CONFLICT (name) DO UPDATE"
            " SET address = excluded.address, settings_revision = excluded.settings_revision, removed_at = NULL",
            {
                "name": host["name"],
                "kind": host["kind"],
                "address": host["address"],
                "revision": revision,
                "at": tx.at,
            },
        )


def _apply_model(tx: Write, revision: int, model: dict[str, Any], before: dict[str, Any] | None) -> None:
    """Make or change a model; a deleted one comes back, and `models describe` stands until the file says anew."""
    name, monitor = model["name"], model["monitor"]
    every = max(1, math.ceil(monitor["every_s"]))
    values = {
        "name": name,
        "task": model["task"],
        "owner": model["owner"],
        "description": model["description"],
        "described": int(before is None or before["description"] != model["description"]),
        "revision": revision,
        "at": tx.at,
        "every": every,
        "window": max(1, math.ceil(monitor["window_s"])),
        "by": monitor["by"],
        "lateness": math.ceil(monitor["lateness_s"]),
    }
    tx.execute(
        "INSERT INTO model (name, task, owner, description, settings_revision, created_at)"
        " VALUES (:name, :task, :owner, :description, :revision, :at) ON CONFLICT (name) DO UPDATE"
        " SET task = excluded.task, owner = excluded.owner, settings_revision = excluded.settings_revision,"
        " deleted_at = NULL,"
        " description = CASE WHEN :described = 1 THEN excluded.description ELSE model.description END",
        values,
    )
    tx.execute(
        "INSERT INTO experiment (name, model, created_at) VALUES (:name, :name, :at)"
        " ON CONFLICT (name) DO UPDATE SET model = excluded.model",
        values,
    )
    tx.execute(
        "INSERT INTO monitor (name, model, every_s, window_s, by, lateness_s, settings_revision)"
        " VALUES (:name, :name, :every, :window, :by, :lateness, :revision) ON CONFLICT (name) DO UPDATE"
        " SET every_s = excluded.every_s, window_s = excluded.window_s, by = excluded.by,"
        " lateness_s = excluded.lateness_s, settings_revision = excluded.settings_revision, removed_at = NULL",
        values,
    )
    schedules.declare(
        tx,
        revision,
        id=f"monitor:{name}",
        model=name,
        stated={"kind": "monitor", "trigger": f"every {duration(every)}", "grace_s": every},
    )
    for own, stated in model.get("schedules", {}).items():
        schedules.declare(tx, revision, id=f"{own}:{name}", model=name, stated=stated)


def _remove_others(tx: Write, stated: dict[str, Any]) -> None:
    """Stop watching models whose file is gone; the models and their versions stay."""
    for row in tx.rows("SELECT name, model FROM monitor WHERE removed_at IS NULL"):
        if row["model"] not in stated:
            tx.execute("UPDATE monitor SET removed_at = :at WHERE name = :name", {"at": tx.at, "name": row["name"]})
    wanted = {f"{own}:{name}" for name, model in stated.items() for own in ("monitor", *model.get("schedules", {}))}
    for schedule in schedules.schedules(tx):
        if schedule.id not in wanted:
            schedules.remove(tx, schedule.id)


def duration(seconds: int) -> str:
    """Write whole seconds the way settings files do: 90s, 5m, 1h, 2d."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _text_of(reader: Reader, revision: int) -> str:
    row = reader.row("SELECT body FROM settings_revision WHERE revision = :revision", {"revision": revision})
    assert row is not None  # revisions stay
    return str(row["body"])


def _revision(row: Row) -> SettingsRevision:
    return SettingsRevision(row["revision"], row["hash"], load(row["body"]), row["actor"], row["applied_at"])
