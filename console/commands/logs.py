"""`modeldeck jobs logs ID --follow`: what a job prints, as it prints it, until it ends; ctrl+c leaves it running."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from console.follow import ENDED, LOOK_EVERY_S, Patience, failure
from console.output import Output
from engine.operations.work import JobLogs, JobLogsRequest, JobRequest
from store.errors import Unavailable
from store.rows import Job

if TYPE_CHECKING:
    from engine.client import Client


def follow_log(client: Client, first: JobLogs, out: Output) -> int:
    """Write a log to the job's end and return 0; with --json the whole log, once it is whole.

    Raises:
        ModeldeckError: the job did not do what it was asked, as for whoever followed it from its start.
        Unavailable: the daemon went away and did not come back.
    """
    try:
        job, text = _to_the_end(client, first, out)
    except KeyboardInterrupt:
        out.note(f"let go; the job goes on; look again: modeldeck jobs logs {first.id[:16]} --follow")
        return 0
    if out.as_json:
        out.data(JobLogs(first.id, text, len(text.encode())))
    error = failure(job)
    if error is not None:
        raise error
    out.note(f"job {job.id[:16]}: {job.state}")
    return 0


def _to_the_end(client: Client, piece: JobLogs, out: Output) -> tuple[Job, str]:
    said: list[str] = []
    patience = Patience(client)
    while True:
        try:
            # Asked for before its text: what it printed before it ended is then in the text.
            job: Job = client.call("jobs.detail", JobRequest(piece.id))
            while piece.text:
                _write(piece, said, out)
                piece = client.call("jobs.logs", JobLogsRequest(piece.id, piece.next_offset))
            piece = client.call("jobs.logs", JobLogsRequest(piece.id, piece.next_offset))
            if job.state in ENDED and not piece.text:
                return job, "".join(said)
            if not piece.text:  # a log is worth following without a daemon, while it grows
                patience.look_for_daemon(piece.id)
        except Unavailable as error:
            patience.bear(error)
        if not piece.text:
            time.sleep(LOOK_EVERY_S)


def _write(piece: JobLogs, said: list[str], out: Output) -> None:
    if out.as_json:
        said.append(piece.text)
    else:
        out.block(piece.text)
        out.stdout.flush()
