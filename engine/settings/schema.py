"""What deck.toml and models/*.toml may say, as pydantic models: the edge where a person's text is checked.

Each model turns itself into the frozen section of `engine.settings.model` with `section()`.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from engine.serving.contract import MAX_BODY
from engine.settings.addresses import parse_address
from engine.settings.alert_schema import AlertTable, named_for_built_in
from engine.settings.approval_schema import Approvals, ApprovalTable
from engine.settings.behaviour_schema import TestTable
from engine.settings.card_schema import CardTable
from engine.settings.check_schema import ChecksTable
from engine.settings.data_schema import DataTable, JoinTable
from engine.settings.deploy_schema import DeployTable
from engine.settings.fairness_schema import FairnessLimitTable, FairnessTable
from engine.settings.forecasting_schema import ForecastTable
from engine.settings.model import (
    CostSettings,
    EndpointSettings,
    FairnessSettings,
    GateSettings,
    HostSettings,
    Limit,
    LogSettings,
    ModelSettings,
)
from engine.settings.monitor_schema import MonitorTable
from engine.settings.notify import NotifySettings
from engine.settings.notify_schema import NotifyTable
from engine.settings.retention_schema import ModelRetentionTable, RetentionTable
from engine.settings.retrain import RetrainSettings
from engine.settings.retrain_schema import RetrainTable
from engine.settings.sections import Column, Name, Section, TimeZone
from engine.settings.train_schema import TrainTable
from engine.settings.work import DEFAULTS, JobSettings, ScheduleSettings
from engine.settings.work_schema import JobTable, ScheduleTable

HOST_KEY = r"(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/]+=*"
GROUP = r"^[a-z_][a-z0-9_-]{0,31}$"
ROUTER_PATHS = ("health", "v2")  # what the router answers itself; an endpoint of that name could not be reached


class ModelTable(Section):
    """[model]"""

    name: Name
    task: Literal["classification", "regression", "ranking", "forecasting", "policy", "generation"]
    owner: str = ""
    description: str = ""

    @field_validator("name")
    @classmethod
    def _is_no_path_of_the_router(cls, name: str) -> str:
        if name in ROUTER_PATHS:
            raise ValueError("this name is a path of the router: give the model another name")
        return name


class LimitTable(Section):
    """One gate."""

    min: float | None = None
    max: float | None = None
    vs_champion: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> LimitTable:
        if self.min is None and self.max is None and self.vs_champion is None:
            raise ValueError("give at least one of min, max, vs_champion")
        return self


class GatesTable(BaseModel):
    """[gates]: its own keys, and one table per metric."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)
    __pydantic_extra__: dict[str, LimitTable]

    slices: list[Column] = []
    approvals: Approvals = ApprovalTable(count=0)
    fairness: FairnessLimitTable | None = None

    def section(self) -> GateSettings:
        """Return the frozen section."""
        limits = {name: Limit(**limit.model_dump()) for name, limit in sorted(self.__pydantic_extra__.items())}
        fairness = self.fairness.section() if self.fairness else None
        return GateSettings(limits, tuple(self.slices), self.approvals.section(), fairness)


class LogTable(Section):
    """[log]"""

    personal: Literal["token", "keep"] = "token"
    mode: Literal["durable", "best-effort"] = "durable"
    attributions: Annotated[float, Field(ge=0, le=1)] = 0.0

    def section(self) -> LogSettings:
        """Return the frozen section."""
        return LogSettings(**self.model_dump())


class PolicyTable(Section):
    """[policy]: what automation may do by itself; it never promotes."""

    rollback: list[Literal["errors", "performance", "drift", "data"]] = []


