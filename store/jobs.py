"""Jobs: asked for, claimed under a fencing number, ended once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from store import events, runs
from store.database import Fence, Reader, Row, Write, fields
from store.errors import LeaseLost, Refused
from store.ids import new_id
from store.json_text import dump, load
from store.lookup import find_id
from store.rows import Job, Terms

LIVE = ("queued", "running")
ENDED = ("succeeded", "failed", "cancelled", "abandoned")
_HIDDEN = ("dedupe_key", "cancel_requested_at")


_INSERT = (
    "INSERT INTO job (id, kind, model, args, state, reason, actor, via, settings_revision, dedupe_key, attempt,"
    " progress_text, result, requested_at, priority, retries, backoff_s, timeout_s, memory_mb, cpu_s)"
    " VALUES (:id, :kind, :model, :args, 'queued', '', :actor, :via, :settings_revision, :dedupe_key, 0, '', '{}', :at,"
    " :priority, :retries, :backoff_s, :timeout_s, :memory_mb, :cpu_s)"
)
NO_TERMS = Terms()


def enqueue(  # noqa: PLR0913 (one keyword for each thing a job is asked for with)
    tx: Write,
    *,
    kind: str,
    actor: str,
    model: str | None = None,
    args: dict[str, Any] | None = None,
    via: str | None = None,
    settings_revision: int | None = None,
    dedupe_key: str | None = None,
    terms: Terms = NO_TERMS,
    needs: Sequence[str] = (),
) -> Job:
    """Ask for a job. With a `dedupe_key`, the live job of that key is the answer if there is one.

    It starts only once every job of `needs` (ids or unique prefixes) has succeeded.

    Raises:
        UnknownName: a needed job is unknown. Refused: one has ended otherwise, so this one could never start.
    """
    if dedupe_key is not None:
        same = tx.row(
            "SELECT id FROM job WHERE dedupe_key = :key AND state IN ('queued', 'running')", {"key": dedupe_key}
        )
        if same:
            return job(tx, same["id"])
    needed = [_needed(tx, each) for each in dict.fromkeys(needs)]
    id = new_id(tx.clock)
    tx.execute(
        _INSERT,
        {
            "id": id,
            "kind": kind,
            "model": model,
            "args": dump(args or {}),
            "actor": actor,
            "via": via,
            "settings_revision": settings_revision,
            "dedupe_key": dedupe_key,
            "at": tx.at,
            **terms_of(terms),
        },
    )
    for other in needed:
        tx.execute("INSERT INTO job_need (job_id, needs_id) VALUES (:id, :needs)", {"id": id, "needs": other})
    asked = job(tx, id)
    body = {"kind": kind, "args": asked.args, **({"needs": needed} if needed else {})}
    _record(tx, "job.requested", asked, via=via, body=body)
    return asked


def terms_of(terms: Terms) -> dict[str, Any]:
    """Return terms as the columns they are kept in."""
    return {name: getattr(terms, name) for name in Terms.__slots__}


def _needed(tx: Write, id: str) -> str:
    needed = job(tx, id)
    if needed.state in ENDED and needed.state != "succeeded":
        raise Refused(f"job {needed.id[:16]} {_was(needed.state)}", "nothing can start after it: ask for it again")
    return needed.id


def _was(state: str) -> str:
    return state if state == "failed" else f"was {state}"


def claim(tx: Write, id: str) -> Job:
    """Take a queued job: it runs from now on, as its next attempt.

    Raises:
        LeaseLost: it is not queued any more.
    """
    changed = tx.execute(
        "UPDATE job SET state = 'running', attempt = attempt + 1, started_at = :at, ended_at = NULL, pid = NULL,"
        " pid_started = NULL, progress = NULL, progress_text = '', exit_code = NULL, not_before_at = NULL, reason = ''"
        " WHERE id = :id AND state = 'queued'",
        {"id": id, "at": tx.at},
    )
    if not changed:
        raise LeaseLost(f"job {id[:12]} cannot be claimed", f"it is {job(tx, id).state}")
    claimed = job(tx, id)
    _record(tx, "job.started", claimed, body={"attempt": claimed.attempt})
    return claimed


def requeue(tx: Write, id: str, reason: str, *, wait_s: int = 0, run_state: str = "abandoned") -> Job:
    """Put a running job whose process is gone back into the queue; from now on its attempt may write nothing.

    A run that the attempt left running ends as `run_state`; the next attempt, after `wait_s`, makes its own.
    """
    changed = tx.execute(
        "UPDATE job SET state = 'queued', reason = :reason, pid = NULL, pid_started = NULL, not_before_at = :not_before"
        " WHERE id = :id AND state = 'running'",
        {"id": id, "reason": reason, "not_before": tx.at + wait_s * 1_000_000 if wait_s else None},
    )
    again = job(tx, id)
    if changed:
        runs.end_runs_of(tx, id, run_state, reason)
        _record(tx, "job.requeued", again, reason=reason, body={"attempt": again.attempt, "wait_s": wait_s})
    return again


def set_process(tx: Write, id: str, attempt: int, pid: int, pid_started: str) -> None:
    """Say which process works on an attempt; `pid_started` tells it from a later one of the same number.

    Raises:
        LeaseLost: another attempt runs, or none.
    """
    _update(tx, id, attempt, "pid = :pid, pid_started = :started", {"pid": pid, "started": pid_started})


def progress(tx: Write, id: str, attempt: int, fraction: float | None, text: str) -> None:
    """Say how far an attempt is (0 to 1, None: unknown) and what it does; no event.

    Raises:
        LeaseLost: another attempt runs, or none.
    """
    _update(tx, id, attempt, "progress = :fraction, progress_text = :text", {"fraction": fraction, "text": text})


def finish(
    tx: Write,
    id: str,
    attempt: int,
    state: str,
    *,
    reason: str = "",
    exit_code: int | None = None,
    result: dict[str, Any] | None = None,
) -> Job:
    """End an attempt as succeeded, failed or cancelled; a run it left running ends with it.

    Raises:
        LeaseLost: another attempt runs, or none.
        Refused: `state` is no end.
    """
    if state not in ENDED:
        raise Refused(f"a job cannot end as {state!r}", f"one of {', '.join(ENDED)}")
    _update(
        tx,
        id,
        attempt,
        "state = :state, reason = :reason, exit_code = :code, result = :result, ended_at = :at",
        {"state": state, "reason": reason, "code": exit_code, "result": dump(result or {}), "at": tx.at},
    )
    if state == "succeeded":
        runs.end_runs_of(tx, id, "abandoned", "its job ended without finishing it")
    else:
        runs.end_runs_of(tx, id, state, reason)
    return _ended(tx, id)


def abandon(tx: Write, id: str, reason: str) -> Job:
    """Mark a job whose process is gone, and the runs it left running, as abandoned; an ended one stays as it is."""
    changed = tx.execute(
        "UPDATE job SET state = 'abandoned', reason = :reason, ended_at = :at"
        " WHERE id = :id AND state IN ('queued', 'running')",
        {"id": id, "reason": reason, "at": tx.at},
    )
    if not changed:
        return job(tx, id)
    runs.end_runs_of(tx, id, "abandoned", reason)
    return _ended(tx, id)


def request_cancel(tx: Write, id: str, *, actor: str | None = None, reason: str = "", via: str | None = None) -> Job:
    """Ask a job to stop: a queued one is cancelled at once, a running one when its worker sees the request."""
    asked = job(tx, id)
    by = actor or asked.actor
    if asked.state == "queued":
        tx.execute(
            "UPDATE job SET state = 'cancelled', reason = :reason, ended_at = :at WHERE id = :id",
            {"id": asked.id, "reason": reason or f"cancelled by {by}", "at": tx.at},
        )
        return _ended(tx, asked.id, actor=by, via=via)
    if asked.state == "running" and not cancel_requested(tx, asked.id):
        tx.execute("UPDATE job SET cancel_requested_at = :at WHERE id = :id", {"id": asked.id, "at": tx.at})
        _record(tx, "job.cancel_requested", asked, actor=by, reason=reason, via=via)
    return job(tx, asked.id)


def cancel_requested(reader: Reader, id: str) -> bool:
    """Say whether a job has been asked to stop."""
    row = reader.row("SELECT cancel_requested_at FROM job WHERE id = :id", {"id": id})
    return row is not None and row["cancel_requested_at"] is not None


def cancelled_by(reader: Reader, id: str) -> str:
    """Return who asked a running job to stop, "" where nobody did."""
    asked = events.newest(reader, "job", id, "job.cancel_requested")
    return asked.actor if asked is not None else ""


def cancelling(reader: Reader) -> list[Job]:
    """Return the running jobs that have been asked to stop, oldest first."""
    found = reader.rows("SELECT * FROM job WHERE state = 'running' AND cancel_requested_at IS NOT NULL ORDER BY id")
    return [_job(row) for row in found]


def job(reader: Reader, id: str) -> Job:
    """Return one job by id or unique prefix.

    Raises:
        UnknownName: no job begins so. Refused: several do.
    """
    row = reader.row("SELECT * FROM job WHERE id = :id", {"id": id})
    if row is None:
        row = reader.row("SELECT * FROM job WHERE id = :id", {"id": find_id(reader, "job", "job", id)})
    assert row is not None
    return _job(row)


def jobs(reader: Reader, limit: int = 100, states: Iterable[str] | None = None, model: str | None = None) -> list[Job]:
    """Return jobs newest first."""
    clauses = []
    params: dict[str, Any] = {"limit": limit, "model": model}
    if states is not None:
        wanted = list(states)
        params.update({f"state_{index}": state for index, state in enumerate(wanted)})
        clauses.append(f"state IN ({', '.join(f':state_{index}' for index in range(len(wanted)))})")
    if model is not None:
        clauses.append("model = :model")
    where = f"WHERE {' AND '.join(clauses)}" if clauses else ""
    return [_job(row) for row in reader.rows(f"SELECT * FROM job {where} ORDER BY id DESC LIMIT :limit", params)]


def counts(reader: Reader) -> dict[str, int]:
    """Return how many jobs wait and run, by state."""
    found = reader.rows("SELECT state, count(*) AS count FROM job WHERE state IN ('queued', 'running') GROUP BY state")
    return {row["state"]: row["count"] for row in found}


def queued(reader: Reader) -> list[Job]:
    """Return the jobs that wait, oldest first."""
    return [_job(row) for row in reader.rows("SELECT * FROM job WHERE state = 'queued' ORDER BY id")]


def startable(reader: Reader) -> list[Job]:
    """Return the waiting jobs whose needs have all succeeded, in the order in which they are to start."""
    found = reader.rows(
        "SELECT * FROM job WHERE state = 'queued' AND NOT EXISTS (SELECT 1 FROM job_need JOIN job AS needed"
        " ON needed.id = job_need.needs_id WHERE job_need.job_id = job.id AND needed.state <> 'succeeded')"
        " ORDER BY priority DESC, id"
    )
    return [_job(row) for row in found]


def needs(reader: Reader, id: str) -> list[Job]:
    """Return the jobs that this one waits or waited for."""
    found = reader.rows(
        "SELECT job.* FROM job_need JOIN job ON job.id = job_need.needs_id WHERE job_need.job_id = :id ORDER BY job.id",
        {"id": id},
    )
    return [_job(row) for row in found]


def needed_by(reader: Reader, id: str) -> list[Job]:
    """Return the jobs that wait or waited for this one."""
    found = reader.rows(
        "SELECT job.* FROM job_need JOIN job ON job.id = job_need.job_id WHERE job_need.needs_id = :id ORDER BY job.id",
        {"id": id},
    )
    return [_job(row) for row in found]


def running(reader: Reader) -> list[Job]:
    """Return the jobs that run, oldest first."""
    return [_job(row) for row in reader.rows("SELECT * FROM job WHERE state = 'running' ORDER BY id")]


def fence(claimed: Job) -> Fence:
    """Return what a claimed job's process writes under."""
    return Fence(claimed.id, claimed.attempt)


