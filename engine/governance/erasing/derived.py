"""What was made of a person's rows: versions; images and backups that still hold some of them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from engine.operations.erasures import DerivedVersion
from store import blobs, deployments, erasures, events, images, models, versions
from store.needs import held
from store.rows import Event, Version, rfc3339

if TYPE_CHECKING:
    from store.database import Reader
    from store.rows import ErasureItem

MOST = 1000


def derived(reader: Reader, snapshot_ids: Collection[str]) -> tuple[DerivedVersion, ...]:
    """Return every version that learned from these snapshots, or that was made of such a version."""
    known = [version for name in models.names(reader) for version in versions.ever(reader, name)]
    how: dict[tuple[str, int], str] = {}
    for one in known:
        if one.snapshot_id in snapshot_ids:
            how[one.model, one.number] = "trained on rows of this person"
    grown = True
    while grown:
        learned = {one.artifact_hash for one in known if (one.model, one.number) in how}
        more = {(one.model, one.number): told for one in known if (told := _from(one, how, learned))}
        grown = not more.keys() <= how.keys()
        how = {**more, **how}
    holders = held(reader)
    return tuple(
        DerivedVersion(
            one.model, one.number, how[one.model, one.number], holders.get((one.model, one.number), ""), _state(one)
        )
        for one in known
        if (one.model, one.number) in how
    )


def snapshots_of(reader: Reader, items: Collection[ErasureItem]) -> set[str]:
    """Return the snapshots that an erasure changed, and those that they had replaced themselves."""
    found = {item.name for item in items if item.kind == "snapshot"}
    replaced = blobs.replaced(reader)
    while more := {old for old, new in replaced.items() if new in found} - found:
        found |= more
    return found


def stale_images(reader: Reader, items: Collection[ErasureItem]) -> tuple[str, ...]:
    """Return one line for each image that carries golden requests from before the erasure."""
    told = []
    for item in (one for one in items if one.kind == "golden"):
        model, number = versions.parse_ref(item.name)
        told += [
            f"image {image.id[:12]} of {item.name} carries its former golden requests"
            for image in images.images(reader, model)
            if image.version == number and image.built_at < item.at
        ]
    return tuple(told)


def servers(reader: Reader, refs: Collection[str]) -> tuple[str, ...]:
    """Return one line for each server that runs a version whose golden requests are the person's, `model@7`.

    One in a process reads its folder again before it asks them; one in a container has them in its image.
    """
    told = []
    for one in deployments.deployments(reader):
        ref = f"{one.endpoint}@{one.version}"  # every model owns the endpoint of its name
        if ref in refs:
            name = f"{ref} on {one.host}"
            if one.image:
                told.append(
                    f"{name} keeps its former golden requests until modeldeck deploy {one.endpoint} replaces it"
                )
            else:
                told.append(f"{name} takes up the new golden requests with its next proof, within a minute")
    return tuple(told)


def stale_servers(reader: Reader, items: Collection[ErasureItem]) -> tuple[str, ...]:
    """Return one line for each running container whose image is from before its golden requests were changed."""
    told = []
    for item in (one for one in items if one.kind == "golden"):
        model, number = versions.parse_ref(item.name)
        built = {image.id: image.built_at for image in images.images(reader, model) if image.version == number}
        told += [
            f"{item.name} on {one.host} answers from an image with its former golden requests"
            for one in deployments.deployments(reader)
            if (one.endpoint, one.version) == (model, number) and one.image and built.get(one.image, item.at) < item.at
        ]
    return tuple(told)


def backups(reader: Reader, before: int | None = None) -> tuple[str, ...]:
    """Return one line for each backup on record, of those made before a time where given, newest first."""
    found = [one for one in _made(reader) if before is None or one.at < before]
    return tuple(f"{one.body.get('file')} of {rfc3339(one.at)}, {one.subject_id[:19]}" for one in found)


def decided(reader: Reader, model: str) -> list[tuple[str, str]]:
    """Return each erasure about which something was decided for a model, with what."""
    return [
        (one.id, each.decision)
        for one in erasures.erasures(reader, MOST)
        for each in erasures.decisions(reader, one.id)
        if each.model == model
    ]


def undecided(reader: Reader, model: str) -> list[str]:
    """Return the erasures that changed what versions of a model learned from, and that nobody decided about."""
    found = []
    for one in erasures.erasures(reader, MOST):
        items = erasures.items(reader, one.id)
        if not any(item.kind == "snapshot" and item.model == model for item in items):
            continue
        known = {decision.model for decision in erasures.decisions(reader, one.id)}
        concerned = {each.model for each in derived(reader, snapshots_of(reader, items)) if each.state != "deleted"}
        if model in concerned - known:
            found.append(one.id)
    return found


def _from(one: Version, how: Collection[tuple[str, int]], learned: Collection[str]) -> str:
    if one.derived_from is not None and (one.model, one.derived_from) in how:
        return f"derived of {one.model}@{one.derived_from}"
    if (one.evaluation.get("warm_start") or {}).get("artifact") in learned:
        return "its fit began from such a version"
    return ""


def _state(one: Version) -> str:
    return "deleted" if one.deleted_at is not None else "abandoned" if one.abandoned_at is not None else ""


def _made(reader: Reader) -> list[Event]:
    return events.of_kind(reader, "deck", "backup.created", MOST)
