"""How an attempt that is no more becomes an ended job, or a queued one again."""

from __future__ import annotations

import shutil
import signal
from dataclasses import replace

from engine.deck import Deck
from engine.jobs.kinds import KINDS
from engine.jobs.limits import under_limits
from engine.jobs.report import REPORT_UNWRITTEN, Report, attempt_folder, is_timed_out, read_report
from engine.release.recovery import recover
from store import jobs
from store.database import Write
from store.errors import WorkFailed
from store.rows import Job

FLUSH_FAILED = 120  # what Python exits with when its last output could not be written
MOST_ATTEMPTS = 5  # of a resumable job; one that dies each time must end some day
LONGEST_BACKOFF_S = 3600
STOPPED_BY_OTHERS = "its process was told to stop by something other than modeldeck (SIGTERM)"


def end(deck: Deck, job_id: str, attempt: int, exit_code: int | None, reason: str = "") -> Job:
    """Write how the attempt ended: from its report, or else as abandoned, or queued again where its kind resumes.

    `exit_code` is the process's, negative for a signal, None where it was not our child.
    """
    folder = attempt_folder(deck.workspace, job_id, attempt)
    report, timed_out = read_report(folder), is_timed_out(folder)
    with deck.database.write() as tx:
        job = jobs.job(tx, job_id)
        if job.state != "running" or job.attempt != attempt:
            return job
        told_to_stop = report is not None and report.state == "cancelled"
        if jobs.cancel_requested(tx, job.id):
            _finish(tx, job, _cancelled(report, jobs.cancelled_by(tx, job.id)))
        elif report is not None and not told_to_stop:
            _finish_or_retry(tx, job, report)
        elif timed_out:
            _finish_or_retry(tx, job, Report("failed", 1, _timeout_line(job)))
        else:
            _died(tx, job, reason or (STOPPED_BY_OTHERS if told_to_stop else how_it_died(exit_code, job)))
        ended = jobs.job(tx, job_id)
    shutil.rmtree(folder, ignore_errors=True)
    if ended.kind == "release" and ended.state not in ("queued", "running"):
        recover(deck)  # a release whose job gave up must not keep traffic on a half-judged version
    return ended


def _cancelled(report: Report | None, by: str) -> Report:
    """Return how a job ended that was asked to stop, with who asked; one that got to its end first ended so."""
    if report is None:
        return Report("cancelled", 1, f"cancelled by {by}; it did not stop by itself and was killed")
    return replace(report, reason=f"cancelled by {by}") if report.state == "cancelled" else report


def _finish_or_retry(tx: Write, job: Job, report: Report) -> None:
    """End a job as its report says, or queue it again where the work failed and its terms allow another attempt.

    Only work that failed (exit code 1) is tried again: what was refused, unknown or gated would be so again.
    """
    if report.state == "failed" and report.exit_code == WorkFailed.exit_code and _may_retry(job):
        jobs.requeue(tx, job.id, report.reason, wait_s=backoff_s(job), run_state="failed")
    else:
        _finish(tx, job, report)


def _died(tx: Write, job: Job, cause: str) -> None:
    """Queue a job whose process is gone again where its kind resumes or its terms allow it, else abandon it."""
    if _is_resumable(job) and job.attempt < MOST_ATTEMPTS:
        jobs.requeue(tx, job.id, cause)
    elif _may_retry(job):
        jobs.requeue(tx, job.id, cause, wait_s=backoff_s(job))
    else:
        jobs.abandon(tx, job.id, cause)


def _is_resumable(job: Job) -> bool:
    kind = KINDS.get(job.kind)
    return kind is not None and kind.resumable


def _may_retry(job: Job) -> bool:
    return job.attempt <= job.retries and not _is_resumable(job)


def backoff_s(job: Job) -> int:
    """Return how long the next attempt waits: the job's backoff, doubled for each attempt after the first."""
    return min(LONGEST_BACKOFF_S, (job.backoff_s or 0) << max(0, min(job.attempt - 1, 20)))


def _timeout_line(job: Job) -> str:
    return f"timed out after {job.timeout_s} s: raise [jobs.{job.kind}] timeout in deck.toml, or give it less to do"


def _finish(tx: Write, job: Job, report: Report) -> None:
    jobs.finish(
        tx,
        job.id,
        job.attempt,
        report.state,
        reason=report.reason,
        exit_code=report.exit_code,
        result=report.result,
    )


def how_it_died(exit_code: int | None, job: Job | None = None) -> str:
    """Say in words how a process ended without a report; a job's limits may have been its end."""
    if exit_code is None:
        return "its process is gone"
    if exit_code in (REPORT_UNWRITTEN, FLUSH_FAILED):
        return "its report could not be written: the disk is full or not writable"
    if exit_code >= 0:
        return f"its process ended with code {exit_code} and no report"
    try:
        name = signal.Signals(-exit_code).name
    except ValueError:
        name = f"signal {-exit_code}"
    return f"its process was killed by {name}{under_limits(job, -exit_code)}"
