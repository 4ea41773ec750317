"""Versions of two models, plans of releases and the releases themselves, as frozen rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.plans import Check, Difference, Plan, PlanStep
from store.rows import Model, Release, Step, Version, microseconds

NOW = microseconds("2026-11-24T03:12:00+00:00")
MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
HASH = "sha256:" + "9f86d081884c7d65" * 4


def identity(number: int) -> str:
    return f"0193a1b2c3d{number:05x}7abc8def0123456789"[:32]


def version(model: str, number: int, aliases: tuple[str, ...], value: float, **changes: Any) -> Version:
    metric = "mae" if model == "nightly-rates" else "log_loss"
    evaluation = {
        "metric": metric,
        "holdout": {
            metric: {"value": value, "low": value * 0.95, "high": value * 1.06, "n": 3080},
            "rmse" if metric == "mae" else "roc_auc": {"value": value * 1.31, "low": None, "high": None, "n": 3080},
            "calibration": {"value": None, "note": "undefined: one class only", "n": 3080},
        },
        "baseline": {metric: {"value": value * 1.72}},
        "slices": {
            f"market_segment={name}": {metric: {"value": value * share, "low": value, "high": value * 1.3, "n": rows}}
            for name, share, rows in (("Online TA", 1.02, 1712), ("Groups", 1.21, 402), ("Direct", 0.91, 377))
        },
        "from_at": NOW - 60 * DAY,
        "to_at": NOW - 20 * DAY,
        "candidates": [
            {"name": "Dummy", "folds": [38.1, 36.0, 41.9], "mean": 38.7},
            {"name": "Ridge", "folds": [25.4, 24.9, 28.0], "mean": 26.1},
            {"name": "HistGradientBoosting", "folds": [22.0, 21.1, 24.2], "mean": 22.4},
        ],
        "importance": [
            {"name": "lead_time", "value": 8.21},
            {"name": "market_segment", "value": 6.4},
            {"name": "arrival_date", "value": 3.3},
            {"name": "adults", "value": 1.02},
        ],
    }
    row = Version(
        model=model,
        number=number,
        run_id=identity(100 + number),
        snapshot_id=HASH,
        settings_revision=number,
        bundle_hash=HASH,
        environment_hash=HASH,
        artifact_hash=HASH,
        golden_hash=HASH,
        signature={
            "inputs": [
                {"name": "lead_time", "type": "long", "nullable": False},
                {"name": "market_segment", "type": "string", "nullable": True},
                {"name": "arrival_date", "type": "datetime", "nullable": False},
            ],
            "outputs": [{"name": "value", "type": "double"}],
        },
        decision={},
        evaluation=evaluation,
        estimator="sklearn.ensemble.HistGradientBoostingRegressor" if number > 1 else "sklearn.linear_model.Ridge",
        artifact_bytes=1_284_113,
        git_commit="48e0b44c1",
        git_dirty=False,
        cutoff_at=NOW - 60 * DAY,
        derived_from=None,
        description="",
        actor="user:anna",
        created_at=NOW - (8 - number) * HOUR,
        abandoned_at=None,
        aliases=aliases,
        tags={},
    )
    return replace(row, **changes)


VERSIONS = {
    "nightly-rates": (
        version("nightly-rates", 3, ("challenger",), 20.73),
        version("nightly-rates", 2, ("champion",), 21.42),
        version("nightly-rates", 1, (), 26.08),
    ),
    "post-moderation": (
        version("post-moderation", 3, (), 0.421, abandoned_at=NOW - HOUR),
        version("post-moderation", 2, ("champion",), 0.402),
        version("post-moderation", 1, (), 0.466),
    ),
}

MODELS = (
    Model(
        "nightly-rates", "regression", "pricing", "Nightly room price shown on the booking page", NOW - 9 * DAY, 3, 2, 3
    ),
    Model("post-moderation", "classification", "trust", "Which phone wrote the post", NOW - 9 * DAY, 3, 2, None),
)

STEP_TITLES = (
    ("gates", "gates on data that neither v3 nor v2 was trained on", None),
    ("approvals", "approvals: none asked", None),
    ("build", "image: not needed on a process host", "local"),
    ("ship", "shipping: not needed on a process host", "local"),
    ("start", "start 1 server of v3 beside v2", "local"),
    ("proof", "warm, and answer the golden requests as recorded, on every server", "local"),
    ("limits", "gates latency_p99_ms: 200 golden requests before any live one", "local"),
    ("weight", "10 % of traffic to v3, until 200 live rows and 2s; held after 20s without", "local"),
    ("weight", "50 % of traffic to v3, until 200 live rows and 2s; held after 20s without", "local"),
    ("weight", "100 % of traffic to v3, until 200 live rows; held after 20s without", "local"),
    ("alias", "champion moves from v2 to v3, and all traffic with it", None),
    ("drain", "drain v2 and keep it warm", None),
    ("record", "record the evidence and the way back", None),
)

PLAN = Plan(
    kind="promote",
    endpoint="nightly-rates",
    from_version=2,
    to_version=3,
    summary="nightly-rates: v2 → v3 on local",
    undo="modeldeck rollback nightly-rates",
    steps=tuple(PlanStep(kind, title, host) for kind, title, host in STEP_TITLES),
    differences=(
        Difference("mae", "21.42", "20.73"),
        Difference("settings revision", "2", "3"),
        Difference("snapshot", "sha256:9f86d081884c", "sha256:0b1c2d3e4f5a"),
    ),
    checks=(
        Check("mae", "passed", "20.73", "at most 30"),
        Check("mae vs champion", "pending", "", "at most 1.02 x the loss of v2"),
        Check("latency_p99_ms", "pending", "", "at most 20"),
        Check("slices of market_segment", "pending", "", "no worse than champion"),
    ),
)

ROLLBACK = Plan(
    kind="rollback",
    endpoint="nightly-rates",
    from_version=2,
    to_version=1,
    summary="nightly-rates: v2 → v1 on local: a route change",
    undo="modeldeck promote nightly-rates 2 --reason …",
    steps=(
        PlanStep("route", "all traffic to v1, kept warm here", "local"),
        PlanStep("alias", "champion moves from v2 to v1, and all traffic with it; v2 is marked abandoned"),
        PlanStep("drain", "drain v2 and stop it"),
        PlanStep("record", "record the evidence and the way back"),
    ),
    differences=(Difference("mae", "21.42", "26.08"),),
    checks=(
        Check("artifact hash", "passed", "sha256:9f86d081884c", "as registered"),
        Check("environment", "passed", "equal to this interpreter's", "as registered"),
        Check("golden answers on local", "passed", "1 of 1 servers ready", "as recorded"),
    ),
)

DEPLOY = Plan(
    kind="deploy",
    endpoint="nightly-rates",
    from_version=2,
    to_version=2,
    summary="nightly-rates: v2 under settings 5 on local",
    undo="modeldeck rollback nightly-rates",
    steps=(
        PlanStep("start", "start 2 servers of v2 beside those that serve", "local"),
        PlanStep("switch", "all traffic here to the new servers, watched for 10 s", "local"),
    ),
    differences=(Difference("deploy.replicas", "1", "2"),),
)


def release(number: int, state: str, **changes: Any) -> Release:
    row = Release(
        id=identity(200 + number),
        endpoint="nightly-rates",
        kind="promote",
        from_version=1,
        to_version=2,
        state=state,
        verdict="passed" if state == "completed" else "",
        reason="",
        detail="",
        basis="b1",
        plan={
            "undo": "modeldeck rollback nightly-rates",
            "checks": [{"name": "mae", "verdict": "passed", "observed": "21.42", "required": "at most 30"}],
        },
        evidence={},
        undo={"command": "modeldeck rollback nightly-rates"},
        settings_revision=2,
        actor="user:anna",
        job_id=identity(300 + number),
        reverted_by=None,
        requested_at=NOW - 3 * HOUR,
        started_at=NOW - 3 * HOUR,
        ended_at=NOW - 3 * HOUR + 21_000_000 if state == "completed" else None,
    )
    return replace(row, **changes)


RELEASES = (
    release(4, "running", from_version=2, to_version=3, requested_at=NOW - MINUTE, started_at=NOW - MINUTE),
    release(3, "completed"),
    release(
        2,
        "completed",
        endpoint="post-moderation",
        kind="rollback",
        from_version=3,
        to_version=2,
        reason="collapse",
        undo={"command": "modeldeck promote post-moderation 3 --reason …"},
        requested_at=NOW - HOUR,
    ),
    release(1, "completed", from_version=None, to_version=1, requested_at=NOW - 7 * HOUR),
)

OBSERVED = {
    "since": NOW - 30_000_000,
    "new": {"rows": 124, "errors": 0, "latency_p99_ms": 4.2},
    "champion": {"rows": 1130, "errors": 1, "latency_p99_ms": 3.9},
    "detail": "124 of 200 rows",
}


def steps(release_id: str, at: int) -> tuple[Step, ...]:
    rows = []
    for number, (kind, title, host) in enumerate(STEP_TITLES, 1):
        state = "done" if number < at else "running" if number == at else "pending"
        if kind in ("build", "ship"):
            state = "skipped"
        started = NOW - 60_000_000 + number * 3_000_000 if number <= at else None
        ended = started + 2_400_000 if started is not None and number < at else None
        args = {"weight": int(title.split(" ")[0]), "min_samples": 200} if kind == "weight" else {}
        observed: dict[str, Any] = OBSERVED if kind == "weight" and number == at else {}
        if kind == "gates":
            observed = {
                "checks": [
                    {"name": "mae vs champion", "verdict": "passed", "observed": "0.968", "required": "at most 1.02"}
                ]
            }
        rows.append(
            Step(
                release_id, number, kind, title, host, args, state, "", observed if number <= at else {}, started, ended
            )
        )
    return tuple(rows)
