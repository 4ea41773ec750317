"""Handlers of operations on runs, training and data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.access import Role
from engine.operations.runs import (
    CompareRuns,
    CurvesRequest,
    IngestRequest,
    ReproduceRequest,
    RunCurve,
    RunsPage,
    RunsRequest,
    RunsTable,
    TrainRequest,
)
from engine.service.context import ServiceContext
from engine.service.filters import parse
from engine.service.handlers.comments import counted
from engine.service.handlers.deck import check_limit
from engine.service.handlers.settings import for_change
from engine.settings.durations import seconds
from engine.settings.model import DeckSettings
from engine.settings.work import terms
from engine.training.family import is_ours, require_name
from store.clock import parse_time, read_span
from store.errors import Refused
from store.rows import Job, Run, Version

MOST_TRAININGS = 500  # of one backfill
MOST_AT_ONCE = 64
MOST_POINTS = 200  # of one curve


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
    return RunsPage(tuple(counted(database, "run", rows, lambda row: row.id)), after)


def compare(context: ServiceContext, request: CompareRuns) -> RunsTable:
    """Return the params and metrics in which the runs differ."""
    from store import runs as history

    if len(request.runs) < 2:
        raise Refused("one run differs from nothing", "name two or more runs")
    rows = [history.run(context.deck.database, identity) for identity in request.runs]
    cells = [_cells(run) for run in rows]
    names = dict.fromkeys(name for row in cells for name in row)
    table = ((name, [row.get(name) for row in cells]) for name in names)
    differing = ((name, *_said(values)) for name, values in table if any(one != values[0] for one in values))
    return RunsTable(tuple(run.id for run in rows), tuple(differing))


def curves(context: ServiceContext, request: CurvesRequest) -> list[RunCurve]:
    """Return each metric that has more than one step in a run, metric by metric, runs in the order given."""
    from store import runs as history

    if len(request.runs) > MOST_AT_ONCE:
        raise Refused(f"{len(request.runs)} runs are more than {MOST_AT_ONCE}", "name fewer")
    rows = [history.run(context.deck.database, identity) for identity in request.runs]
    names = [request.metric] if request.metric else sorted({name for row in rows for name in row.metrics})
    found = []
    for name in names:
        for row in rows:
            points = history.metric_history(context.deck.database, row.id, name)
            if len(points) > 1:
                kept = points[:: -(-len(points) // MOST_POINTS)]
                kept += [points[-1]] if kept[-1] != points[-1] else []
                steps, values = tuple(one[0] for one in kept), tuple(one[2] for one in kept)
                found.append(RunCurve(row.id, name, len(points), steps, values))
    return found


def _cells(run: Run) -> dict[str, str | float]:
    cells: dict[str, str | float] = {
        "model": run.model or "",
        "experiment": run.experiment,
        "kind": run.kind,
        "state": run.state,
        "settings": "" if run.settings_revision is None else f"revision {run.settings_revision}",
        "snapshot": run.snapshot_id or "",
    }
    cells |= {f"params.{name}": value for name, value in run.params.items()}
    cells |= {f"metrics.{name}": value for name, value in run.metrics.items()}
    return cells | {f"tags.{name}": value for name, value in run.tags.items()}


def _said(values: Sequence[str | float | None]) -> list[str]:
    """Say the values of one row: numbers to six digits, or whole where six would make them look alike."""
    short = [f"{value:.6g}" if isinstance(value, float) else value or "" for value in values]
    if len(set(short)) < len(set(values)):
        return [repr(value) if isinstance(value, float) else value or "" for value in values]
    return short


def train(context: ServiceContext, request: TrainRequest) -> Job:
    """Enqueue a training."""
    settings, revision = for_change(context, request.model)
    model = settings.models[request.model]
    require_name(model.task, request.estimator or model.train.estimator)
    if request.backfill is not None:
        return _backfill(context, request, settings, revision)
    args: dict[str, Any] = {"reason": request.reason}
    if request.until is not None:
        args["until_us"] = parse_time(request.until, settings.time_zone)
    if request.estimator is not None:
        args["estimator"] = _estimator(context, request.estimator)
    if request.time_budget is not None:
        args["time_budget_s"] = _budget(request.time_budget)
    return _enqueue(context, "train", request, args, revision)


def _backfill(context: ServiceContext, request: TrainRequest, settings: DeckSettings, revision: int) -> Job:
    """Enqueue the training of a model as at each time of a span, oldest first."""
    others = {"--until": request.until, "--estimator": request.estimator, "--time-budget": request.time_budget}
    given = [flag for flag, value in others.items() if value is not None]
    if given:
        raise Refused(f"--backfill and {given[0]} do not go together", "write what all trainings share into the file")
    if settings.models[request.model].data.time_column is None:
        raise Refused(f"{request.model} has no data.time_column", "without times no row is known to be later")
    if not 1 <= request.at_once <= MOST_AT_ONCE:
        raise Refused(f"--at-once {request.at_once} is not from 1 to {MOST_AT_ONCE}", "")
    first, last = read_span(request.backfill or "", settings.time_zone)
    step = round(_duration("--every", request.every) * 1_000_000)
    times = list(range(first, last, step))
    if len(times) > MOST_TRAININGS:
        raise Refused(f"that is {len(times)} trainings, {MOST_TRAININGS} at most", "take a longer --every")
    args = {"times_us": times, "at_once": request.at_once, "reason": request.reason}
    return _enqueue(context, "backfill", request, args, revision)


def reproduce(context: ServiceContext, request: ReproduceRequest) -> Job:
    """Enqueue a reproduction, under the settings that the version pins."""
    from store import versions

    version = versions.version(context.deck.database, request.model, request.version)
    return enqueue_pinned(context, "reproduce", version, {"version": version.number})


def enqueue_pinned(context: ServiceContext, kind: str, version: Version, args: dict[str, Any]) -> Job:
    """Enqueue work on a version, under the settings that the version pins."""
    from engine.settings.apply import current_settings
    from store import jobs
    from store import settings as applied

    _, revision = current_settings(context.deck)
    with context.deck.database.write() as tx:
        return jobs.enqueue(
            tx,
            kind=kind,
            model=version.model,
            terms=terms(applied.get(tx, revision).body, kind),
            args=args,
            actor=context.caller.actor,
            via=context.caller.via,
            settings_revision=version.settings_revision,
        )


def _estimator(context: ServiceContext, name: str) -> str:
    """Let operators choose among scikit-learn's estimators; code of the workspace is its admins'."""
    if not is_ours(name) and context.caller.role < Role.ADMIN:
        raise Refused(f"--estimator {name} names code", "operators may give auto or a sklearn class")
    return name


def _budget(text: str) -> float:
    return _duration("--time-budget", text)


def _duration(flag: str, text: str) -> float:
    try:
        found = seconds(text)
    except ValueError as error:
        raise Refused(f"{flag} {text!r} is no duration", str(error)) from None
    if found <= 0:
        raise Refused(f"{flag} leaves no time", 'give it some, such as "15s"')
    return found


def ingest(context: ServiceContext, request: IngestRequest) -> Job:
    """Enqueue a snapshot."""
    settings, revision = for_change(context, request.model)
    args: dict[str, Any] = {}
    if request.until is not None:
        args["until_us"] = parse_time(request.until, settings.time_zone)
    if request.whole:
        args["whole"] = True
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
