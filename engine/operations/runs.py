"""Operations on runs, training and data."""

from __future__ import annotations

from engine.access import Role
from engine.operations.operation import Danger, Operation, argument
from store.rows import Job, Run
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class RunsRequest:
    """Runs, newest first unless another order is asked for."""

    model: str | None = argument("only this model's", metavar="MODEL", default=None)
    filter: str = argument("words, metrics.mae<12, params.depth=6", metavar="FILTER", default="")
    trials: bool = argument("list trials too", flag="--trials", default=False)
    limit: int = argument("at most this many rows", flag="--limit", default=100)
    order: str = argument("started_at, metrics.X, params.X or tags.X; -X from the largest", flag="--order", default="")
    after: str = argument("the page after this cursor", flag="--after", metavar="CURSOR", default="")
    parent: str | None = argument("only the trials of this run", flag="--parent", metavar="RUN", default=None)
    experiment: str | None = argument("only this experiment's", flag="--experiment", metavar="NAME", default=None)
    deleted: bool = argument("the deleted ones instead", flag="--deleted", default=False)


@dataclass(frozen=True, slots=True)
class RunsPage:
    """One page of runs, and the cursor of the next; None where this was the last."""

    rows: tuple[Run, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class CompareRuns:
    """Two or more runs by id."""

    runs: tuple[str, ...] = argument("run ids; unique prefixes are enough", metavar="RUN")


@dataclass(frozen=True, slots=True)
class RunsTable:
    """Only what differs: one row per param or metric, one value per run."""

    runs: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]  # (name, value of the first run, …)


@dataclass(frozen=True, slots=True)
class CurvesRequest:
    """One or more runs by id, and one metric or every one of more than one step."""

    runs: tuple[str, ...] = argument("run ids; unique prefixes are enough", metavar="RUN")
    metric: str = argument("only this metric", flag="--metric", metavar="NAME", default="")


@dataclass(frozen=True, slots=True)
class RunCurve:
    """One metric of one run by its steps; of very many points, evenly as many as can be drawn, the last among them."""

    run: str
    metric: str
    points: int  # that there are
    steps: tuple[int, ...]
    values: tuple[float | None, ...]  # None: not a number


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """Train a new version."""

    model: str = argument("the model's name")
    until: str | None = argument("use rows before this time only", flag="--until", metavar="TIME", default=None)
    estimator: str | None = argument("instead of the settings' estimator", flag="--estimator", default=None)
    time_budget: str | None = argument("instead of the settings' budget, 15s", flag="--time-budget", default=None)
    reason: str = argument("why, kept on record", flag="--reason", default="")
    after: tuple[str, ...] = argument("start once this job has succeeded", flag="--after", metavar="JOB", default=())
    backfill: str | None = argument(
        "train as at each time of a span, see --every", flag="--backfill", metavar="FROM..TO", default=None
    )
    every: str = argument("with --backfill: from one training to the next", flag="--every", default="30d")
    at_once: int = argument("with --backfill: so many trainings at once", flag="--at-once", default=1)


@dataclass(frozen=True, slots=True)
class ReproduceRequest:
    """Fit a version again from what it pins, and compare predictions bit for bit."""

    model: str = argument("the model's name")
    version: int = argument("the version number", metavar="VERSION")


@dataclass(frozen=True, slots=True)
class IngestRequest:
    """Take a snapshot of a model's source."""

    model: str = argument("the model's name")
    until: str | None = argument("use rows before this time only", flag="--until", metavar="TIME", default=None)
    whole: bool = argument("read an incremental source from its beginning", flag="--whole", default=False)
    after: tuple[str, ...] = argument("start once this job has succeeded", flag="--after", metavar="JOB", default=())


_HANDLERS = "engine.service.handlers.runs"

OPERATIONS = (
    Operation(
        "runs.list",
        ("runs",),
        "training runs, newest first",
        RunsRequest,
        Run,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:runs",
        many=True,
        pages="runs.page",
    ),
    Operation(
        "runs.page",
        (),
        "one page of runs",
        RunsRequest,
        RunsPage,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:page",
        command_line=False,
    ),
    Operation(
        "runs.compare",
        ("runs", "compare"),
        "what differs between runs",
        CompareRuns,
        RunsTable,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:compare",
    ),
    Operation(
        "runs.curves",
        ("runs", "curves"),
        "metrics of runs, step by step",
        CurvesRequest,
        RunCurve,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:curves",
        many=True,
    ),
    Operation(
        "runs.train",
        ("train",),
        "train a new version",
        TrainRequest,
        Job,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_HANDLERS}:train",
        job=True,
    ),
    Operation(
        "versions.reproduce",
        ("reproduce",),
        "fit a version again, compare bit for bit",
        ReproduceRequest,
        Job,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_HANDLERS}:reproduce",
        job=True,
    ),
    Operation(
        "data.ingest",
        ("data", "ingest"),
        "take a snapshot of a model's source",
        IngestRequest,
        Job,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_HANDLERS}:ingest",
        job=True,
    ),
)
