"""What runs where: every deployment with its traffic and health, and the rollout that is under way. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from console.render.cells import Line, Span
from console.render.columns import Column, Context
from console.render.releases import now_lines
from console.render.sheet import Sheet
from console.render.signs import glyph_of, state, style_of
from console.render.spark import progress_bar
from console.render.words import age, ago, number, percent, plural, short_id
from engine.operations.serving import Cost, DeploymentDetail, ReleaseDetail
from store.rows import Route

BAR = 6


@dataclass(frozen=True, slots=True)
class DeployRow:
    """One deployment as its row shows it. `share` is None where its host has no route for the endpoint."""

    id: str
    endpoint: str
    host: str
    version: int
    role: str
    health: str
    ready: int
    replicas: int
    share: float | None
    since_at: int
    trouble: str
    detail: DeploymentDetail
    rollout: ReleaseDetail | None

    @property
    def state(self) -> str:
        """The state of the release under way, as actions on releases ask for it."""
        return self.rollout.release.state if self.rollout is not None else ""


def deploy_row(detail: DeploymentDetail, rollout: ReleaseDetail | None) -> DeployRow:
    """Return the row of a deployment."""
    one = detail.deployment
    answering = sum(replica.state == "ready" for replica in detail.replicas)
    return DeployRow(
        id=one.id,
        endpoint=one.endpoint,
        host=one.host,
        version=one.version,
        role=one.role,
        health=_health(detail, answering),
        ready=answering,
        replicas=one.replicas,
        share=share_of(detail.route, one.id),
        since_at=one.created_at,
        trouble=_trouble(detail),
        detail=detail,
        rollout=rollout,
    )


def share_of(route: Route | None, deployment: str) -> float | None:
    """Return the share of the traffic that a route gives a deployment; None where there is no route."""
    if route is None:
        return None
    total = sum(int(entry["weight"]) for entry in route.entries)
    mine = sum(int(entry["weight"]) for entry in route.entries if entry["deployment_id"] == deployment)
    return mine / total if total else 0.0


def _health(detail: DeploymentDetail, ready: int) -> str:
    wanted = detail.deployment
    if wanted.desired == "stopped":
        return "stopped"
    if ready >= wanted.replicas:
        return "ready"
    states = {replica.state for replica in detail.replicas}
    return "unready" if states & {"unready", "exited"} else "starting"


def _trouble(detail: DeploymentDetail) -> str:
    if detail.faults:
        return detail.faults[0].detail
    route = detail.route
    if route is not None and route.applied_generation < route.desired_generation:
        return f"its router runs route {route.applied_generation}, {route.desired_generation} is asked for"
    return ""


def _traffic(row: DeployRow, context: Context) -> tuple[Span, ...]:
    if row.share is None:
        return (("no route", "warn"),)
    return ((progress_bar(row.share, BAR), "spark"), (f" {percent(row.share):>4}", "" if row.share else "dim"))


def _ready(row: DeployRow, context: Context) -> Span:
    return (f"{row.ready}/{row.replicas}", style_of(row.health))


def _told(row: DeployRow, context: Context) -> Span:
    if row.trouble:
        return (f"✗ {row.trouble}", "bad")
    if row.rollout is None:
        return ("", "dim")
    release = row.rollout.release
    return (
        f"{glyph_of(release.state)} {release.kind} to v{release.to_version} {release.state}",
        style_of(release.state),
    )


COLUMNS = (
    Column("HEALTH", lambda row, context: state(row.health), priority=1, least=7, most=11),
    Column("MODEL", lambda row, context: (row.endpoint, "name"), priority=1, least=10, most=26),
    Column("VER", lambda row, context: f"v{row.version}", priority=1, least=3, align="right"),
    Column("HOST", lambda row, context: row.host, priority=1, least=5, most=16),
    Column("ROLE", lambda row, context: (row.role, "ok" if row.role == "champion" else "dim"), priority=2, least=4),
    Column("TRAFFIC", _traffic, priority=1, least=11, most=11),
    Column("READY", _ready, priority=2, least=3, align="right"),
    Column("SINCE", lambda row, context: age(row.since_at, context.now), priority=3, least=4, align="right"),
    Column("NOW", _told, priority=4, least=8, most=80, grow=True, wish=16),
)


def deploy_lines(row: DeployRow, width: int, now: int) -> list[Line]:
    """Return what stands below the list: the rollout under way, else the servers; and what is wrong."""
    sheet = Sheet(width)
    if row.rollout is not None:
        release = row.rollout.release
        sheet.rule(f"{release.kind} of {row.endpoint}", (f"{short_id(release.id)}, enter shows every step", "dim"))
        sheet.lines += now_lines(row.rollout, width, now)
    else:
        sheet.rule(f"{row.endpoint} v{row.version} on {row.host}", (f"{row.role}, {short_id(row.id)}", "dim"))
    for fault in row.detail.faults:
        sheet.paragraph(f"✗ {fault.detail}, since {ago(fault.since_at, now)}", "bad")
    if row.detail.faults:
        sheet.paragraph("B brings the host to what the registry says", "accent")
    if row.rollout is None:
        _put_servers(sheet, row, now)
    return sheet.lines


def deploy_page(row: DeployRow, width: int, now: int) -> list[Line]:
    """Return the page of a deployment: what is asked of the host, and what is seen there."""
    one, sheet = row.detail.deployment, Sheet(width)
    sheet.pair("State", (f"{glyph_of(row.health)} {row.health}", style_of(row.health)), (f"  {row.trouble}", "bad"))
    sheet.pair("Serves", (f"{one.endpoint} v{one.version}", "name"), (f"  on {one.host} as {one.role}", "dim"))
    route = row.detail.route
    shared = "no route yet" if row.share is None else f"{percent(row.share)} of what {one.host} is asked"
    applied = "" if route is None or route.applied_at is None else f"; the router took it {ago(route.applied_at, now)}"
    sheet.pair("Traffic", shared, (applied, "dim"))
    sheet.pair("Asked", f"{one.desired}, {plural(one.replicas, 'server')}, generation {one.generation}")
    sheet.pair("Image", one.image or "none: a process of this machine")
    sheet.pair("Settings", f"revision {one.settings_revision}")
    sheet.pair("Release", short_id(one.release_id) if one.release_id else "-")
    sheet.pair("Since", ago(one.created_at, now))
    sheet.pair("Cost", *_cost(row.detail.cost, now))
    sheet.heading("Servers", f"{row.ready} of {one.replicas} ready")
    _put_servers(sheet, row, now)
    for fault in row.detail.faults:
        sheet.blank()
        sheet.paragraph(f"✗ {fault.detail}, since {ago(fault.since_at, now)}", "bad")
        sheet.paragraph("B brings the host to what the registry says", "accent")
    return sheet.lines


def _cost(cost: Cost | None, now: int) -> tuple[Span, Span]:
    """Return what 1,000 predictions cost, and from what that is told."""
    if cost is None:
        return ("not told by its servers yet", "dim"), ("", "dim")
    asked = f"{plural(cost.predictions, 'prediction')} since its servers started {ago(cost.since, now)}"
    if cost.cpu_s_per_1000 is None or cost.gb_h_per_1000 is None:
        told = f"{number(cost.cpu_s)} CPU s, {number(cost.gb_h)} GB h"
    else:
        told = f"{number(cost.cpu_s_per_1000)} CPU s, {number(cost.gb_h_per_1000)} GB h for 1,000"
    if cost.price_per_1000 is not None:
        told += f": {number(cost.price_per_1000)} {cost.currency}"
    return (told, ""), (f"  {asked}", "dim")


def _put_servers(sheet: Sheet, row: DeployRow, now: int) -> None:
    if not row.detail.replicas:
        sheet.paragraph("no server of it has been seen", "dim")
        return
    sheet.table(
        ("", "SERVER", "PORT", "UP", "SEEN", ""),
        [
            (
                state(one.state),
                str(one.number),
                str(one.port or "-"),
                age(one.started_at, now),
                age(one.observed_at, now),
                (one.detail, "dim"),
            )
            for one in row.detail.replicas
        ],
        wraps=True,
    )
