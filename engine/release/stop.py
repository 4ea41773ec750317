"""Stops serving a model: nothing answers at its endpoint any more; versions and aliases stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.release.routing import live
from store import deployments, models, releases
from store.errors import Refused

if TYPE_CHECKING:
    from engine.deck import Deck


def stop_endpoint(deck: Deck, model: str, *, reason: str = "", actor: str, via: str | None = None) -> bool:
    """Take all traffic away and stop every server of a model; returns False where it was stopped already.

    Raises:
        UnknownName: no such model.
        Refused: a release of the model is open, or it never served.
    """
    with deck.database.write() as tx:
        models.model(tx, model)
        endpoint = next((one for one in deployments.endpoints(tx) if one.name == model), None)
        if endpoint is None:
            raise Refused(f"{model} has never served", f"modeldeck promote {model} VERSION")
        active = releases.active(tx, model)
        if active is not None:
            raise Refused(f"a release of {model} is open", f"first: modeldeck releases abort {model}")
        if endpoint.stopped_at is not None:
            return False
        for route in deployments.routes(tx):
            if route.endpoint == model and route.entries:
                deployments.set_routes(tx, model, route.host, [], None)
        for deployment in live(tx, model):
            deployments.set_desired(tx, deployment.id, "stopped", role=deployment.role)
        deployments.stop_endpoint(tx, model, actor=actor, reason=reason, via=via)
        return True
