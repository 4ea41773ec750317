"""Handlers of operations on images."""

from __future__ import annotations

from engine.operations.hosts import HostRequest
from engine.operations.images import ImagesRequest
from engine.service.call import ServiceContext
from engine.settings.apply import current_settings
from engine.settings.work import terms
from store.errors import Refused, UnknownName
from store.rows import Image, Job

BUILD_BASE = "build-base"


def images(context: ServiceContext, request: ImagesRequest) -> list[Image]:
    """Return images, newest first."""
    from store import images as made
    from store import models

    if request.model is not None:
        models.model(context.deck.database, request.model)
    return made.images(context.deck.database, request.model)


def build_base(context: ServiceContext, request: HostRequest) -> Job:
    """Enqueue the making of a base for a Docker host; a second wish for the same host is the first."""
    from store import jobs
    from store import settings as applied

    declared, revision = current_settings(context.deck)
    known = {host.name: host for host in declared.hosts}
    host = known.get(request.name)
    if host is None:
        raise UnknownName(f"no host named {request.name!r}", f"the deck has {', '.join(sorted(known))}")
    if host.kind != "docker":
        raise Refused(f"{host.name} runs processes: it needs no images", "name a docker host: modeldeck hosts")
    with context.deck.database.write() as tx:
        return jobs.enqueue(
            tx,
            kind=BUILD_BASE,
            args={"host": host.name},
            terms=terms(applied.get(tx, revision).body, BUILD_BASE),
            actor=context.caller.actor,
            via=context.caller.via,
            settings_revision=revision,
            dedupe_key=f"{BUILD_BASE}:{host.name}",
        )
