"""Operations on endpoints, releases, deployments and hosts."""

from __future__ import annotations

from typing import Any

from engine.access import Role
from engine.operations.common import Done, ModelRequest, NoRequest
from engine.operations.operation import Danger, Operation, argument
from engine.plans import Preview
from store.rows import Deployment, Endpoint, Fault, Job, Release, Replica, Route, Step
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class PromoteRequest:
    """Give a version the traffic. `basis` comes from the preview; empty means: as things stand now."""

    model: str = argument("the model's name")
    version: int | None = argument("without it, the challenger", metavar="VERSION", default=None)
    reason: str = argument("why, kept on record", flag="--reason", default="")
    basis: str = argument("the preview's basis", flag="--basis", default="")
    emergency: bool = argument(
        "pass over approvals, loudly: an approver, with a reason", flag="--emergency", default=False
    )


@dataclass(frozen=True, slots=True)
class RollbackRequest:
    """Go back to where the endpoint was; with a release running, abort it."""

    model: str = argument("the model's name")
    reason: str = argument("why, kept on record", flag="--reason", default="")
    basis: str = argument("the preview's basis", flag="--basis", default="")


@dataclass(frozen=True, slots=True)
class DeployRequest:
    """Bring the champion to the applied settings: hosts, replicas, limits, and the image of this modeldeck."""

    model: str = argument("the model's name")
    reason: str = argument("why, kept on record", flag="--reason", default="")
    basis: str = argument("the preview's basis", flag="--basis", default="")


@dataclass(frozen=True, slots=True)
class ReleaseChange:
    """Pause or resume the running release of a model, or stop its endpoint."""

    model: str = argument("the model's name")
    reason: str = argument("why, kept on record", flag="--reason", default="")


@dataclass(frozen=True, slots=True)
class AbortRequest:
    """Abort the open release of a model. `basis` is the preview's of a rollback; empty means: as things stand now."""

    model: str = argument("the model's name")
    reason: str = argument("why, kept on record", flag="--reason", default="")
    basis: str = argument("the preview's basis", flag="--basis", default="")


@dataclass(frozen=True, slots=True)
class ReleasesRequest:
    """Releases, newest first."""

    model: str | None = argument("only this model's", metavar="MODEL", default=None)
    limit: int = argument("at most this many rows", flag="--limit", default=50)


