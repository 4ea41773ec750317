"""Handler of the question what stands behind a thing, and what came of it."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from engine.operations.lineage import KINDS, Lineage, LineageRequest
from engine.service import apart
from engine.service.context import ServiceContext
from store.errors import Refused, UnknownName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.governance.lineage import Lineage as Walk
    from engine.governance.lineage import Logged
    from engine.operations.lineage import LineageNode
    from store.database import Reader

    Nodes = tuple[LineageNode, ...]


def lineage(context: ServiceContext, request: LineageRequest) -> Lineage:
    """Follow references both ways from one thing."""
    from engine.governance.lineage import Lineage as Walk

    if request.kind not in KINDS:
        match = difflib.get_close_matches(request.kind, KINDS, n=1)
        told = f", did you mean {match[0]!r}?" if match else ""
        raise Refused(f"no kind named {request.kind!r}{told}", f"kinds: {', '.join(KINDS)}")
    if request.limit < 1:
        raise Refused("--limit must be at least 1", "leave it out for 50")
    row = _logged_row(context, request.id) if request.kind == "prediction" else {}
    with context.deck.database.reading() as reader:
        walk = Walk(reader, lambda model: _logged(context, model), request.limit)
        if request.kind == "prediction":
            return _of_prediction(walk, row)
        return _of(walk, reader, request.kind, request.id)


def _of(walk: Walk, reader: Reader, kind: str, id: str) -> Lineage:
    from engine.governance.lineage import run_of
    from store import deployments, images, lineage, releases, snapshots, versions
    from store.lookup import unknown

    if kind == "source":
        known = lineage.origins(reader)
        if id not in known:
            raise unknown("source", id, known)
        return _answer(walk, kind, id, None, "", (), tuple(walk.after_source(id)))
    if kind == "snapshot":
        found = lineage.snapshots_named(reader, snapshots.find(reader, id).id)
        shared = "" if len(found) == 1 else f"of {', '.join(one.model for one in found)}"
        behind = tuple(node for one in found for node in walk.behind_snapshot(one))
        after = tuple(node for one in found for node in walk.after_snapshot(one))
        model = found[0].model if len(found) == 1 else None
        return _answer(walk, kind, found[0].id, model, shared or walk.snapshot(found[0], 0).detail, behind, after)
    if kind == "run":
        run = run_of(reader, id)
        told = walk.run(run, 0).detail
        return _answer(walk, kind, run.id, run.model, told, tuple(walk.behind_run(run)), tuple(walk.after_run(run)))
    if kind == "version":
        version = versions.referred(reader, id)
        node = walk.version(version, 0)
        behind, after = tuple(walk.behind_version(version)), tuple(walk.after_version(version))
        return _answer(walk, kind, node.id, version.model, node.detail, behind, after)
    if kind == "image":
        image = images.image(reader, id)
        version = versions.version(reader, image.model, image.version)
        behind = (walk.version(version, 1), *walk.behind_version(version, 2))
        return _answer(walk, kind, image.digest, image.model, image.platform, behind, tuple(walk.after_image(image)))
    if kind == "release":
        release = releases.release(reader, id)
        behind, after = tuple(walk.behind_release(release)), tuple(walk.after_release(release))
        return _answer(walk, kind, release.id, release.endpoint, walk.release(release, 0).detail, behind, after)
    endpoint = deployments.endpoint(reader, id)
    behind, after = tuple(walk.behind_endpoint(endpoint.name)), tuple(walk.after_endpoint(endpoint.name))
    return _answer(walk, kind, endpoint.name, endpoint.model, "", behind, after)


def _of_prediction(walk: Walk, row: Mapping[str, object]) -> Lineage:
    from engine.operations.lineage import LineageNode

    outcome = row["outcome"]
    after: tuple[LineageNode, ...] = ()
    if isinstance(outcome, dict):
        told = f"revision {outcome['revision']}"
        after = (LineageNode(1, "outcome", str(row["prediction_id"]), at=outcome["received_at"], detail=told),)
    told = f"{row['kind']}, status {row['status']}"
    id, model = str(row["prediction_id"]), str(row["endpoint"])
    return _answer(walk, "prediction", id, model, told, tuple(walk.behind_prediction(row)), after)


def _answer(walk: Walk, kind: str, id: str, model: str | None, detail: str, behind: Nodes, after: Nodes) -> Lineage:
    return Lineage(kind, id, model, detail, behind, after, walk.left_out)


def _logged_row(context: ServiceContext, prediction_id: str) -> dict[str, object]:
    row = apart.find(context.deck.workspace, prediction_id)
    if row is None:
        raise UnknownName(
            f"no prediction {prediction_id!r} is on the log",
            "one made on another host arrives within a second or two, once the host answers",
        )
    return row


def _logged(context: ServiceContext, model: str) -> dict[int, Logged]:
    from engine.governance.lineage import Logged

    return {
        one["version"]: Logged(one["rows"], one["outcomes"], one["first"], one["last"])
        for one in apart.logged(context.deck.workspace, model)
    }