def _update(tx: Write, id: str, attempt: int, changes: str, values: dict[str, Any]) -> None:
    changed = tx.execute(
        f"UPDATE job SET {changes} WHERE id = :id AND attempt = :attempt AND state = 'running'",
        {**values, "id": id, "attempt": attempt},
    )
    if not changed:
        stands = job(tx, id)
        raise LeaseLost(
            f"job {id[:12]} attempt {attempt} may write no more", f"it is {stands.state}, attempt {stands.attempt}"
        )


def _ended(tx: Write, id: str, *, actor: str | None = None, via: str | None = None) -> Job:
    ended = job(tx, id)
    body = {"state": ended.state, "attempt": ended.attempt, "exit_code": ended.exit_code}
    _record(tx, "job.ended", ended, actor=actor, via=via, reason=ended.reason, body=body)
    if ended.state != "succeeded":
        _cancel_dependents(tx, ended)
    return ended


def _cancel_dependents(tx: Write, ended: Job) -> None:
    """End what can never start any more, and what needs that in turn."""
    ends = [ended]
    while ends:
        cause = ends.pop()
        reason = f"needs job {cause.id[:16]}, which {_was(cause.state)}"
        for row in tx.rows(
            "SELECT job.id FROM job_need JOIN job ON job.id = job_need.job_id"
            " WHERE job_need.needs_id = :id AND job.state = 'queued' ORDER BY job.id",
            {"id": cause.id},
        ):
            tx.execute(
                "UPDATE job SET state = 'cancelled', reason = :reason, ended_at = :at WHERE id = :id",
                {"id": row["id"], "reason": reason, "at": tx.at},
            )
            dependent = job(tx, row["id"])
            body = {"state": dependent.state, "attempt": dependent.attempt, "exit_code": None, "needs": cause.id}
            _record(tx, "job.ended", dependent, reason=reason, body=body)
            ends.append(dependent)


def _record(
    tx: Write,
    action: str,
    job: Job,
    *,
    actor: str | None = None,
    via: str | None = None,
    reason: str = "",
    body: dict[str, Any] | None = None,
) -> None:
    events.append(
        tx,
        actor=actor or job.actor,
        action=action,
        subject_kind="job",
        subject_id=job.id,
        model=job.model,
        reason=reason,
        body=body,
        via=via,
    )


def _job(row: Row) -> Job:
    return Job(**{**fields(row, *_HIDDEN), "args": load(row["args"]), "result": load(row["result"])})