@dataclass(frozen=True, slots=True)
class ReleaseDetail:
    """A release with its steps, and how many live samples each weight has had."""

    release: Release
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """One release by id, or the newest of a model."""

    id: str = argument("a release's id, a unique prefix is enough; or a model, for its newest", metavar="RELEASE")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a deployment's servers have used since they started; per 1,000 predictions None where there is none yet.

    `cpu_s` counts seconds of CPU, `gb_h` GB-hours of memory. A price is told only where `[cost]` of deck.toml says one.
    """

    deployment: str
    model: str
    version: int
    host: str
    role: str
    since: int
    requests: int
    predictions: int
    cpu_s: float
    gb_h: float
    cpu_s_per_1000: float | None
    gb_h_per_1000: float | None
    price_per_1000: float | None
    currency: str


@dataclass(frozen=True, slots=True)
class CostRequest:
    """Ask what predictions cost."""

    model: str | None = argument("only this model", metavar="MODEL", default=None)


@dataclass(frozen=True, slots=True)
class DeploymentDetail:
    """A deployment and its replicas."""

    deployment: Deployment
    replicas: tuple[Replica, ...]
    route: Route | None
    faults: tuple[Fault, ...] = ()  # what stands against it, or against its host
    cost: Cost | None = None  # None until a server has said what it used


@dataclass(frozen=True, slots=True)
class ConvergeRequest:
    """Bring the hosts of a model to what the registry says."""

    model: str = argument("the model's name")
    reason: str = argument("why, kept on record", flag="--reason", default="")
    basis: str = argument("the preview's basis", flag="--basis", default="")


@dataclass(frozen=True, slots=True)
class PredictRequest:
    """Ask an endpoint; `records` are rows as objects."""

    model: str
    records: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Predictions:
    """Prediction records in row order; `ignored` are columns of the rows that no model reads, such as the target."""

    model: str
    version: int
    records: tuple[dict[str, Any], ...]
    ignored: tuple[str, ...] = ()


_HANDLERS = "engine.service.handlers.serving"

# how far one resume reaches, as every face says it; see engine.release.rollout.accepted_silence
REACH = (
    "It goes past this step. If nobody asked the new version anything in it, every later step in which nobody does"
    " is passed too, up to all traffic; where requests come they are judged, and too few hold it again."
)

OPERATIONS = (
    Operation(
        "releases.promote",
        ("promote",),
        "give a version the traffic, step by step",
        PromoteRequest,
        Release,
        Role.OPERATOR,
        Danger.DANGEROUS,
        f"{_HANDLERS}:promote",
        reversible=True,
        job=True,
        preview="releases.preview_promote",
    ),
    Operation(
        "releases.preview_promote",
        (),
        "what a promotion would do",
        PromoteRequest,
        Preview,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:preview_promote",
        command_line=False,
    ),
    Operation(
        "releases.rollback",
        ("rollback",),
        "go back to where the endpoint was",
        RollbackRequest,
        Release,
        Role.OPERATOR,
        Danger.DANGEROUS,
        f"{_HANDLERS}:rollback",
        reversible=True,
        job=True,
        preview="releases.preview_rollback",
    ),
    Operation(
        "releases.preview_rollback",
        (),
        "what a rollback would do, with its proof",
        RollbackRequest,
        Preview,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:preview_rollback",
        command_line=False,
    ),
    Operation(
        "releases.deploy",
        ("deploy",),
        "bring the champion to the applied settings",
        DeployRequest,
        Release,
        Role.OPERATOR,
        Danger.DANGEROUS,
        f"{_HANDLERS}:deploy",
        reversible=True,
        job=True,
        preview="releases.preview_deploy",
    ),
    Operation(
        "releases.preview_deploy",
        (),
        "what a deploy would do",
        DeployRequest,
        Preview,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:preview_deploy",
        command_line=False,
    ),
    Operation(
        "releases.list",
        ("releases",),
        "releases, newest first",
        ReleasesRequest,
        Release,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:releases",
        many=True,
    ),
    Operation(
        "releases.detail",
        ("releases", "show"),
        "one release, step by step, with what was judged",
        ReleaseRequest,
        ReleaseDetail,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:detail",
    ),
    Operation(
        "releases.pause",
        ("releases", "pause"),
        "hold the running release where it is",
        ReleaseChange,
        Release,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_HANDLERS}:pause",
        reversible=True,
    ),
    Operation(
        "releases.resume",
        ("releases", "resume"),
        "let a held release go on, on record",
        ReleaseChange,
        Release,
        Role.APPROVER,
        Danger.CHANGE,
        f"{_HANDLERS}:resume",
        job=True,
    ),
    Operation(
        "releases.abort",
        ("releases", "abort"),
        "return the traffic to the champion",
        AbortRequest,
        Release,
        Role.OPERATOR,
        Danger.DANGEROUS,
        f"{_HANDLERS}:abort",
        job=True,
    ),
    Operation(
        "endpoints.list",
        ("endpoints",),
        "where each model answers",
        NoRequest,
        Endpoint,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:endpoints",
        many=True,
    ),
    Operation(
        "endpoints.stop",
        ("endpoints", "stop"),
        "stop serving a model",
        ReleaseChange,
        Done,
        Role.OPERATOR,
        Danger.DANGEROUS,
        f"{_HANDLERS}:stop",
    ),
    Operation(
        "deployments.list",
        ("deployments",),
        "what should run where, and what does",
        NoRequest,
        DeploymentDetail,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:deployments",
        many=True,
    ),
    Operation(
        "deployments.cost",
        ("cost",),
        "what 1,000 predictions cost by deck.toml [cost]",
        CostRequest,
        Cost,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:cost",
        many=True,
    ),
    Operation(
        "deployments.converge",
        ("deployments", "converge"),
        "bring a model's hosts to what the registry says",
        ConvergeRequest,
        Job,
        Role.OPERATOR,
        Danger.DANGEROUS,
        f"{_HANDLERS}:converge",
        job=True,
        preview="deployments.preview_converge",
    ),
    Operation(
        "deployments.preview_converge",
        (),
        "what differs on a model's hosts",
        ConvergeRequest,
        Preview,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:preview_converge",
        command_line=False,
    ),
    Operation(
        "serving.predict",
        (),
        "ask an endpoint",
        PredictRequest,
        Predictions,
        Role.OPERATOR,
        Danger.READ,
        f"{_HANDLERS}:predict",
        command_line=False,
        takes_rows=True,
    ),
    Operation(
        "endpoints.for_model",
        (),
        "one model's endpoint",
        ModelRequest,
        Endpoint,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:endpoint",
        command_line=False,
    ),
)
