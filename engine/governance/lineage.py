"""Lineage both ways: source, snapshot, run, version, image, release, endpoint, predictions, outcomes.

Nothing is kept for it: what refers to what stands in the registry, and the log knows which version answered what. No
value of a row, of an answer or of an outcome is in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from engine.operations.lineage import LineageNode
from store import (
    approvals,
    blobs,
    deployments,
    images,
    lineage,
    origins,
    releases,
    routes,
    runs,
    snapshots,
    versions,
)
from store.database import Reader
from store.rows import Approval, Image, Release, RouteSpan, Snapshot, Version, rfc3339
from store.rows.frozen import dataclass

T = TypeVar("T")
Nodes = Iterator[LineageNode]


@dataclass(frozen=True, slots=True)
class Logged:
    """What the prediction log holds of a version: answered rows, their span, and how many have an outcome."""

    rows: int
    outcomes: int
    first_at: int | None = None
    last_at: int | None = None


class Lineage:
    """Follows references from one thing; `logged` counts a model's log by version, and is asked once per model."""

    def __init__(self, reader: Reader, logged: Callable[[str], Mapping[int, Logged]], limit: int) -> None:
        self._reader = reader
        self._logged = logged
        self._counted: dict[str, Mapping[int, Logged]] = {}
        self._limit = limit
        self.left_out = 0

    # behind

    def behind_version(self, version: Version, depth: int = 1) -> Nodes:
        """What made a version: the bundle it came from, the one it was derived from, run, data, settings, code."""
        origin = origins.origin_of(self._reader, version.model, version.number)
        if origin is not None:
            told = f"{origin.model}@{origin.origin_number} of deck {origin.deck}, signed by {origin.signer[:16]}"
            yield LineageNode(
                depth,
                "bundle",
                origin.bundle_hash,
                version.model,
                origin.imported_at,
                actor=origin.actor,
                detail=told,
            )
        if version.derived_from is not None:
            of = versions.version(self._reader, version.model, version.derived_from)
            yield self.version(of, depth, "decided anew")
        run = lineage.run_on(self._reader, version.run_id)
        if run is not None:
            yield self.run(run, depth)
        snapshot = snapshots.snapshot(self._reader, version.snapshot_id, version.model)
        yield self.snapshot(snapshot, depth)
        yield from self.behind_snapshot(snapshot, depth + 1)
        yield LineageNode(depth, "settings", str(version.settings_revision), version.model)
        commit = "" if version.git_commit is None else f"git {version.git_commit[:12]}"
        dirty = ", changed since" if version.git_dirty else ""
        yield LineageNode(depth, "code", version.bundle_hash, version.model, detail=f"{commit}{dirty}")
        yield LineageNode(depth, "environment", version.environment_hash, version.model)

    def behind_snapshot(self, snapshot: Snapshot, depth: int = 1) -> Nodes:
        """Where rows came from."""
        yield LineageNode(depth, "source", snapshot.origin, snapshot.model)

    def behind_run(self, run: lineage.RunOn, depth: int = 1) -> Nodes:
        """What a run read; nothing where it ended before its data were there."""
        if run.snapshot_id is not None:
            snapshot = snapshots.snapshot(self._reader, run.snapshot_id, run.model)
            yield self.snapshot(snapshot, depth)
            yield from self.behind_snapshot(snapshot, depth + 1)

    def behind_release(self, release: Release, depth: int = 1) -> Nodes:
        """Who let a release through, and the version it led to."""
        for one in approvals.approvals(self._reader, model=release.endpoint, standing_only=False):
            if one.release_id == release.id:
                yield _approval(one, depth)
        version = versions.version(self._reader, release.endpoint, release.to_version)
        yield self.version(version, depth)
        yield from self.behind_version(version, depth + 1)

    def behind_prediction(self, row: Mapping[str, Any], depth: int = 1) -> Nodes:
        """What answered: server, image, release, and everything behind its version."""
        deployment = deployments.deployment(self._reader, row["deployment"])
        yield LineageNode(
            depth,
            "deployment",
            deployment.id,
            deployment.endpoint,
            deployment.created_at,
            deployment.ended_at,
            detail=f"on {deployment.host}, settings {deployment.settings_revision}",
        )
        if deployment.image is not None:
            yield self.image(images.image(self._reader, deployment.image), depth)
        version = versions.version(self._reader, row["endpoint"], row["version"])
        if deployment.release_id is not None:
            release = releases.release(self._reader, deployment.release_id)
            yield self.release(release, depth)
            if release.to_version == version.number:
                yield from self.behind_release(release, depth + 1)
                return
        yield self.version(version, depth)
        yield from self.behind_version(version, depth + 1)

    def behind_endpoint(self, endpoint: str, depth: int = 1) -> Nodes:
        """What answers at an endpoint now, and everything behind it."""
        spans = [one for one in self._spans(endpoint) if one.to_at is None and one.weight > 0]
        for number in dict.fromkeys(one.version for one in spans):
            version = versions.version(self._reader, endpoint, number)
            yield self.version(version, depth)
            yield from self.behind_version(version, depth + 1)

    # after

    def after_source(self, origin: str, depth: int = 1) -> Nodes:
        """Which snapshots hold rows of a source, and what came of each."""
        for snapshot in self._first(lineage.snapshots_from(self._reader, origin)):
            yield self.snapshot(snapshot, depth)
            yield from self.after_snapshot(snapshot, depth + 1)

    def after_snapshot(self, snapshot: Snapshot, depth: int = 1) -> Nodes:
        """Which runs read a snapshot and which versions pin it, whatever run made those."""
        told: set[int] = set()
        for run in self._first(lineage.runs_on(self._reader, snapshot.model, snapshot.id)):
            yield self.run(run, depth)
            for version in lineage.versions_of_run(self._reader, run.id):
                told.add(version.number)
                yield self.version(version, depth + 1)
                yield from self.after_version(version, depth + 2)
        for version in self._first(lineage.versions_on(self._reader, snapshot.model, snapshot.id)):
            if version.number not in told:
                yield self.version(version, depth)
                yield from self.after_version(version, depth + 1)

    def after_run(self, run: lineage.RunOn, depth: int = 1) -> Nodes:
        """Which versions a run made."""
        for version in self._first(lineage.versions_of_run(self._reader, run.id)):
            yield self.version(version, depth)
            yield from self.after_version(version, depth + 1)

    def after_version(self, version: Version, depth: int = 1) -> Nodes:
        """What was made of a version, where it went, and what it answered."""
        for one in self._first(lineage.derived(self._reader, version)):
            yield self.version(one, depth, "decided anew")
        made = [one for one in images.images(self._reader, version.model) if one.version == version.number]
        for image in self._first(made):
            yield self.image(image, depth)
        asked = approvals.approvals(self._reader, model=version.model, standing_only=False)
        for approval in self._first([one for one in asked if one.version == version.number]):
            yield _approval(approval, depth)
        for release in self._first(lineage.releases_to(self._reader, version)):
            yield self.release(release, depth)
            yield from self.after_release(release, depth + 1)
        yield from self._answers(version.model, version.number, depth)

    def after_release(self, release: Release, depth: int = 1) -> Nodes:
        """Which traffic a release gave its version, host by host."""
        for span in self._first(lineage.spans_of(self._reader, release.endpoint, release.to_version, release.id)):
            yield _traffic(span, depth)

    def after_image(self, image: Image, depth: int = 1) -> Nodes:
        """Which releases brought an image onto a host."""
        for release in self._first(lineage.releases_with(self._reader, image.id)):
            yield self.release(release, depth)
            yield from self.after_release(release, depth + 1)

    def after_endpoint(self, endpoint: str, depth: int = 1) -> Nodes:
        """What was answered there, version by version."""
        for number in sorted(self._log(endpoint), reverse=True):
            yield from self._answers(endpoint, number, depth)

    # one thing

    def snapshot(self, one: Snapshot, depth: int) -> LineageNode:
        """Say of a snapshot its rows and span; that they were erased, where they were."""
        span = "" if one.from_at is None or one.to_at is None else f"{rfc3339(one.from_at)} to {rfc3339(one.to_at)}"
        gone = blobs.erased_at(self._reader, one.id)
        return LineageNode(
            depth,
            "snapshot",
            one.id,
            one.model,
            one.created_at,
            gone,
            rows=one.rows,
            detail=self._gone(one) if gone else span if self._is_here(one) else f"{span}, its rows are not here",
        )

    def _gone(self, one: Snapshot) -> str:
        by = blobs.current(self._reader, one.id)
        if by == one.id:
            return "its bytes are gone"
        return f"rows of a person were erased from it, {by.removeprefix('sha256:')[:12]} stands in its place"

    def _is_here(self, one: Snapshot) -> bool:
        """Say whether a snapshot's bytes are here; of an imported version's they may lie in its own deck only."""
        return blobs.kind_of(self._reader, one.id) is not None

    def run(self, one: lineage.RunOn, depth: int) -> LineageNode:
        """Say of a run how it ended."""
        gone = ", deleted" if one.deleted_at is not None else ""
        told = f"{one.kind}, {one.state}{gone}"
        return LineageNode(depth, "run", one.id, one.model, one.started_at, None, one.actor, detail=told)

    def version(self, one: Version, depth: int, how: str = "") -> LineageNode:
        """Say of a version its aliases, or that it was abandoned or deleted."""
        ended = [word for word, at in (("abandoned", one.abandoned_at), ("deleted", one.deleted_at)) if at is not None]
        told = ", ".join([*([how] if how else []), *one.aliases, *ended])
        id = f"{one.model}@{one.number}"
        return LineageNode(depth, "version", id, one.model, one.created_at, one.deleted_at, one.actor, detail=told)

    def image(self, one: Image, depth: int) -> LineageNode:
        """Say of an image its platform."""
        return LineageNode(depth, "image", one.digest, one.model, one.built_at, detail=one.platform)

    def release(self, one: Release, depth: int) -> LineageNode:
        """Say of a release what it was and how it ended."""
        why = f": {one.reason}" if one.reason else ""
        told = f"{one.kind}, {one.state}{why}"
        return LineageNode(
            depth, "release", one.id, one.endpoint, one.requested_at, one.ended_at, one.actor, detail=told
        )

    def _answers(self, model: str, version: int, depth: int) -> Nodes:
        found = self._log(model).get(version)
        if found is None:
            return
        id = f"{model}@{version}"
        yield LineageNode(depth, "predictions", id, model, found.first_at, found.last_at, rows=found.rows)
        if found.outcomes:
            yield LineageNode(depth + 1, "outcomes", id, model, rows=found.outcomes)

    def _log(self, model: str) -> Mapping[int, Logged]:
        if model not in self._counted:
            self._counted[model] = self._logged(model)
        return self._counted[model]

    def _spans(self, endpoint: str) -> list[RouteSpan]:
        return routes.route_history(self._reader, deployments.endpoint(self._reader, endpoint).name)

    def _first(self, found: Sequence[T]) -> Sequence[T]:
        self.left_out += max(0, len(found) - self._limit)
        return found[: self._limit]


def run_of(reader: Reader, id: str) -> lineage.RunOn:
    """Return one run by id or unique prefix.

    Raises:
        UnknownName: no run begins so. Refused: several do.
    """
    found = lineage.run_on(reader, runs.run(reader, id).id)
    assert found is not None
    return found


def _approval(one: Approval, depth: int) -> LineageNode:
    said = ", ".join(each.actor.removeprefix("user:") for each in one.granted)
    told = f"{one.kind}, granted by {said}" if said else f"{one.kind}, {one.state}"
    return LineageNode(
        depth, "approval", one.id, one.model, one.requested_at, one.ended_at, one.requested_by, detail=told
    )


def _traffic(span: RouteSpan, depth: int) -> LineageNode:
    told = f"on {span.host}, weight {span.weight} as {span.role}"
    return LineageNode(depth, "endpoint", span.endpoint, span.endpoint, span.from_at, span.to_at, detail=told)
