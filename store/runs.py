"""Runs: what each was told, what it measured, how it ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import Any

from store import events
from store.database import Params, Reader, Write
from store.errors import Refused, UnknownName
from store.ids import new_id
from store.lookup import find_id
from store.point_lines import Logged, Point, Points, columns
from store.rows import Run
from store.rows.making import maker

# in the order of the fields of Run
COLUMNS = (
    "id, experiment, model, parent_id, kind, name, state, reason, settings_revision, snapshot_id, job_id, actor,"
    " started_at, ended_at, note, deleted_at, number"
)
_OWN, _WHOLE, _NUMBER_AT = 14, 16, 16  # params, metrics and tags stand between the first two
_AT_ONCE = 500  # runs whose params are asked for in one statement
_RUN = (
    "INSERT INTO run (id, experiment, model, parent_id, kind, name, state, reason, settings_revision, snapshot_id,"
    " job_id, actor, started_at) VALUES (?, ?, ?, ?, ?, ?, 'running', '', ?, ?, ?, ?, ?)"
)
_LATER_COUNTS = "ON CONFLICT (run_number, key) DO UPDATE SET value = excluded.value"
_ALL = 1 << 31  # more runs than one job makes
ENDED = ("finished", "failed", "abandoned", "cancelled")


def start_run(  # noqa: PLR0913 (one keyword for each thing a run is made of)
    tx: Write,
    *,
    actor: str,
    model: str | None = None,
    experiment: str | None = None,
    parent_id: str | None = None,
    kind: str = "train",
    name: str = "",
    settings_revision: int | None = None,
    snapshot_id: str | None = None,
    job_id: str | None = None,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
) -> Run:
    """Start a run; without `experiment` it belongs to the model's own. A trial (with `parent_id`) makes no event.

    Raises:
        Refused: neither a model nor an experiment is named.
    """
    belongs_to = experiment or model
    if belongs_to is None:
        raise Refused("a run belongs to an experiment", "name a model or an experiment")
    if experiment is not None:
        tx.execute(
            "INSERT INTO experiment (name, model, created_at) VALUES (:name, NULL, :at) ON CONFLICT (name) DO NOTHING",
            {"name": experiment, "at": tx.at},
        )
    id = new_id(tx.clock)
    name = name or f"{kind} {id[:12]}"
    told = {key: str(value) for key, value in (params or {}).items()}
    number = tx.added(
        _RUN,
        (id, belongs_to, model, parent_id, kind, name, settings_revision, snapshot_id, job_id, actor, tx.at),
    )
    if told:
        _keep(tx, "run_param", number, told)
    if tags:
        _keep(tx, "run_tag", number, tags)
    if parent_id is None:
        _record(tx, "run.started", id, model, actor, body={"job_id": job_id, "snapshot_id": snapshot_id})
    started: Run = maker(Run)(
        id, belongs_to, model, parent_id, kind, name, "running", "", settings_revision, snapshot_id, job_id, actor,
        tx.at, None, told, {}, dict(tags or {}), "", None, 0,
    )  # fmt: skip
    return started


def log(tx: Write, run_id: str, logged: Logged) -> None:
    """Keep what lines of a run's spool tell: params and points."""
    number = number_of(tx, run_id)
    if logged.params:
        _keep(tx, "run_param", number, logged.params)
    _keep_points(tx, number, logged.points)


def log_params(tx: Write, run_id: str, params: Mapping[str, Any]) -> None:
    """Keep what a run was told, as text; a key told again is overwritten."""
    if params:
        _keep(tx, "run_param", number_of(tx, run_id), {key: str(params[key]) for key in params})


def set_tags(tx: Write, run_id: str, tags: Mapping[str, str]) -> None:
    """Set words on a run; a key set again is overwritten."""
    if tags:
        _keep(tx, "run_tag", number_of(tx, run_id), tags)


def _keep(tx: Write, table: str, number: int, told: Mapping[str, str]) -> None:
    tx.insert(f"{table} (run_number, key, value)", list(told.items()), _LATER_COUNTS, (number,))


