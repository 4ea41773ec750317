"""Handlers of operations on the keys that open endpoints."""

from __future__ import annotations

from typing import Any

from engine.operations.common import Done
from engine.operations.keys import KeyChange, KeysRequest
from engine.service.context import ServiceContext
from store import endpoint_keys
from store.rows import EndpointKey


def keys(context: ServiceContext, request: KeysRequest) -> list[EndpointKey]:
    """Return keys, without what opens."""
    return endpoint_keys.keys(context.deck.database, request.model)


def add(context: ServiceContext, request: KeyChange) -> Done:
    """Make a key. It is in this answer and nowhere else; its digest is what is kept."""
    from engine.deploy.keys import digest, new_endpoint_key

    key = new_endpoint_key()
    with context.deck.database.write(dry_run=request.dry_run) as tx:
        made = endpoint_keys.add(tx, request.model, request.name, digest(key), **_who(context, request))
    if request.dry_run:
        body = {"model": made.model, "name": made.name, "warnings": _unused(context, made.model)}
        return Done(f"would be made: {made.name} of {made.model}", body=body)
    warnings = ["this is the one time it is shown", *_unused(context, made.model)]
    return Done(key, body={"model": made.model, "name": made.name, "key": key, "warnings": warnings})


def revoke(context: ServiceContext, request: KeyChange) -> Done:
    """Revoke a key; routers refuse it with their next look at the registry."""
    with context.deck.database.write(dry_run=request.dry_run) as tx:
        known, already = endpoint_keys.revoke(tx, request.model, request.name, **_who(context, request))
    body = {"model": known.model, "name": known.name}
    done = "would be revoked" if request.dry_run and not already else "revoked"
    return Done(f"{done}: {known.name} of {known.model}", already=already, body=body)


def _who(context: ServiceContext, request: KeyChange) -> dict[str, Any]:
    return {"actor": context.caller.actor, "reason": request.reason, "via": context.caller.via}


def _unused(context: ServiceContext, model: str) -> list[str]:
    """Say where nobody asks for the key yet."""
    from engine.settings.apply import current_settings

    stated = current_settings(context.deck)[0].models.get(model)
    if stated is None or stated.endpoint.keys:
        return []
    return [f"{model} is open to all until its file says [endpoint] keys = true and is applied"]
