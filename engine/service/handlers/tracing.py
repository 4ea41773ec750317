"""Handler of the operation that traces a prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.operations.tracing import Trace, TraceRequest
from engine.service import apart
from engine.service.context import ServiceContext
from store.errors import UnknownName

if TYPE_CHECKING:
    from engine.deck import Deck
    from store.database import Reader
    from store.rows import Deployment


def trace(context: ServiceContext, request: TraceRequest) -> Trace:
    """Return where a prediction came from: its log line, then the registry."""
    from store import deployments, images, releases, versions
    from store.rows import Release

    deck, reader = context.deck, context.deck.database
    row = apart.find(deck.workspace, request.prediction_id)
    if row is None:
        raise UnknownName(
            f"no prediction {request.prediction_id!r} is on the log",
            "one made on another host arrives within a second or two, once the host answers",
        )
    deployment = deployments.deployment(reader, row["deployment"])
    version = versions.version(reader, row["endpoint"], row["version"])
    release: Release | None = releases.release(reader, deployment.release_id) if deployment.release_id else None
    image = images.image(reader, deployment.image) if deployment.image else None
    outcome = row["outcome"] or {}
    return Trace(
        prediction_id=row["prediction_id"],
        request_id=row["request_id"],
        client_id=row["client_id"],
        model=version.model,
        version=version.number,
        kind=row["kind"],
        status=row["status"],
        received_at=row["received_at"],
        latency_us=row["latency_us"],
        host=deployment.host,
        deployment=deployment.id,
        containers=_containers(deck, deployment),
        image=image.digest if image else None,
        run=version.run_id,
        snapshot=version.snapshot_id,
        settings_revision=version.settings_revision,
        release=release.id if release else None,
        released_by=release.actor if release else None,
        released_at=release.requested_at if release else None,
        reason=release.reason if release else "",
        outcome=outcome["text"] if outcome.get("text") is not None else outcome.get("number"),
        outcome_at=outcome.get("received_at"),
        outcome_by=_teller(reader, version.model, outcome.get("received_at")),
    )


def _teller(reader: Reader, model: str, received_at: int | None) -> str | None:
    """Return whose delivery an outcome came with: all outcomes of one bear the moment of its batch."""
    from store import watching

    batch = None if received_at is None else watching.outcome_batch_of(reader, model, received_at)
    return batch.actor if batch else None


def _containers(deck: Deck, deployment: Deployment) -> tuple[str, ...]:
    """Return the names of a deployment's containers, each with its id where it is still known."""
    if deployment.image is None:
        return ()
    from engine.deploy.images.container import container_name
    from store import deployments

    seen = {one.number: one.proof.get("container", "") for one in deployments.replicas(deck.database, deployment.id)}
    deck_name = deck.workspace.root.name
    found = []
    for number in range(1, deployment.replicas + 1):
        name = container_name(deck_name, deployment.endpoint, deployment.version, deployment.id, number)
        found.append(f"{name} {seen.get(number, '')}".rstrip())
    return tuple(found)