def number_of(reader: Reader, run_id: str) -> int:
    """Return the number by which the tables of what runs log know a run.

    Raises:
        UnknownName: there is no such run.
    """
    row = reader.row("SELECT number FROM run WHERE id = :id", {"id": run_id})
    if row is None:
        raise UnknownName(f"no run {run_id!r}", "modeldeck runs lists them")
    return int(row["number"])


def set_snapshot(tx: Write, run_id: str, snapshot_id: str) -> None:
    """Say which data a run is trained on, once its snapshot is there."""
    tx.execute("UPDATE run SET snapshot_id = :snapshot WHERE id = :run", {"snapshot": snapshot_id, "run": run_id})


def log_points(tx: Write, run_id: str, points: Iterable[Point]) -> None:
    """Add metric points (key, step, microseconds UTC, value). A step told again is overwritten, NaN is null."""
    _keep_points(tx, number_of(tx, run_id), columns(points))


def _keep_points(tx: Write, number: int, points: Points) -> None:
    # thousands at a time: what these lines cost is what a point costs
    keys, steps, ats, _ = points
    if not keys:
        return
    values = _storable(points.values)
    metric, told_again = (
        "run_metric (run_number, key, step, at, value)",
        "ON CONFLICT (run_number, key, step) DO UPDATE SET at = excluded.at, value = excluded.value",
    )
    if keys.count(keys[0]) == len(keys):
        tx.insert_columns(metric, (steps, ats, values), told_again, (number, keys[0]))
        newest = [len(steps) - 1 - steps[::-1].index(max(steps))]  # of one step twice the later
    else:
        tx.insert_columns(metric, (keys, steps, ats, values), told_again, (number,))
        newest = list({keys[place]: place for place in sorted(range(len(keys)), key=steps.__getitem__)}.values())
    tx.insert(
        "run_metric_latest (run_number, key, step, at, value)",
        [(keys[place], steps[place], ats[place], values[place]) for place in newest],
        "ON CONFLICT (run_number, key) DO UPDATE SET step = excluded.step, at = excluded.at, value = excluded.value"
        " WHERE excluded.step >= run_metric_latest.step",
        (number,),
    )


def _storable(values: Sequence[float | None]) -> Sequence[float | None]:
    """Return values with null for what is no finite number; most of them are as they can be kept."""
    # a sum is not finite where one of its values is not; where it is merely too large, each is looked at
    if set(map(type, values)) == {float} and isfinite(sum(values)):  # type: ignore[arg-type]
        return values
    return [None if value is None or not isfinite(value) else float(value) for value in values]


def finish_run(tx: Write, run_id: str, state: str, reason: str = "") -> bool:
    """End a run as finished, failed, abandoned or cancelled; False where it had ended, which stays as it is.

    Raises:
        Refused: `state` is no end.
        UnknownName: there is no such run.
    """
    if state not in ENDED:
        raise Refused(f"a run cannot end as {state!r}", f"one of {', '.join(ENDED)}")
    found = tx.tuples("SELECT number, model, actor, parent_id FROM run WHERE id = ? AND state = 'running'", (run_id,))
    if not found:
        run(tx, run_id)
        return False
    number, model, actor, parent_id = found[0]
    tx.put("UPDATE run SET state = ?, reason = ?, ended_at = ? WHERE number = ?", (state, reason, tx.at, number))
    if parent_id is None:
        _record(tx, f"run.{state}", run_id, model, actor, reason=reason)
    return True


def run(reader: Reader, id: str) -> Run:
    """Return one run by id or unique prefix.

    Raises:
        UnknownName: no run begins so. Refused: several do.
    """
    found = reader.rows(f"SELECT {COLUMNS} FROM run WHERE id = :id", {"id": id})
    if not found:
        found = reader.rows(f"SELECT {COLUMNS} FROM run WHERE id = :id", {"id": find_id(reader, "run", "run", id)})
    return _runs(reader, found, "run_number = :number", {"number": found[0]["number"]})[0]


