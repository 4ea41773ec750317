"""Handlers of operations on endpoints, releases, deployments and hosts."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from engine.access import Role
from engine.operations.common import Done, ModelRequest, NoRequest
from engine.operations.serving import (
    AbortRequest,
    ConvergeRequest,
    Cost,
    CostRequest,
    DeploymentDetail,
    DeployRequest,
    Predictions,
    PredictRequest,
    PromoteRequest,
    ReleaseChange,
    ReleaseDetail,
    ReleaseRequest,
    ReleasesRequest,
    RollbackRequest,
)
from engine.plans import Preview
from engine.service.call import operation_named
from engine.service.context import ServiceContext
from engine.service.costs import cost_of
from engine.service.handlers.comments import counted
from engine.service.handlers.deck import check_limit
from engine.service.handlers.settings import for_change
from store.errors import Held, NotAllowed, StaleBasis
from store.rows import Endpoint, Fault, Job, Release

if TYPE_CHECKING:
    from store.database import Database


def preview_promote(context: ServiceContext, request: PromoteRequest) -> Preview:
    """Return what a promotion would do."""
    from engine.release.preview import preview_promote as preview

    return preview(context.deck, request.model, request.version, request.reason, emergency=request.emergency)


def promote(context: ServiceContext, request: PromoteRequest) -> Release:
    """Open a promotion; without a basis, an admin's changed settings files are applied first."""
    from engine.release.submit import submit_promote

    if request.emergency and context.caller.role < Role.APPROVER:
        context.refusals.refused(context.deck, context.caller, operation_named("releases.promote"))
        raise NotAllowed(f"{context.caller.actor} may not pass over approvals: an approver may", "ask one")
    if not request.basis:
        for_change(context, request.model)
    try:
        return submit_promote(
            context.deck,
            request.model,
            request.version,
            basis=request.basis,
            reason=request.reason,
            emergency=request.emergency,
            actor=context.caller.actor,
            via=context.caller.via,
        )
    except (Held, StaleBasis) as error:  # nobody said yes, or to something else
        asked = operation_named("releases.promote")
        context.refusals.refused(context.deck, context.caller, asked, error.message, "request.refused")
        raise


def preview_rollback(context: ServiceContext, request: RollbackRequest) -> Preview:
    """Return what a rollback would do, with its proof."""
    from engine.release.preview import preview_rollback as preview

    return preview(context.deck, request.model)


def rollback(context: ServiceContext, request: RollbackRequest) -> Release:
    """Go back. Settings files are not even read: broken ones must never stand in the way back."""
    from engine.release.submit import submit_rollback

    return submit_rollback(
        context.deck,
        request.model,
        basis=request.basis,
        reason=request.reason,
        actor=context.caller.actor,
        via=context.caller.via,
    )


def preview_deploy(context: ServiceContext, request: DeployRequest) -> Preview:
    """Return what bringing the champion to the applied settings would do."""
    from engine.release.deploy import preview_deploy as preview

    return preview(context.deck, request.model)


def deploy(context: ServiceContext, request: DeployRequest) -> Release:
    """Open a deploy; without a basis, an admin's changed settings files are applied first."""
    from engine.release.deploy import submit_deploy

    if not request.basis:
        for_change(context, request.model)
    return submit_deploy(
        context.deck,
        request.model,
        basis=request.basis,
        reason=request.reason,
        actor=context.caller.actor,
        via=context.caller.via,
    )


def releases(context: ServiceContext, request: ReleasesRequest) -> list[Release]:
    """Return releases, newest first."""
    from store import models
    from store import releases as history

    check_limit(request.limit)
    if request.model is not None:
        models.model(context.deck.database, request.model)
    found = history.releases(context.deck.database, endpoint=request.model, limit=request.limit)
    return counted(context.deck.database, "release", found, lambda row: row.id)


def detail(context: ServiceContext, request: ReleaseRequest) -> ReleaseDetail:
    """Return one release with its steps; by a model's name it is the newest."""
    from store import releases as history

    newest = history.releases(context.deck.database, endpoint=request.id, limit=1)
    release = newest[0] if newest else history.release(context.deck.database, request.id)
    return ReleaseDetail(release, tuple(history.steps(context.deck.database, release.id)))


def pause(context: ServiceContext, request: ReleaseChange) -> Release:
    """Hold the running release."""
    from engine.release import control

    caller = context.caller
    return control.pause(context.deck, request.model, reason=request.reason, actor=caller.actor, via=caller.via)


