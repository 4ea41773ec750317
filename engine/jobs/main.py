"""The process of one attempt of a job: `python -P -m engine.jobs.main --workspace DIR --job ID --attempt N`."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import sys
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.deck import Deck, open_deck
from engine.jobs import cancelling
from engine.jobs.context import JobContext
from engine.jobs.kinds import kind_named
from engine.jobs.limits import CpuSpent, cpu_line, is_memory_limit, memory_line, set_limits
from engine.jobs.processes import started_mark
from engine.jobs.report import REPORT_UNWRITTEN, Report, attempt_folder, write_report
from engine.product import installed
from engine.workspace import Workspace
from store.database import Fence
from store.errors import Aborted, Held, LeaseLost, ModeldeckError, StorageUnwritable, Unavailable, WorkFailed
from store.rows import Job
from store.storage import writing_to

OUTDATED = "the code was changed under the running daemon: modeldeck daemon restart"


def main(argv: list[str] | None = None) -> int:
    """Run the attempt and return its exit code; its last act is the exit report."""
    arguments = _arguments(argv)
    workspace = Workspace(Path(arguments.workspace))
    fence = Fence(arguments.job, arguments.attempt)
    cancelling.listen()
    try:
        report = _attempt(workspace, fence)
    except LeaseLost as error:
        # Another attempt owns the job: this one may write nothing, its report included.
        _say(error.line())
        return error.exit_code
    cancelling.heard()  # whatever comes now comes too late: the report is to be written
    if report.state == "failed" and arguments.code not in ("", installed()):
        report = replace(report, exit_code=Unavailable.exit_code, reason=f"{OUTDATED} ({report.reason})")
    try:
        write_report(attempt_folder(workspace, fence.job_id, fence.attempt), report)
    except OSError as error:
        _say(f"the exit report cannot be written: {error}")
        return REPORT_UNWRITTEN
    return report.exit_code


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="engine.jobs.main")
    parser.add_argument("--workspace", required=True)
    parser.add_argument("--job", required=True)
    parser.add_argument("--attempt", required=True, type=int)
    parser.add_argument("--code", default="", help="the stamp of the code that the daemon runs")
    return parser.parse_args(argv)


def _attempt(workspace: Workspace, fence: Fence) -> Report:
    """Run the job's kind; the one place where a job's errors become its report."""
    job: Job | None = None
    try:
        deck = open_deck(workspace)
        try:
            job = _own(deck, fence)
            set_limits(job)
            return Report("succeeded", 0, result=_run(deck, fence, job))
        finally:
            deck.database.close()
    except LeaseLost:
        raise
    except cancelling.Cancelled:
        cancelling.heard()
        return Report("cancelled", 1, "cancelled")
    except CpuSpent:
        assert job is not None
        return _failed(WorkFailed(cpu_line(job)))
    except (Held, Aborted) as error:
        # Nothing failed and nothing was lost; whoever follows the job exits with 7, or 1 where it was aborted.
        return Report("succeeded", error.exit_code, error.line())
    except ModeldeckError as error:
        cause = error.__cause__ or error.__context__
        if isinstance(cause, Exception) and is_memory_limit(job, cause):
            _say(error.line())
            return _failed(WorkFailed(memory_line(job)))
        return _failed(error)
    except Exception as error:
        if is_memory_limit(job, error):
            _say(traceback.format_exc())
            return _failed(WorkFailed(memory_line(job)))
        unwritable = _unwritable(workspace, error)
        if unwritable is not None:
            return _failed(unwritable)
        _say(traceback.format_exc())
        told = " ".join(f"{type(error).__name__}: {error}".split())
        return Report("failed", 1, f"{told} (the job's log has the whole story)")


def _failed(error: ModeldeckError) -> Report:
    _say(error.line())
    return Report("failed", error.exit_code, error.line())


def _unwritable(workspace: Workspace, error: Exception) -> StorageUnwritable | None:
    """Return the one line of a disk that takes no more, None for any other error."""
    if isinstance(error, OSError):
        try:
            with writing_to(Path(error.filename) if error.filename else workspace.state):
                raise error
        except StorageUnwritable as told:
            return told
        except OSError:
            return None
    return None


def _say(text: str) -> None:
    """Print to the job's log; on a full disk the report, if anything, is what is left."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)  # noqa: T201


def _own(deck: Deck, fence: Fence) -> Job:
    """Say that this process works on the attempt, and return the job."""
    from store import jobs

    pid = os.getpid()
    with deck.database.write(fence) as tx:
        jobs.set_process(tx, fence.job_id, fence.attempt, pid, started_mark(pid) or "")
        return jobs.job(tx, fence.job_id)


def _run(deck: Deck, fence: Fence, job: Job) -> dict[str, Any]:
    from engine.governance import reads

    module, _, function = kind_named(job.kind).entry.partition(":")
    if job.kind in reads.JOBS:
        who = reads.Reader(job.actor, job.via, "job", job.kind)
        reads.put(deck, who, model=job.model or reads.EVERY, subject=job.id, told="processed")
    with deck.artifacts.claiming():  # what an attempt puts is not garbage, however long it takes to register it
        result: dict[str, Any] = getattr(importlib.import_module(module), function)(JobContext(deck, job, fence))
    return result


if __name__ == "__main__":
    sys.exit(main())
