"""Endpoints, deployments and replicas: what should answer where, and what is seen of it.

Routes are in `store.routes`; their functions are offered here too, since a deployment and its route change together.
"""

from __future__ import annotations

from collections import defaultdict

from store import events, models
from store.database import Reader, Row, Write, fields
from store.errors import UnknownName
from store.ids import new_id
from store.json_text import dump, load
from store.lookup import unknown
from store.routes import acknowledge, route, route_history, routes, set_routes
from store.rows import Deployment, Endpoint, Replica
from store.settings import hosts

__all__ = [
    "acknowledge",
    "add_deployment",
    "deployment",
    "deployments",
    "end_deployment",
    "endpoint",
    "endpoints",
    "ensure_endpoint",
    "hosts",
    "left",
    "put_replica",
    "remove_replica",
    "replicas",
    "route",
    "route_history",
    "routes",
    "set_address",
    "set_desired",
    "set_routes",
    "stop_endpoint",
]

_ENDPOINT = (
    "SELECT e.name, e.model, e.created_at, e.stopped_at,"
    " (SELECT a.version FROM alias a WHERE a.model = e.model AND a.name = 'champion') AS champion FROM endpoint e"
)

# a host that an endpoint has left is none of its addresses; a stopped endpoint keeps its own
_READY = (
    "SELECT d.endpoint, count(*) AS servers FROM replica r JOIN deployment d ON d.id = r.deployment_id"
    " WHERE r.state = 'ready' AND d.ended_at IS NULL GROUP BY d.endpoint"
)
_ADDRESSES = (
    "SELECT a.endpoint, a.host, a.url FROM endpoint_address a JOIN endpoint e ON e.name = a.endpoint"
    " WHERE e.stopped_at IS NOT NULL OR NOT EXISTS (SELECT 1 FROM route r JOIN route_generation g"
    " ON g.endpoint = r.endpoint AND g.host = r.host AND g.generation = r.desired_generation"
    " WHERE r.endpoint = a.endpoint AND r.host = a.host AND g.entries = '[]') ORDER BY a.endpoint, a.host"
)


def left(reader: Reader) -> set[tuple[str, int]]:
    """Return each (model, version) that was deployed and now serves nowhere: stopped, or kept warm as the way back."""
    rows = reader.rows(
        "SELECT model, version FROM deployment GROUP BY model, version"
        " HAVING sum(CASE WHEN ended_at IS NULL AND desired = 'serving' THEN 1 ELSE 0 END) = 0"
    )
    return {(row["model"], row["version"]) for row in rows}


def ensure_endpoint(tx: Write, model: str) -> Endpoint:
    """Return the endpoint of a model, made if this is its first release.

    Raises:
        UnknownName: the deck has no such model.
    """
    models.model(tx, model)
    tx.execute(
        "INSERT INTO endpoint (name, model, created_at) VALUES (:model, :model, :at) ON CONFLICT (name) DO NOTHING",
        {"model": model, "at": tx.at},
    )
    return endpoint(tx, model)


def endpoint(reader: Reader, name: str) -> Endpoint:
    """Return one endpoint.

    Raises:
        UnknownName: there is none of that name.
    """
    found = _endpoints(reader, reader.rows(f"{_ENDPOINT} WHERE e.name = :name", {"name": name}))
    if not found:
        raise unknown("endpoint", name, [row["name"] for row in reader.rows("SELECT name FROM endpoint")])
    return found[0]


def endpoints(reader: Reader) -> list[Endpoint]:
    """Return every endpoint, stopped ones too, by name."""
    return _endpoints(reader, reader.rows(f"{_ENDPOINT} ORDER BY e.name"))


def stop_endpoint(tx: Write, name: str, *, actor: str, reason: str = "", via: str | None = None) -> Endpoint:
    """Mark an endpoint as stopped; the next route with traffic marks it as serving again."""
    stands = endpoint(tx, name)
    if stands.stopped_at is not None:
        return stands
    tx.execute("UPDATE endpoint SET stopped_at = :at WHERE name = :name", {"at": tx.at, "name": name})
    events.append(
        tx,
        actor=actor,
        action="endpoint.stopped",
        subject_kind="endpoint",
        subject_id=name,
        model=stands.model,
        reason=reason,
        via=via,
    )
    return endpoint(tx, name)


def set_address(tx: Write, endpoint: str, host: str, url: str) -> None:
    """Say at which URL an endpoint answers on a host."""
    tx.execute(
        "INSERT INTO endpoint_address (endpoint, host, url, set_at) VALUES (:endpoint, :host, :url, :at)"
        " ON CONFLICT (endpoint, host) DO UPDATE SET url = excluded.url, set_at = excluded.set_at"
        " WHERE endpoint_address.url <> excluded.url",
        {"endpoint": endpoint, "host": host, "url": url, "at": tx.at},
    )