def runs(
    reader: Reader,
    *,
    model: str | None = None,
    trials: bool = False,
    limit: int = 100,
    before_id: str | None = None,
    job_id: str | None = None,
    state: str | None = None,
) -> list[Run]:
    """Return runs newest first; trials only when asked for; `before_id` starts the next page."""
    params = {"model": model, "limit": limit, "before": before_id, "job": job_id, "state": state}
    clauses = ["deleted_at IS NULL"]
    if not trials:
        clauses.append("parent_id IS NULL")
    for clause, given in (
        # with trials no index of a model's runs is in the order asked for
        ("coalesce(model, '') = :model" if trials else "model = :model", model),
        ("number < (SELECT number FROM run WHERE id = :before)", before_id),
        ("job_id = :job", job_id),
        ("state = :state", state),
    ):
        if given is not None:
            clauses.append(clause)
    chosen = f"FROM run WHERE {' AND '.join(clauses)} ORDER BY number DESC LIMIT :limit"
    found = reader.rows(f"SELECT {COLUMNS} {chosen}", params)
    return _runs(reader, found, f"run_number IN (SELECT number {chosen})", params)


def children(reader: Reader, run_id: str) -> list[Run]:
    """Return the trials of a run, in the order they were started."""
    params = {"parent": run_id}
    found = reader.rows(f"SELECT {COLUMNS} FROM run WHERE parent_id = :parent ORDER BY number", params)
    return _runs(reader, found, "run_number IN (SELECT number FROM run WHERE parent_id = :parent)", params)


def with_logged(reader: Reader, found: Sequence[Sequence[Any]]) -> list[Run]:
    """Return the runs of rows that hold `COLUMNS` first, with what each logged."""
    made: list[Run] = []
    for start in range(0, len(found), _AT_ONCE):
        batch = list(found[start : start + _AT_ONCE])
        numbers = [row[_NUMBER_AT] for row in batch]
        made += _runs(reader, batch, f"run_number IN ({', '.join('?' * len(numbers))})", numbers)
    return made


def metric_history(reader: Reader, run_id: str, key: str) -> list[tuple[int, int, float | None]]:
    """Return every point of one metric as (step, microseconds UTC, value), by step; not a number is None."""
    found = reader.rows(
        "SELECT step, at, value FROM run_metric WHERE run_number = (SELECT number FROM run WHERE id = :run)"
        " AND key = :key ORDER BY step",
        {"run": run_id, "key": key},
    )
    return [(row["step"], row["at"], row["value"]) for row in found]


def adopt_trials(tx: Write, abandoned: Run, by: Run) -> int:
    """Make the ended trials of an abandoned run another's, which goes on with its search; return how many."""
    moved = tx.execute(
        "UPDATE run SET parent_id = :by WHERE parent_id = :abandoned AND state IN ('finished', 'failed', 'cancelled')",
        {"by": by.id, "abandoned": abandoned.id},
    )
    set_tags(tx, by.id, {"resumes": abandoned.id})
    _record(tx, "run.resumed", by.id, by.model, by.actor, body={"resumes": abandoned.id, "trials": moved})
    return moved


def end_runs_of(tx: Write, job_id: str, state: str, reason: str) -> None:
    """End every run that a job left running, and their trials: failed, abandoned or cancelled."""
    for left in runs(tx, trials=True, job_id=job_id, state="running", limit=_ALL):
        for trial in children(tx, left.id):
            finish_run(tx, trial.id, state, reason)
        finish_run(tx, left.id, state, reason)


def _runs(reader: Reader, found: Sequence[Sequence[Any]], of_these: str, params: Params) -> list[Run]:
    kept: list[dict[int, dict[str, Any]]] = []
    for table in ("run_param", "run_metric_latest", "run_tag"):
        by_run: dict[int, dict[str, Any]] = {row[_NUMBER_AT]: {} for row in found}
        asked = f"SELECT run_number, key, value FROM {table} WHERE {of_these} AND value IS NOT NULL"
        for number, key, value in reader.tuples(asked, params):
            by_run[number][key] = value
        kept.append(by_run)
    params_of, metrics_of, tags_of = kept
    make = maker(Run)
    return [
        make(*row[:_OWN], params_of[n := row[_NUMBER_AT]], metrics_of[n], tags_of[n], *row[_OWN:_WHOLE], 0)
        for row in found
    ]


def _record(
    tx: Write,
    action: str,
    run_id: str,
    model: str | None,
    actor: str,
    *,
    reason: str = "",
    body: dict[str, Any] | None = None,
) -> None:
    events.append(
        tx, actor=actor, action=action, subject_kind="run", subject_id=run_id, model=model, reason=reason, body=body
    )
