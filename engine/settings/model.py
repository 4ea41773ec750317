"""Applied settings as frozen sections. Standard library only: the read path and the server side load this.

Durations are seconds, sizes bytes, times of day in the deck's zone. `ModelSettings.from_body` and `to_body` turn a
section into plain JSON and back; checking what a person wrote is `engine.settings.files`.
"""

from __future__ import annotations

from dataclasses import asdict, field
from typing import Any

from engine.settings import alerts
from engine.settings.alerts import AlertRule
from engine.settings.approvals import ApprovalSettings
from engine.settings.behaviour import BehaviourTest
from engine.settings.behaviour import from_body as tests_from_body
from engine.settings.card import CardSettings
from engine.settings.checks import CheckSettings
from engine.settings.data import DataSettings
from engine.settings.forecasting import ForecastSettings
from engine.settings.notify import NotifySettings
from engine.settings.notify import from_body as notify_from_body
from engine.settings.retention import RetentionSettings, said
from engine.settings.retrain import RetrainSettings
from engine.settings.work import JobSettings, ScheduleSettings
from store.rows.frozen import dataclass

__all__ = [
    "CheckSettings",
    "DataSettings",
    "DeckSettings",
    "DeploySettings",
    "EndpointSettings",
    "ForecastSettings",
    "GateSettings",
    "HostSettings",
    "Limit",
    "LogSettings",
    "ModelSettings",
    "MonitorSettings",
    "RolloutStep",
    "TrainSettings",
]

TASKS = ("classification", "regression", "ranking", "forecasting", "policy", "generation")


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """How candidates are made and compared. `holdout` is the newest share of rows, kept from every fit."""

    estimator: str = "auto"
    metric: str = ""  # "": mae for regression, log_loss for classification
    time_budget_s: float = 60.0
    folds: int = 3
    holdout: float = 0.2
    seed: int = 7
    workers: int = 1  # processes that try candidates at once
    trials: int = 60  # at most so many are drawn beyond the families' defaults
    memory_mb: int | None = None  # one trial may take so much; more fails that trial alone
    constraints: dict[str, float] = field(default_factory=dict)  # name -> most allowed of a candidate
    interval: float | None = None  # share of truths that an answer's low and high are to hold; None: no interval
    window_s: float | None = None  # only rows so much older than the newest one before the holdout are fitted on
    half_life_s: float | None = None  # a row counts half for each so much that it is older
    select: str = "report"  # which columns are worth their place: report it, drop the others, or off
    trusted: tuple[str, ...] = ()  # types of other libraries, by dotted name, that a stored model may hold
    warm_start: bool = False  # the fit on all rows begins from the champion's


@dataclass(frozen=True, slots=True)
class Limit:
    """One gate: an absolute bound, a bound relative to the champion, or both."""

    min: float | None = None
    max: float | None = None
    vs_champion: float | None = None  # largest allowed ratio of new loss to champion's loss


@dataclass(frozen=True, slots=True)
class FairnessLimit:
    """How far groups may be apart in one measure. The gate reads the interval of the gap, never the point."""

    measure: str = ""  # "": the metric the model is trained for
    max_difference: float | None = None
    min_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class FairnessSettings:
    """The columns whose groups are compared; a group of fewer rows is shown and never judged."""

    columns: tuple[str, ...] = ()
    min_rows: int = 50


@dataclass(frozen=True, slots=True)
class GateSettings:
    """What a version must satisfy before it takes traffic."""

    limits: dict[str, Limit] = field(default_factory=dict)
    slices: tuple[str, ...] = ()
    approvals: ApprovalSettings = field(default_factory=ApprovalSettings)
    fairness: FairnessLimit | None = None


@dataclass(frozen=True, slots=True)
class RolloutStep:
    """Traffic share in percent, and the least time it is held."""

    weight: int
    hold_s: float = 0.0


@dataclass(frozen=True, slots=True)
class JudgeSettings:
    """From where on a version's live answers are too different, or too wrong, beside the champion's.

    `predictions` is a share of answers, `metric` a ratio of losses; None judges neither. `labels` are the outcomes of
    each version below which the metric says nothing.
    """

    predictions: float | None = 0.2
    metric: float | None = 1.1
    labels: int = 100
    then: str = "abort"  # abort, hold (for a person, where answers differ)


@dataclass(frozen=True, slots=True)
class SplitSettings:
    """An A/B: the new version's fixed share in percent, and when it ends: after a time, or sooner, after its rows."""

    weight: int = 50
    for_s: float = 86_400.0
    samples: int | None = None


