"""Handlers of operations on images."""

from __future__ import annotations

import json
from typing import Any

from engine.operations.hosts import HostRequest
from engine.operations.images import ImageDetail, ImagePackage, ImageRequest, ImagesRequest
from engine.service.context import ServiceContext
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


def show(context: ServiceContext, request: ImageRequest) -> ImageDetail:
    """Return what an image was made of, from the record that was kept when it was built."""
    from store import images as made

    image = made.image(context.deck.database, request.id)
    if not image.record_hash:
        raise Refused(f"of image {image.digest[:19]} nothing was recorded", "it is from before records: deploy it anew")
    record = json.loads(context.deck.artifacts.read(image.record_hash))
    base = record["base"]
    return ImageDetail(
        image,
        base["name"],
        base["python"],
        base["why"],
        tuple(
            ImagePackage(one["name"], one["version"], one.get("licence", "unknown"), one["sha256"])
            for one in sorted(record["wheels"], key=lambda one: str(one["name"]))
        ),
        tuple(record["layers"]),
        _of_base(base.get("contents")),
    )


def _of_base(contents: Any) -> tuple[ImagePackage, ...]:
    """Return the system's packages in a base, as the record of its making names them; none of a base made elsewhere."""
    told = contents.get("packages") if isinstance(contents, dict) else None
    if not isinstance(told, dict):
        return ()
    return tuple(
        ImagePackage(name, str(one.get("version", "")), "unknown", str(one.get("sha256", "")))
        for name, one in sorted(told.items())
        if isinstance(one, dict)
    )


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
