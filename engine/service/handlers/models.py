"""Handlers of operations on models, versions and aliases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.operations.common import Done, NoRequest
from engine.operations.models import (
    CompareVersions,
    Comparison,
    DeriveVersion,
    ModelsRequest,
    RemoveAlias,
    SetAlias,
    VersionsListed,
    VersionsPage,
    VersionsRequest,
)
from engine.service.context import ServiceContext
from engine.service.filters import parse
from engine.service.handlers.comments import counted
from engine.service.handlers.deck import check_limit
from store.errors import Refused
from store.rows import Alias, Job, Model, Version

CHAMPION = "champion"


def models(context: ServiceContext, request: ModelsRequest) -> list[Model]:
    """Return the deck's models."""
    from store import models as names

    reader = context.deck.database
    return counted(reader, "model", names.models(reader, deleted=request.deleted), lambda row: row.name)


def versions(context: ServiceContext, request: VersionsRequest) -> list[Version]:
    """Return a model's versions that match, newest first unless another order is asked for."""
    return list(page(context, request).rows)


def page(context: ServiceContext, request: VersionsRequest) -> VersionsPage:
    """Return one page of them, and where the next begins."""
    from store.search.versions import find_versions

    return VersionsPage(*_found(context, request, find_versions))


def listed(context: ServiceContext, request: VersionsRequest) -> VersionsListed:
    """Return the same page, of each version only what a list shows."""
    from store.search.versions import find_summaries

    return VersionsListed(*_found(context, request, find_summaries))


def _found(
    context: ServiceContext, request: VersionsRequest, find: Callable[..., tuple[list[Any], str | None]]
) -> tuple[tuple[Any, ...], str | None]:
    check_limit(request.limit)
    wanted = parse(request.filter)
    rows, after = find(
        context.deck.database,
        request.model,
        wanted.searched(),
        matches=wanted.matches,
        deleted=request.deleted,
        order=request.order,
        after=request.after,
        limit=request.limit,
    )
    return tuple(counted(context.deck.database, "version", rows, lambda row: f"{row.model}@{row.number}")), after


def compare(context: ServiceContext, request: CompareVersions) -> Comparison:
    """Return what differs between two versions."""
    from engine.release.plan import differences
    from store import versions as numbers

    first, second = (numbers.referred(context.deck.database, ref) for ref in (request.first, request.second))
    return Comparison(f"{first.model}@{first.number}", f"{second.model}@{second.number}", differences(first, second))


def derive(context: ServiceContext, request: DeriveVersion) -> Job:
    """Enqueue the making of a version with another threshold.

    Raises:
        Refused: no such threshold, or there is a version of it already.
    """
    from engine.service.handlers.runs import enqueue_pinned
    from engine.training.threshold import check_threshold
    from store import versions as numbers
    from store.lineage import derived

    database = context.deck.database
    version = numbers.version(database, request.model, request.version)
    threshold = check_threshold(version, request.threshold)
    for other in derived(database, version):
        if other.deleted_at is None and other.decision.get("threshold") == threshold:
            raise Refused(
                f"{request.model}@{other.number} is {request.model}@{version.number} at {threshold:g} already",
                f"modeldeck promote {request.model} {other.number}",
            )
    args = {"version": version.number, "threshold": threshold, "reason": request.reason}
    return enqueue_pinned(context, "derive", version, args)


def aliases(context: ServiceContext, _request: NoRequest) -> list[Alias]:
    """Return every alias of the models that are not deleted."""
    from store import models as names

    with context.deck.database.reading() as reader:
        listed = {model.name for model in names.models(reader)}
        return [alias for alias in names.aliases(reader) if alias.model in listed]


def set_alias(context: ServiceContext, request: SetAlias) -> Done:
    """Point an alias at a version."""
    from store import models as names
    from store import versions as numbers

    if request.name == CHAMPION:
        raise Refused(
            "the champion moves by a release, so that gates and traffic go with it",
            f"modeldeck promote {request.model} {request.version}",
        )
    with context.deck.database.write() as tx:
        if numbers.version(tx, request.model, request.version).deleted_at is not None:
            raise Refused(
                f"{request.model}@{request.version} is deleted",
                f"bring it back: modeldeck versions restore {request.model} {request.version}",
            )
        now = {alias.name: alias.version for alias in names.aliases(tx, request.model)}
        said = f"{request.name} of {request.model} names version {request.version}"
        if now.get(request.name) == request.version:
            return Done(f"already: {said}", already=True)
        names.set_alias(
            tx, request.model, request.name, request.version, actor=context.caller.actor, reason=request.reason
        )
    return Done(said)


def remove_alias(context: ServiceContext, request: RemoveAlias) -> Done:
    """Remove an alias."""
    from store import models as names

    if request.name == CHAMPION:
        raise Refused("the champion cannot be removed", f"stop serving it: modeldeck endpoints stop {request.model}")
    with context.deck.database.write() as tx:
        names.model(tx, request.model)
        if request.name not in {alias.name for alias in names.aliases(tx, request.model)}:
            return Done(f"already removed: {request.model} has no alias {request.name}", already=True)
        names.remove_alias(tx, request.model, request.name, actor=context.caller.actor, reason=request.reason)
    return Done(f"removed {request.name} of {request.model}")