@dataclass(frozen=True, slots=True)
class DeploySettings:
    """Where and how a version is rolled out."""

    hosts: tuple[str, ...] = ("local",)
    replicas: int = 1
    min_samples: int = 200
    max_wait_s: float = 900.0
    rollout: tuple[RolloutStep, ...] = (RolloutStep(10, 60.0), RolloutStep(50, 60.0), RolloutStep(100))
    strategy: str = "canary"  # canary, blue-green (all at once), shadow (copies of the traffic first), ab (fixed split)
    memory_mb: int | None = None  # of one server; more is killed. None: a container's 512, a process's none
    queue_ms: int | None = None  # a request that would wait longer in a server is refused. None: a second
    detect_errors: float | None = None  # a step lasts until this many more errors (a share of rows) would have shown
    detect_predictions: float | None = None  # and until this share of moved answers would have
    judge: JudgeSettings = JudgeSettings()
    split: SplitSettings = SplitSettings()


# keys younger than the first revisions
UNSAID = {
    "data": ("group", "query", "secret", "incremental", "lateness_s", "joins"),
    "train": (
        "workers",
        "trials",
        "memory_mb",
        "constraints",
        "interval",
        "window_s",
        "half_life_s",
        "select",
        "trusted",
        "warm_start",
    ),
    "deploy": ("strategy", "detect_errors", "detect_predictions", "memory_mb", "queue_ms", "judge", "split"),
    "log": ("attributions",),
    "monitor": ("min_effect", "fdr"),
}


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What the prediction log keeps of personal columns, and whether a full log refuses traffic.

    `attributions` is the share of logged predictions whose attributions are kept beside them.
    """

    personal: str = "token"  # token, keep
    mode: str = "durable"  # durable, best-effort
    attributions: float = 0.0


@dataclass(frozen=True, slots=True)
class MonitorSettings:
    """How often the watch runs and what a window is."""

    every_s: float = 300.0
    window_s: float = 3600.0
    by: str = "received"  # received, event
    lateness_s: float = 0.0
    min_rows: int = 50
    min_effect: float = 0.1  # what is borne however sure it is: Kolmogorov-Smirnov's D, a shift, Cramér's V, a distance
    fdr: float = 0.01


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """Whom the endpoint answers, and how much it takes. Zero: no limit of its own. Acts without a release."""

    keys: bool = False  # requests need one of the endpoint's keys
    requests_per_s: int = 0
    at_once: int = 0
    body_kb: int = 0


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Everything one models/*.toml says, with defaults filled in."""

    name: str
    task: str
    data: DataSettings
    owner: str = ""
    description: str = ""
    train: TrainSettings = field(default_factory=TrainSettings)
    gates: GateSettings = field(default_factory=GateSettings)
    deploy: DeploySettings = field(default_factory=DeploySettings)
    log: LogSettings = field(default_factory=LogSettings)
    monitor: MonitorSettings = field(default_factory=MonitorSettings)
    alerts: dict[str, AlertRule] = field(default_factory=dict)  # what the file says; see engine.settings.alerts
    endpoint: EndpointSettings = field(default_factory=EndpointSettings)
    schedules: dict[str, ScheduleSettings] = field(default_factory=dict)  # [retrain] is the one of that name
    forecast: ForecastSettings = field(default_factory=ForecastSettings)
    checks: CheckSettings = field(default_factory=CheckSettings)
    policy_rollback: tuple[str, ...] = ()  # findings upon which a version is taken back without asking
    fairness: FairnessSettings = field(default_factory=FairnessSettings)
    retrain: RetrainSettings = field(default_factory=RetrainSettings)
    card: CardSettings = CardSettings()
    tests: dict[str, BehaviourTest] = field(default_factory=dict)
    retention: RetentionSettings = RetentionSettings()

    def to_body(self) -> dict[str, Any]:
        """Return plain JSON values. What a file need not say is left out: it then is the revision that it was."""
        body = asdict(self)
        for section, names in UNSAID.items():
            for name in names:
                if body[section][name] == _USUAL[section][name]:
                    del body[section][name]
        if self.forecast == ForecastSettings():
            del body["forecast"]
        elif not self.forecast.time_zone:
            del body["forecast"]["time_zone"]
        if not self.alerts:
            del body["alerts"]
        if not self.policy_rollback:
            del body["policy_rollback"]
        if self.endpoint == EndpointSettings():
            del body["endpoint"]
        if self.fairness == FairnessSettings():
            del body["fairness"]
        body["gates"]["approvals"] = self.gates.approvals.to_body()
        if self.gates.fairness is None:
            del body["gates"]["fairness"]
        if self.checks == CheckSettings():
            del body["checks"]
        if self.retrain == RetrainSettings():
            del body["retrain"]
        if self.card == CardSettings():
            del body["card"]
        body["tests"] = {name: one.to_body() for name, one in self.tests.items()}
        if not self.tests:
            del body["tests"]
        return said(body, self.retention)

    @classmethod
    def from_body(cls, body: dict[str, Any]) -> ModelSettings:
        """Rebuild from `to_body`; the body has been checked when it was applied."""
        gates = body["gates"]
        deploy = body["deploy"]
        return cls(
            name=body["name"],
            task=body["task"],
            owner=body["owner"],
            description=body["description"],
            data=DataSettings.from_body(body["data"]),
            train=TrainSettings(**{**body["train"], "trusted": tuple(body["train"].get("trusted", ()))}),
            gates=GateSettings(
                limits={name: Limit(**limit) for name, limit in gates["limits"].items()},
                slices=tuple(gates["slices"]),
                approvals=ApprovalSettings.from_body(gates["approvals"]),
                fairness=FairnessLimit(**gates["fairness"]) if gates.get("fairness") else None,
            ),
            deploy=DeploySettings(
                **{
                    **deploy,
                    "hosts": tuple(deploy["hosts"]),
                    "judge": JudgeSettings(**deploy.get("judge", {})),
                    "split": SplitSettings(**deploy.get("split", {})),
                    "rollout": tuple(RolloutStep(**step) for step in deploy["rollout"]),
                }
            ),
            log=LogSettings(**body["log"]),
            monitor=MonitorSettings(**body["monitor"]),
            alerts=alerts.from_body(body.get("alerts", {})),
            endpoint=EndpointSettings(**body.get("endpoint", {})),
            checks=CheckSettings.from_body(body["checks"]) if "checks" in body else CheckSettings(),
            schedules={name: ScheduleSettings(**stated) for name, stated in body.get("schedules", {}).items()},
            forecast=ForecastSettings.from_body(body.get("forecast", {})),
            policy_rollback=tuple(body.get("policy_rollback", ())),
            fairness=_fairness(body.get("fairness")),
            retrain=RetrainSettings.from_body(body.get("retrain", {})),
            card=CardSettings(**body.get("card", {})),
            tests=tests_from_body(body.get("tests", {})),
            retention=RetentionSettings(**body.get("retention", {})),
        )


