"""How an attempt that is no more becomes an ended job, or a queued one again."""

from __future__ import annotations

import shutil
import signal

from engine.deck import Deck
from engine.jobs.kinds import KINDS
from engine.jobs.report import REPORT_UNWRITTEN, Report, attempt_folder, read_report
from engine.release.recovery import recover
from store import jobs
from store.database import Write
from store.rows import Job

FLUSH_FAILED = 120  # what Python exits with when its last output could not be written
MOST_ATTEMPTS = 5  # of a resumable job; one that dies each time must end some day


def end(deck: Deck, job_id: str, attempt: int, exit_code: int | None, reason: str = "") -> Job:
    """Write how the attempt ended: from its report, or else as abandoned, or queued again where its kind resumes.

    `exit_code` is the process's, negative for a signal, None where it was not our child.
    """
    folder = attempt_folder(deck.workspace, job_id, attempt)
    report = read_report(folder)
    with deck.database.write() as tx:
        job = jobs.job(tx, job_id)
        if job.state != "running" or job.attempt != attempt:
            return job
        if report is not None:
            _finish(tx, job, report)
        elif jobs.cancel_requested(tx, job.id):
            _finish(tx, job, Report("cancelled", 1, "cancelled; it did not stop by itself and was killed"))
        else:
            cause = reason or how_it_died(exit_code)
            kind = KINDS.get(job.kind)
            if kind is not None and kind.resumable and job.attempt < MOST_ATTEMPTS:
                jobs.requeue(tx, job.id, cause)
            else:
                jobs.abandon(tx, job.id, cause)
        ended = jobs.job(tx, job_id)
    shutil.rmtree(folder, ignore_errors=True)
    if ended.kind == "release" and ended.state not in ("queued", "running"):
        recover(deck)  # a release whose job gave up must not keep traffic on a half-judged version
    return ended


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


def how_it_died(exit_code: int | None) -> str:
    """Say in words how a process ended without a report."""
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
    hint = ", perhaps for lack of memory" if name == "SIGKILL" else ""
    return f"its process was killed by {name}{hint}"