class EndpointTable(Section):
    """[endpoint]"""

    keys: bool = False
    requests_per_s: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    at_once: Annotated[int, Field(ge=0, le=100_000)] = 0
    body_kb: Annotated[int, Field(ge=0, le=MAX_BODY // 1024)] = 0

    def section(self) -> EndpointSettings:
        """Return the frozen section."""
        return EndpointSettings(**self.model_dump())


class ModelFile(Section):
    """One models/*.toml."""

    model: ModelTable
    data: DataTable
    joins: dict[Name, JoinTable] = {}
    checks: ChecksTable = ChecksTable()
    train: TrainTable = TrainTable()
    gates: GatesTable = Field(default_factory=lambda: GatesTable.model_validate({}))
    deploy: DeployTable = DeployTable()
    log: LogTable = LogTable()
    monitor: MonitorTable = MonitorTable()
    alerts: dict[Name, AlertTable] = {}
    policy: PolicyTable = PolicyTable()
    fairness: FairnessTable | None = None
    endpoint: EndpointTable = EndpointTable()
    forecast: ForecastTable = ForecastTable()
    retrain: RetrainTable | None = None
    card: CardTable = CardTable()
    schedules: dict[Name, ScheduleTable] = {}
    tests: dict[Name, TestTable] = {}
    retention: ModelRetentionTable = ModelRetentionTable()

    @field_validator("alerts", mode="before")
    @classmethod
    def _built_in_alerts(cls, alerts: Any) -> Any:
        return named_for_built_in(alerts)

    @field_validator("schedules")
    @classmethod
    def _names_are_free(cls, schedules: dict[str, ScheduleTable]) -> dict[str, ScheduleTable]:
        for name in schedules:
            if name in ("monitor", "retrain"):
                raise ValueError(f"[{name}] makes the schedule {name}: give this one another name")
        return schedules

    @model_validator(mode="after")
    def _times_need_a_column(self) -> ModelFile:
        if self.monitor.by == "event" and self.data.time_column is None:
            raise ValueError('monitor.by = "event" needs data.time_column')
        if self.joins and self.data.time_column is None:
            raise ValueError("a join needs data.time_column: it takes what was known at each row's time")
        for name in ("window", "half_life", "warm_start"):
            if not getattr(self.train, name):
                continue
            if self.data.time_column is None:
                raise ValueError(f"train.{name} needs data.time_column")
            if self.model.task not in ("classification", "regression"):
                raise ValueError(f"train.{name} is for classification and regression, not for {self.model.task}")
        if self.checks.fresh and self.data.time_column is None:
            raise ValueError("checks.fresh needs data.time_column")
        return self

    @model_validator(mode="after")
    def _columns_are_selected_of_tables(self) -> ModelFile:
        if self.train.select == "drop" and self.model.task not in ("classification", "regression"):
            raise ValueError(f"train.select: columns are not selected for the task {self.model.task}")
        return self

    @model_validator(mode="after")
    def _tests_fit_the_task(self) -> ModelFile:
        for name, one in self.tests.items():
            why = one.fits(self.model.task)
            if why:
                raise ValueError(f"tests.{name}: {why}")
        return self

    @model_validator(mode="after")
    def _fair_groups_are_named(self) -> ModelFile:
        if self.gates.fairness is not None and self.fairness is None:
            raise ValueError('gates.fairness needs [fairness] columns, such as ["market_segment"]')
        if self.train.constraints.fairness_difference is not None and self.fairness is None:
            raise ValueError(
                'train.constraints.fairness_difference needs [fairness] columns, such as ["market_segment"]'
            )
        if self.fairness is not None and self.model.task not in ("classification", "regression"):
            raise ValueError(f"fairness is not compared for the task {self.model.task}")
        if self.fairness is not None and self.data.target in self.fairness.columns:
            raise ValueError(f"fairness.columns: the target {self.data.target!r} makes no groups to compare")
        return self

    @model_validator(mode="after")
    def _explains_what_is_logged(self) -> ModelFile:
        if self.log.attributions and self.data.personal and self.log.personal == "token":
            raise ValueError(
                "log.attributions: personal columns are logged as tokens, so logged predictions cannot be explained;"
                ' take attributions away, or set log.personal = "keep"'
            )
        if self.log.attributions and self.model.task not in ("classification", "regression"):
            raise ValueError(f"log.attributions: predictions of the task {self.model.task} are not explained")
        return self

    @model_validator(mode="after")
    def _retrains_upon_what_there_is(self) -> ModelFile:
        on = self.retrain.on if self.retrain else []
        if "estimated" in on and self.model.task not in ("classification", "regression", "forecasting"):
            raise ValueError(f"retrain.on: performance of the task {self.model.task} is not estimated before outcomes")
        if self.retrain and self.retrain.upstream == self.model.name:
            raise ValueError("retrain.upstream names the model itself: name another one")
        if self.retrain and self.retrain.compare == "shadow":
            if self.model.task == "ranking":
                raise ValueError("retrain.compare: answers of the task ranking are not compared")
            if self.deploy.strategy == "ab":
                raise ValueError('retrain.compare = "shadow": deploy.strategy "ab" divides the traffic instead')
        if self.retrain and self.retrain.compare == "replay":
            if self.data.personal and self.log.personal == "token":
                raise ValueError(
                    "retrain.compare: personal columns are logged as tokens, which cannot be replayed;"
                    ' set compare = "shadow", or log.personal = "keep"'
                )
            if self.model.task not in ("classification", "regression"):
                raise ValueError(f"retrain.compare: answers of the task {self.model.task} are not replayed")
        return self

    def settings(self) -> ModelSettings:
        """Return the frozen settings."""
        return ModelSettings(
            name=self.model.name,
            task=self.model.task,
            owner=self.model.owner,
            description=self.model.description,
            data=self.data.section(self.joins),
            train=self.train.section(),
            gates=self.gates.section(),
            deploy=self.deploy.section(),
            log=self.log.section(),
            monitor=self.monitor.section(),
            alerts={name: one.section() for name, one in sorted(self.alerts.items())},
            endpoint=self.endpoint.section(),
            checks=self.checks.section(),
            schedules=self.schedule_settings(),
            forecast=self.forecast.section(),
            policy_rollback=tuple(self.policy.rollback),
            fairness=self.fairness.section() if self.fairness else FairnessSettings(),
            retrain=self.retrain.retrain_section() if self.retrain else RetrainSettings(),
            card=self.card.section(),
            retention=self.retention.section(),
            tests={name: one.section() for name, one in sorted(self.tests.items())},
        )

    def schedule_settings(self) -> dict[str, ScheduleSettings]:
        """Return what is to be asked for when, besides the monitor's looks."""
        stated = {name: each.section() for name, each in sorted(self.schedules.items())}
        return {**({"retrain": self.retrain.section()} if self.retrain else {}), **stated}


class HostTable(Section):
    """[hosts.NAME]"""

    kind: Literal["process", "docker"] = "process"
    address: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    listen: Annotated[str, Field(pattern=r"^\d{1,3}(\.\d{1,3}){3}$")] = "127.0.0.1"
    identity: str = ""
    host_key: str = ""
    tls_cert: str = ""
    tls_key: str = ""

    @model_validator(mode="after")
    def _says_where_the_engine_is(self) -> HostTable:
        if bool(self.tls_cert) != bool(self.tls_key):
            raise ValueError("tls_cert and tls_key go together: paths of two PEM files")
        if self.kind == "process":
            if self.identity or self.host_key:
                raise ValueError("identity and host_key belong to a host of kind docker that is reached over SSH")
            return self
        if self.identity and not self.identity.startswith(("/", "~")):
            raise ValueError(f"identity must be a whole path, got {self.identity!r}")
        if self.port == 0:
            raise ValueError("port is missing: a Docker host's gateway listens where clients know it, such as 8080")
        if self.host_key and not re.fullmatch(HOST_KEY, self.host_key):
            raise ValueError('host_key must be written as known_hosts does, "ssh-ed25519 AAAA…"')
        engine = parse_address(self.address)
        if engine.is_remote and not self.host_key:
            raise ValueError("host_key is missing: modeldeck hosts add asks the host for it, and you for your word")
        return self


class AccessTable(Section):
    """[access]: role -> user names or @groups; `group` shares the deck with a group of this machine."""

    group: Annotated[str, Field(pattern=GROUP)] | None = None
    viewer: list[Column] = []
    operator: list[Column] = []
    approver: list[Column] = []
    admin: list[Column] = []


class CostTable(Section):
    """[cost]: prices of this deck's machines."""

    cpu_hour: Annotated[float, Field(ge=0)]
    gb_hour: Annotated[float, Field(ge=0)] = 0.0
    currency: Annotated[str, Field(min_length=1, max_length=8, pattern=r"^\S+$")]

    def section(self) -> CostSettings:
        """Return the frozen section."""
        return CostSettings(self.cpu_hour, self.gb_hour, self.currency)


class DeckFile(Section):
    """deck.toml."""

    name: Name
    time_zone: TimeZone = "UTC"
    hosts: dict[Name, HostTable] = {}
    access: AccessTable = AccessTable()
    jobs: dict[str, JobTable] = {}
    notify: dict[Name, NotifyTable] = {}
    cost: CostTable | None = None
    retention: RetentionTable = RetentionTable()

    @field_validator("jobs")
    @classmethod
    def _known_kinds(cls, jobs: dict[str, JobTable]) -> dict[str, JobTable]:
        for kind in jobs:
            if kind not in DEFAULTS:
                raise ValueError(f"no kind of job named {kind!r}: there are {', '.join(DEFAULTS)}")
        if "release" in jobs and jobs["release"].retries:
            raise ValueError("a release is never tried again by itself: take jobs.release.retries away")
        return jobs

    @field_validator("hosts")
    @classmethod
    def _this_machine_is_local(cls, hosts: dict[str, HostTable]) -> dict[str, HostTable]:
        for name, host in hosts.items():
            if host.kind == "process" and name != "local":
                raise ValueError(f"the one process host is this machine, named local: rename {name!r}")
        return hosts

    def host_settings(self) -> tuple[HostSettings, ...]:
        """Return the declared hosts; without any, this machine."""
        if not self.hosts:
            return (HostSettings("local"),)
        return tuple(HostSettings(name, **host.model_dump()) for name, host in sorted(self.hosts.items()))

    def job_settings(self) -> dict[str, JobSettings]:
        """Return what is said of each kind of job."""
        return {kind: stated.section(kind) for kind, stated in sorted(self.jobs.items())}

    def notify_settings(self) -> dict[str, NotifySettings]:
        """Return who is told of what."""
        return {name: stated.section() for name, stated in sorted(self.notify.items())}

    def roles(self) -> dict[str, tuple[str, ...]]:
        """Return the roles that name anybody."""
        named = self.access.model_dump(exclude={"group"})
        return {role: tuple(names) for role, names in named.items() if names}