def add_deployment(  # noqa: PLR0913 (one keyword for each thing that is desired)
    tx: Write,
    *,
    endpoint: str,
    host: str,
    version: int,
    role: str,
    settings_revision: int,
    weight: int = 0,
    replicas: int = 1,
    release_id: str | None = None,
    image: str | None = None,
) -> Deployment:
    """Desire a version on a host; the reconciler brings it up (`desired` is serving).

    Raises:
        UnknownName: there is no such endpoint.
    """
    id = new_id(tx.clock)
    made = tx.execute(
        "INSERT INTO deployment (id, endpoint, host, model, version, image, role, desired, weight, replicas,"
        " generation, settings_revision, release_id, created_at) SELECT :id, name, :host, model, :version, :image,"
        " :role, 'serving', :weight, :replicas, 1, :settings, :release, :at FROM endpoint WHERE name = :endpoint",
        {
            "id": id,
            "endpoint": endpoint,
            "host": host,
            "version": version,
            "image": image,
            "role": role,
            "weight": weight,
            "replicas": replicas,
            "settings": settings_revision,
            "release": release_id,
            "at": tx.at,
        },
    )
    if not made:
        raise UnknownName(f"no endpoint {endpoint!r}", "modeldeck endpoints lists them")
    return deployment(tx, id)


def set_desired(
    tx: Write, deployment_id: str, desired: str, role: str | None = None, weight: int | None = None
) -> Deployment:
    """Change what a deployment should do: serving, warm or stopped; its generation counts the changes."""
    tx.execute(
        "UPDATE deployment SET desired = :desired, role = coalesce(:role, role), weight = coalesce(:weight, weight),"
        " generation = generation + 1 WHERE id = :id AND (desired <> :desired OR role <> coalesce(:role, role)"
        " OR weight <> coalesce(:weight, weight))",
        {"id": deployment_id, "desired": desired, "role": role, "weight": weight},
    )
    return deployment(tx, deployment_id)


def end_deployment(tx: Write, deployment_id: str) -> Deployment:
    """Close a stopped deployment once none of its servers is left; its replicas go with it."""
    tx.execute("DELETE FROM replica WHERE deployment_id = :id", {"id": deployment_id})
    tx.execute(
        "UPDATE deployment SET ended_at = :at, desired = 'stopped', weight = 0 WHERE id = :id AND ended_at IS NULL",
        {"id": deployment_id, "at": tx.at},
    )
    return deployment(tx, deployment_id)


def deployment(reader: Reader, id: str) -> Deployment:
    """Return one deployment by its whole id.

    Raises:
        UnknownName: there is none.
    """
    row = reader.row("SELECT * FROM deployment WHERE id = :id", {"id": id})
    if row is None:
        raise UnknownName(f"no deployment {id!r}", "modeldeck deployments lists them")
    return _deployment(row)


def deployments(
    reader: Reader, endpoint: str | None = None, host: str | None = None, live_only: bool = True
) -> list[Deployment]:
    """Return deployments newest first; `live_only` leaves out those that have ended (stopping ones stay in)."""
    wanted = [
        clause
        for clause, given in (
            ("endpoint = :endpoint", endpoint is not None),
            ("host = :host", host is not None),
            ("ended_at IS NULL", live_only),
        )
        if given
    ]
    where = f"WHERE {' AND '.join(wanted)}" if wanted else ""
    found = reader.rows(f"SELECT * FROM deployment {where} ORDER BY id DESC", {"endpoint": endpoint, "host": host})
    return [_deployment(row) for row in found]


def put_replica(tx: Write, replica: Replica) -> None:
    """Write what is seen of a server; no event."""
    tx.execute(
        "INSERT INTO replica (id, deployment_id, number, state, pid, pid_started, port, detail, proof, started_at,"
        " observed_at) VALUES (:id, :deployment, :number, :state, :pid, :pid_started, :port, :detail, :proof,"
        " :started, :observed) ON CONFLICT (id) DO UPDATE SET number = excluded.number, state = excluded.state,"
        " pid = excluded.pid, pid_started = excluded.pid_started, port = excluded.port, detail = excluded.detail,"
        " proof = excluded.proof, started_at = excluded.started_at, observed_at = excluded.observed_at",
        {
            "id": replica.id,
            "deployment": replica.deployment_id,
            "number": replica.number,
            "state": replica.state,
            "pid": replica.pid,
            "pid_started": replica.pid_started,
            "port": replica.port,
            "detail": replica.detail,
            "proof": dump(replica.proof),
            "started": replica.started_at,
            "observed": replica.observed_at,
        },
    )


def remove_replica(tx: Write, id: str) -> None:
    """Forget a server that is gone for good."""
    tx.execute("DELETE FROM replica WHERE id = :id", {"id": id})


def replicas(reader: Reader, deployment_id: str | None = None) -> list[Replica]:
    """Return the servers seen of one deployment, or of all that have not ended, by number."""
    where = (
        "deployment_id = :deployment"
        if deployment_id is not None
        else "deployment_id IN (SELECT id FROM deployment WHERE ended_at IS NULL)"
    )
    found = reader.rows(
        f"SELECT * FROM replica WHERE {where} ORDER BY deployment_id, number, id", {"deployment": deployment_id}
    )
    return [Replica(**{**dict(row), "proof": load(row["proof"])}) for row in found]


def _endpoints(reader: Reader, found: list[Row]) -> list[Endpoint]:
    addresses: dict[str, dict[str, str]] = defaultdict(dict)
    for row in reader.rows(_ADDRESSES):
        addresses[row["endpoint"]][row["host"]] = row["url"]
    servers = {row["endpoint"]: row["servers"] for row in reader.rows(_READY)}
    return [
        Endpoint(**dict(row), addresses=addresses[row["name"]], servers=servers.get(row["name"], 0)) for row in found
    ]


def _deployment(row: Row) -> Deployment:
    return Deployment(**fields(row, "model"))