def resume(context: ServiceContext, request: ReleaseChange) -> Release:
    """Let a held release go on."""
    from engine.release import control

    caller = context.caller
    return control.resume(context.deck, request.model, reason=request.reason, actor=caller.actor, via=caller.via)


def abort(context: ServiceContext, request: AbortRequest) -> Release:
    """Return the traffic to the champion."""
    from engine.release import control

    return control.abort(
        context.deck,
        request.model,
        basis=request.basis,
        reason=request.reason,
        actor=context.caller.actor,
        via=context.caller.via,
    )


def stop(context: ServiceContext, request: ReleaseChange) -> Done:
    """Stop serving a model."""
    from engine.release.stop import stop_endpoint

    caller = context.caller
    stopped = stop_endpoint(context.deck, request.model, reason=request.reason, actor=caller.actor, via=caller.via)
    if not stopped:
        return Done(f"already stopped: {request.model}", already=True)
    return Done(f"stopped serving {request.model}")


def endpoints(context: ServiceContext, _request: NoRequest) -> list[Endpoint]:
    """Return where each model answers, and what is wrong there."""
    from store import deployments as places
    from store import faults

    standing = faults.standing(context.deck.database)
    return [with_faults(one, standing) for one in places.endpoints(context.deck.database)]


def endpoint(context: ServiceContext, request: ModelRequest) -> Endpoint:
    """Return one model's endpoint, and what is wrong there."""
    from store import deployments as places
    from store import faults

    found = places.endpoint(context.deck.database, request.model)
    return with_faults(found, faults.standing(context.deck.database))


def with_faults(endpoint: Endpoint, standing: list[Fault]) -> Endpoint:
    """Return an endpoint with those standing faults that concern it; a stopped one has none."""
    if endpoint.stopped_at is not None:
        return endpoint
    mine = (one for one in standing if one.host in endpoint.addresses and one.model in (None, endpoint.model))
    return dataclasses.replace(endpoint, faults=tuple(mine))


def deployments(context: ServiceContext, _request: NoRequest) -> list[DeploymentDetail]:
    """Return what should run where, and what does."""
    from store import deployments as places
    from store import faults
    from store import routes as directions

    database = context.deck.database
    routes = {(route.endpoint, route.host): route for route in directions.routes(database)}
    replicas = places.replicas(database)
    standing = faults.standing(database)
    prices = _prices(database)
    return [
        DeploymentDetail(
            row,
            tuple(replica for replica in replicas if replica.deployment_id == row.id),
            routes.get((row.endpoint, row.host)),
            tuple(one for one in standing if one.host == row.host and (one.model is None or row.id in one.key)),
            cost_of(row, replicas, prices),
        )
        for row in places.deployments(database)
    ]


def cost(context: ServiceContext, request: CostRequest) -> list[Cost]:
    """Return what predictions have cost since each deployment's servers started."""
    from store import deployments as places
    from store import models

    database = context.deck.database
    if request.model is not None:
        models.there(database, request.model)
    replicas, prices = places.replicas(database), _prices(database)
    found = [
        cost_of(row, replicas, prices) for row in places.deployments(database) if request.model in (None, row.endpoint)
    ]
    return [one for one in found if one is not None]


def _prices(database: Database) -> dict[str, Any]:
    from store import settings

    current = settings.current(database)
    return dict(current.body.get("cost", {})) if current else {}


def preview_converge(context: ServiceContext, request: ConvergeRequest) -> Preview:
    """Return what differs on a model's hosts."""
    from engine.release.converge import preview_converge as preview

    return preview(context.deck, request.model)


def converge(context: ServiceContext, request: ConvergeRequest) -> Job:
    """Bring a model's hosts to what the registry says."""
    from engine.release.converge import submit_converge

    return submit_converge(
        context.deck,
        request.model,
        basis=request.basis,
        reason=request.reason,
        actor=context.caller.actor,
        via=context.caller.via,
    )


def predict(context: ServiceContext, request: PredictRequest) -> Predictions:
    """Ask an endpoint the way any client would: through its router, with the deck's own key."""
    from engine.deploy.asking import ask_as_the_deck
    from engine.model_io.asked import inputs_of
    from engine.settings.apply import settings_of
    from store import versions

    deck = context.deck
    champion = versions.named(deck.database, request.model, "champion")
    settings = settings_of(deck, champion.settings_revision).models.get(request.model) if champion else None
    records, ignored = inputs_of(request.records, settings.data.aside if settings else ())
    return dataclasses.replace(ask_as_the_deck(deck, request.model, records), ignored=ignored)