def _fairness(body: dict[str, Any] | None) -> FairnessSettings:
    return FairnessSettings(tuple(body["columns"]), body["min_rows"]) if body else FairnessSettings()


_USUAL = {
    "data": asdict(DataSettings("", "")),
    "train": asdict(TrainSettings()),
    "deploy": asdict(DeploySettings()),
    "log": asdict(LogSettings()),
    "monitor": asdict(MonitorSettings()),
}


@dataclass(frozen=True, slots=True)
class HostSettings:
    """One declared host. `identity` and `host_key` are of a Docker engine that is reached over SSH."""

    name: str
    kind: str = "process"
    address: str = "127.0.0.1"
    port: int = 0  # 0: the router picks one at first start and keeps it
    listen: str = "127.0.0.1"  # where a Docker host's gateway listens, on that host
    identity: str = ""  # path of the private key; empty: whatever ssh itself would use
    host_key: str = ""  # as known_hosts writes it, "ssh-ed25519 AAAA…": no other key is ever believed
    tls_cert: str = ""  # paths here of what the host's router shows; it then speaks TLS only
    tls_key: str = ""


@dataclass(frozen=True, slots=True)
class CostSettings:
    """What a deck's machines cost: an hour of one CPU, an hour of a GB of memory, in what currency."""

    cpu_hour: float = 0.0
    gb_hour: float = 0.0
    currency: str = ""


@dataclass(frozen=True, slots=True)
class DeckSettings:
    """What deck.toml and models/*.toml say together: the body of a settings revision."""

    name: str
    time_zone: str
    hosts: tuple[HostSettings, ...]
    models: dict[str, ModelSettings]
    access: dict[str, tuple[str, ...]] = field(default_factory=dict)  # role -> user names or @groups
    jobs: dict[str, JobSettings] = field(default_factory=dict)  # kind -> what deck.toml says of it
    group: str = ""  # the deck is shared with this group of the machine; "" keeps it private
    notify: dict[str, NotifySettings] = field(default_factory=dict)  # target -> what it is told, and how
    cost: CostSettings | None = None  # None: what predictions use is told without a price
    retention: RetentionSettings = RetentionSettings()

    def to_body(self) -> dict[str, Any]:
        """Return plain JSON values."""
        body = {**asdict(self), "models": {name: one.to_body() for name, one in self.models.items()}}
        if not self.group:
            del body["group"]  # a private deck says what it said before decks could be shared: the same revision
        if not self.notify:
            del body["notify"]
        if self.cost is None:
            del body["cost"]
        for host in body["hosts"]:
            if not host["tls_cert"]:
                del host["tls_cert"], host["tls_key"]
        return said(body, self.retention)

    @classmethod
    def from_body(cls, body: dict[str, Any]) -> DeckSettings:
        """Rebuild from `to_body`."""
        return cls(
            name=body["name"],
            time_zone=body["time_zone"],
            hosts=tuple(HostSettings(**host) for host in body["hosts"]),
            models={name: ModelSettings.from_body(model) for name, model in body["models"].items()},
            access={role: tuple(names) for role, names in body["access"].items()},
            jobs={kind: JobSettings(**stated) for kind, stated in body.get("jobs", {}).items()},
            group=body.get("group", ""),
            notify=notify_from_body(body),
            cost=CostSettings(**body["cost"]) if "cost" in body else None,
            retention=RetentionSettings(**body.get("retention", {})),
        )
