"""Routes: the generation each host's router should apply, the one it has, and what was routed when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from store import events
from store.database import Reader, Row, Write
from store.errors import UnknownName
from store.json_text import dump, load
from store.rows import Route, RouteSpan

_ROUTE = (
    "SELECT r.endpoint, r.host, r.desired_generation, r.applied_generation, g.entries, g.release_id, g.desired_at,"
    " r.applied_at FROM route r JOIN route_generation g"
    " ON g.endpoint = r.endpoint AND g.host = r.host AND g.generation = r.desired_generation"
)
_ENTRY = ("deployment_id", "version", "image", "weight", "role")


def set_routes(
    tx: Write,
    endpoint: str,
    host: str,
    entries: Sequence[dict[str, Any]],
    release_id: str | None = None,
    *,
    actor: str | None = None,
) -> int:
    """Desire new entries for an endpoint on a host and return their generation; the same entries keep theirs.

    An entry is {"deployment_id", "version", "image", "weight", "role"}. Entries with traffic also mark a stopped
    endpoint as serving again. `actor` defaults to whoever asked for the release.
    """
    wanted = dump([{name: entry.get(name) for name in _ENTRY} for entry in entries])
    stands = route(tx, endpoint, host)
    if stands is not None and dump(list(stands.entries)) == wanted:
        return stands.desired_generation
    generation = stands.desired_generation + 1 if stands else 1
    values = {
        "endpoint": endpoint,
        "host": host,
        "generation": generation,
        "entries": wanted,
        "release": release_id,
        "at": tx.at,
    }
    tx.execute(
        "INSERT INTO route_generation (endpoint, host, generation, entries, release_id, desired_at)"
        " VALUES (:endpoint, :host, :generation, :entries, :release, :at)",
        values,
    )
    tx.execute(
        "INSERT INTO route (endpoint, host, desired_generation, applied_generation)"
        " VALUES (:endpoint, :host, :generation, 0)"
        " ON CONFLICT (endpoint, host) DO UPDATE SET desired_generation = excluded.desired_generation",
        values,
    )
    if any(entry.get("weight") for entry in entries):
        tx.execute("UPDATE endpoint SET stopped_at = NULL WHERE name = :endpoint AND stopped_at IS NOT NULL", values)
    _record(
        tx,
        "route.desired",
        endpoint,
        host,
        actor or _asker(tx, release_id) or f"reconciler:{host}",
        {"generation": generation, "release_id": release_id, "weights": _weights(entries)},
    )
    return generation


def acknowledge(tx: Write, endpoint: str, host: str, generation: int) -> None:
    """Write that a host's router now applies a generation, and the history that follows from it.

    A generation older than one already acknowledged changes nothing.

    Raises:
        UnknownName: that generation was never desired.
    """
    row = tx.row(
        "SELECT g.entries, g.release_id, r.applied_generation FROM route_generation g JOIN route r"
        " ON r.endpoint = g.endpoint AND r.host = g.host"
        " WHERE g.endpoint = :endpoint AND g.host = :host AND g.generation = :generation",
        {"endpoint": endpoint, "host": host, "generation": generation},
    )
    if row is None:
        raise UnknownName(f"no generation {generation} of the route of {endpoint} on {host}")
    if row["applied_generation"] >= generation:
        return
    entries = load(row["entries"])
    tx.execute(
        "UPDATE route SET applied_generation = :generation, applied_at = :at"
        " WHERE endpoint = :endpoint AND host = :host",
        {"endpoint": endpoint, "host": host, "generation": generation, "at": tx.at},
    )
    _write_history(tx, endpoint, host, generation, entries, row["release_id"])
    _record(
        tx,
        "route.applied",
        endpoint,
        host,
        f"reconciler:{host}",
        {"generation": generation, "release_id": row["release_id"], "weights": _weights(entries)},
    )


def route(reader: Reader, endpoint: str, host: str) -> Route | None:
    """Return the route of an endpoint on a host, None before its first."""
    row = reader.row(f"{_ROUTE} WHERE r.endpoint = :endpoint AND r.host = :host", {"endpoint": endpoint, "host": host})
    return _route(row) if row else None


def routes(reader: Reader, host: str | None = None) -> list[Route]:
    """Return every route, by endpoint and host."""
    where = "WHERE r.host = :host" if host is not None else ""
    return [_route(row) for row in reader.rows(f"{_ROUTE} {where} ORDER BY r.endpoint, r.host", {"host": host})]


def route_history(
    reader: Reader, endpoint: str | None = None, limit: int = 100, *, at_us: int | None = None
) -> list[RouteSpan]:
    """Return spans newest first; `at_us` keeps those that held at that moment."""
    clauses = []
    if endpoint is not None:
        clauses.append("endpoint = :endpoint")
    if at_us is not None:
        clauses.append("from_at <= :moment AND (to_at IS NULL OR to_at > :moment)")
    where = f"WHERE {' AND '.join(clauses)}" if clauses else ""
    found = reader.rows(
        "SELECT endpoint, host, version, image, weight, role, generation, release_id, from_at, to_at FROM route_history"
        f" {where} ORDER BY from_at DESC, generation DESC, version DESC LIMIT :limit",
        {"endpoint": endpoint, "moment": at_us, "limit": limit},
    )
    return [RouteSpan(**dict(row)) for row in found]


def _write_history(
    tx: Write, endpoint: str, host: str, generation: int, entries: list[dict[str, Any]], release_id: str | None
) -> None:
    """Close the spans that end here and open those that begin; an unchanged entry's span goes on."""
    place = {"endpoint": endpoint, "host": host}
    held = {
        tuple(row[name] for name in _ENTRY)
        for row in tx.rows(
            "SELECT * FROM route_history WHERE endpoint = :endpoint AND host = :host AND to_at IS NULL", place
        )
    }
    now = {tuple(entry[name] for name in _ENTRY): entry for entry in entries}
    tx.execute_many(
        "UPDATE route_history SET to_at = :at WHERE endpoint = :endpoint AND host = :host"
        " AND deployment_id = :deployment AND to_at IS NULL",
        [{**place, "deployment": gone[0], "at": tx.at} for gone in held - now.keys()],
    )
    tx.execute_many(
        "INSERT INTO route_history (endpoint, host, generation, deployment_id, version, image, weight, role,"
        " release_id, from_at) VALUES (:endpoint, :host, :generation, :deployment_id, :version, :image, :weight, :role,"
        " :release, :at)",
        [
            {**place, **entry, "generation": generation, "release": release_id, "at": tx.at}
            for key, entry in now.items()
            if key not in held
        ],
    )


def _weights(entries: Sequence[dict[str, Any]]) -> dict[str, int]:
    return {str(entry["version"]): entry["weight"] for entry in entries}


def _asker(tx: Write, release_id: str | None) -> str | None:
    row = tx.row("SELECT actor FROM release WHERE id = :id", {"id": release_id}) if release_id else None
    return str(row["actor"]) if row else None


def _record(tx: Write, action: str, endpoint: str, host: str, actor: str, body: dict[str, Any]) -> None:
    row = tx.row("SELECT model FROM endpoint WHERE name = :name", {"name": endpoint})
    events.append(
        tx,
        actor=actor,
        action=action,
        subject_kind="route",
        subject_id=f"{endpoint}:{host}",
        model=row["model"] if row else None,
        body=body,
    )


def _route(row: Row) -> Route:
    return Route(**{**dict(row), "entries": tuple(load(row["entries"]))})
