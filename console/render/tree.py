"""A model as a tree: its versions, the releases of each, where it runs, on which servers, and who watches. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from console.render.cells import Line, Span, cut, line, line_width
from console.render.deploys import share_of
from console.render.display import key
from console.render.measures import primary, value_of
from console.render.models import estimator_name
from console.render.signs import glyph_of, style_of
from console.render.words import age, ago, number, percent, person, plural, short_id
from engine.operations.serving import DeploymentDetail
from engine.operations.watching import MonitorNewest
from store.rows import Model, Release, Replica, Version

MOST_RELEASES = 4  # of a version that are shown, the newest first


@dataclass(frozen=True, slots=True)
class Grown:
    """What the tree of a model is made of. `monitor` is None where nothing watches it."""

    model: Model
    versions: tuple[Version, ...]
    releases: tuple[Release, ...]
    deployments: tuple[DeploymentDetail, ...]
    monitor: MonitorNewest | None


@dataclass(frozen=True, slots=True)
class _Node:
    cells: tuple[Span, ...]
    below: tuple[_Node, ...] = ()


def tree_lines(grown: Grown, width: int, now: int) -> list[Line]:
    """Return the tree: versions newest first, each with its releases and deployments, then the monitor."""
    model = grown.model
    serves = (f"  v{model.champion} serves", "ok") if model.champion is not None else ("  nothing serves", "warn")
    lines = [line("  ", (model.name, "strong"), serves, (f"  {model.task}", "dim"))]
    nodes = [_version(version, grown, now) for version in grown.versions]
    if not nodes:
        nodes.append(_Node(((f"no version yet: {key('runs.train')} trains one", "dim"),)))
    nodes.append(_monitor(grown.monitor, now))
    _grow(nodes, "  ", width, lines)
    return lines


def _grow(nodes: Sequence[_Node], before: str, width: int, lines: list[Line]) -> None:
    for position, node in enumerate(nodes):
        is_last = position == len(nodes) - 1
        cells = line((f"{before}{'╰' if is_last else '├'}─ ", "rule"), *node.cells)
        lines.append(_within(cells, width))
        _grow(node.below, f"{before}{' ' if is_last else '│'}  ", width, lines)


def _within(cells: Line, width: int) -> Line:
    over = line_width(cells) - width
    if over <= 0:
        return cells
    text, style = cells[-1]
    return (*cells[:-1], (cut(text, max(1, line_width((cells[-1],)) - over)), style))


def _version(version: Version, grown: Grown, now: int) -> _Node:
    name, measure = primary(version.evaluation)
    aliases = " ".join(version.aliases) or ("abandoned" if version.abandoned_at is not None else "")
    style = "ok" if "champion" in version.aliases else "warn" if version.abandoned_at is not None else "accent"
    measured = f"  {name} {number(value_of(measure))}" if name else ""
    cells = (
        (f"v{version.number}", "name"),
        (f" {aliases}" if aliases else "", style),
        (f"{measured}  {estimator_name(version.estimator)}, made {ago(version.created_at, now)}", "dim"),
    )
    mine = [one for one in grown.releases if one.to_version == version.number]
    below = [_release(one, now) for one in mine[:MOST_RELEASES]]
    if len(mine) > MOST_RELEASES:
        below.append(_Node(((f"and {plural(len(mine) - MOST_RELEASES, 'earlier release')}", "dim"),)))
    below += [_deployment(one, now) for one in grown.deployments if one.deployment.version == version.number]
    return _Node(cells, tuple(below))


def _release(release: Release, now: int) -> _Node:
    said = (f"{glyph_of(release.state)} {release.kind} {release.state}", style_of(release.state))
    by = f"  {ago(release.requested_at, now)} by {person(release.actor)}, {short_id(release.id)}"
    return _Node((said, (by, "dim"), (f"  {release.reason}" if release.reason else "", "dim")))


def _deployment(detail: DeploymentDetail, now: int) -> _Node:
    one = detail.deployment
    share = share_of(detail.route, one.id)
    traffic = "no route" if share is None else f"{percent(share)} of traffic"
    cells: tuple[Span, ...] = ((f"on {one.host}", "name"), (f" as {one.role}, {traffic}", ""))
    if detail.faults:
        cells += ((f"  ✗ {detail.faults[0].detail}", "bad"),)
    return _Node(cells, tuple(_server(replica, now) for replica in detail.replicas))


def _server(replica: Replica, now: int) -> _Node:
    said = (f"{glyph_of(replica.state)} {replica.state}", style_of(replica.state))
    port = f" :{replica.port}" if replica.port is not None else ""
    return _Node((said, (f"  server {replica.number}{port}, up {age(replica.started_at, now)}", "dim")))


def _monitor(found: MonitorNewest | None, now: int) -> _Node:
    if found is None:
        return _Node((("nothing watches it", "warn"),))
    looked = f"  looked {ago(found.last_run_at, now)}" if found.last_run_at is not None else "  has not looked yet"
    alerts = (f"  {', '.join(found.alerts)}", "warn") if found.alerts else ("  no alert stands", "dim")
    verdict = (f"{glyph_of(found.verdict)} {found.verdict}", style_of(found.verdict))
    return _Node((("monitor ", "name"), verdict, (looked, "dim"), alerts))
