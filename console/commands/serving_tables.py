"""Which columns lists of deployments, of checks of a host and of costs show."""

from __future__ import annotations

from console.commands.values import count, number, price, ready, share, version_or_none
from console.output import Column
from engine.operations.hosts import HostCheck
from engine.operations.serving import Cost, DeploymentDetail

DEPLOYMENTS = (
    Column("endpoint", lambda row, _: row.deployment.endpoint, shrink=True),
    Column("version", lambda row, _: version_or_none(row.deployment.version), right=True),
    Column("host", lambda row, _: row.deployment.host),
    Column("role", lambda row, _: row.deployment.role),
    Column("desired", lambda row, _: row.deployment.desired),
    Column("traffic", lambda row, _: share(row), right=True),
    Column("ready", lambda row, _: ready(row), right=True),
    Column("since", lambda row, out: out.minute(row.deployment.created_at)),
)

HOST_CHECKS = (
    Column("check", "name"),
    Column("verdict", "verdict"),
    Column("seen", lambda row, _: row.observed, shrink=True),
    Column("what to do", lambda row, _: row.remedy or "-", shrink=True),
)

COSTS = (
    Column("model", lambda row, _: f"{row.model}@{row.version}", shrink=True),
    Column("host", "host"),
    Column("since", lambda row, out: out.minute(row.since)),
    Column("requests", lambda row, _: count(row.requests), right=True),
    Column("predictions", lambda row, _: count(row.predictions), right=True),
    Column("CPU s", lambda row, _: number(row.cpu_s), right=True),
    Column("GB h", lambda row, _: number(row.gb_h), right=True),
    Column("CPU s/1,000", lambda row, _: number(row.cpu_s_per_1000), right=True),
    Column("GB h/1,000", lambda row, _: number(row.gb_h_per_1000), right=True),
    Column("price/1,000", lambda row, _: price(row), right=True),
)

SERVING_COLUMNS: dict[type, tuple[Column, ...]] = {DeploymentDetail: DEPLOYMENTS, HostCheck: HOST_CHECKS, Cost: COSTS}
