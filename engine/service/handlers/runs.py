"""Handlers of operations on runs, training and data."""

from __future__ import annotations

from typing import Any

from engine.access import Role
from engine.operations.runs import CompareRuns, IngestRequest, RunsPage, RunsRequest, RunsTable, TrainRequest
from engine.service.call import ServiceContext
from engine.service.filters import parse
from engine.service.handlers.deck import check_limit
from engine.service.handlers.settings import for_change
from engine.settings.durations import seconds
from engine.settings.work import terms
from store.clock import parse_time
from store.errors import Refused
from store.rows import Job, Run


def runs(context: ServiceContext, request: RunsRequest) -> list[Run]:
    """Return the runs that match, newest first unless another order is asked for."""
    return list(page(context, request).rows)


def page(context: ServiceContext, request: RunsRequest) -> RunsPage:
    """Return one page of them, and where the next begins."""
    from store import models
    from store import runs as history
    from store.search.runs import find_runs

    check_limit(request.limit)
    database = context.deck.database
    if request.model is not None:
        models.model(database, request.model)
    wanted = parse(request.filter)
    rows, after = find_runs(
        database,
        wanted.searched(),
        matches=wanted.matches,
        model=request.model,
        experiment=request.experiment,
        parent=history.run(database, request.parent).id if request.parent is not None else None,
        trials=request.trials,
        deleted=request.deleted,
        order=request.order,
        after=request.after,
        limit=request.limit,
    )
    return RunsPage(tuple(rows), after)


def compare(context: ServiceContext, request: CompareRuns) -> RunsTable:
    """Return the params and metrics in which the runs differ."""
    from store import runs as history

    if len(request.runs) < 2:
        raise Refused("one run differs from nothing", "name two or more runs")
    rows = [history.run(context.deck.database, identity) for identity in request.runs]
    cells = [_cells(run) for run in rows]
    names = dict.fromkeys(name for row in cells for name in row)
    table = ((name, *(row.get(name, "") for row in cells)) for name in names)
    return RunsTable(tuple(run.id for run in rows), tuple(row for row in table if len(set(row[1:])) > 1))


def _cells(run: Run) -> dict[str, str]:
    cells = {"model": run.model or "", "state": run.state, "snapshot": run.snapshot_id or ""}
    cells |= {f"params.{name}": value for name, value in run.params.items()}
    return cells | {f"metrics.{name}": f"{value:.6g}" for name, value in run.metrics.items()}


def train(context: ServiceContext, request: TrainRequest) -> Job:
    """Enqueue a training."""
    settings, revision = for_change(context, request.model)
    args: dict[str, Any] = {"reason": request.reason}
    if request.until is not None:
        args["until_us"] = parse_time(request.until, settings.time_zone)
    if request.estimator is not None:
        args["estimator"] = _estimator(context, request.estimator)
    if request.time_budget is not None:
        args["time_budget_s"] = _budget(request.time_budget)
    return _enqueue(context, "train", request, args, revision)


def _estimator(context: ServiceContext, name: str) -> str:
    """Let operators choose among scikit-learn's estimators; code of the workspace is its admins'."""
    if name != "auto" and not name.startswith("sklearn.") and context.caller.role < Role.ADMIN:
        raise Refused(f"--estimator {name} names code", "operators may give auto or a sklearn class")
    return name


def _budget(text: str) -> float:
    try:
        budget = seconds(text)
    except ValueError as error:
        raise Refused(f"--time-budget {text!r} is no duration", str(error)) from None
    if budget <= 0:
        raise Refused("--time-budget leaves no time", 'give it some, such as "15s"')
    return budget


def ingest(context: ServiceContext, request: IngestRequest) -> Job:
    """Enqueue a snapshot."""
    settings, revision = for_change(context, request.model)
    args = {"until_us": parse_time(request.until, settings.time_zone)} if request.until is not None else {}
    return _enqueue(context, "ingest", request, args, revision)


def _enqueue(
    context: ServiceContext, kind: str, request: TrainRequest | IngestRequest, args: dict[str, Any], revision: int
) -> Job:
    from store import jobs
    from store import settings as applied

    with context.deck.database.write() as tx:
        return jobs.enqueue(
            tx,
            kind=kind,
            model=request.model,
            terms=terms(applied.get(tx, revision).body, kind),
            needs=request.after,
            args=args,
            actor=context.caller.actor,
            via=context.caller.via,
            settings_revision=revision,
        )
