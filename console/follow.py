"""Follow a job to its end: what, how far and how long left on stderr; ctrl+c leaves the job running."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from console.output import Output, plain
from engine.jobs.again import again
from engine.operations.work import NOTHING_ELSE, JobRequest
from store.errors import BY_CODE, ModeldeckError, Unavailable, WorkFailed
from store.rows import Job

if TYPE_CHECKING:
    from engine.client import Client

LOOK_EVERY_S = 0.25
DAEMON_BACK_WITHIN_S = 20.0
ENDED = ("succeeded", "failed", "cancelled", "abandoned")


class Display(Protocol):
    """Something that shows how far a job is."""

    def show(self, job: Job, waits_for: str = "") -> None:
        """Show the job as it stands; one that is queued may wait for something that can be told."""


class Lines:
    """For a pipe or a log: a line whenever the job says something new."""

    def __init__(self, output: Output, title: str) -> None:
        self._output = output
        self._title = title
        self._said = ""

    def show(self, job: Job, waits_for: str = "") -> None:
        """Write what the job says, once."""
        text = _said(job, waits_for)
        if text != self._said:
            self._said = text
            share = f"{job.progress:4.0%} " if job.progress is not None and job.state == "running" else ""
            self._output.note(f"{self._title}: {share}{text}")


class Bar:
    """For a terminal: one line that redraws itself."""

    def __init__(self, output: Output, title: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
        from rich.table import Column

        self._title = title
        self.progress = Progress(
            TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True)),
            BarColumn(bar_width=16, table_column=Column(min_width=16)),
            TextColumn("{task.fields[share]}", markup=False, table_column=Column(no_wrap=True)),
            TimeRemainingColumn(compact=True, table_column=Column(no_wrap=True)),
            TextColumn("left", markup=False),
            TextColumn("{task.fields[said]}", markup=False, table_column=Column(ratio=1, no_wrap=True)),
            expand=True,
            console=Console(file=output.stderr, markup=False, highlight=False, emoji=False),
            transient=True,
        )
        self._task = self.progress.add_task(title, total=None, said="", share="")

    def show(self, job: Job, waits_for: str = "") -> None:
        """Move the bar."""
        said = plain(_said(job, waits_for))
        if job.progress is None:
            self.progress.update(self._task, said=said)
        else:
            share = f"{job.progress:4.0%}"
            self.progress.update(self._task, total=1.0, completed=job.progress, said=said, share=share)


def _said(job: Job, waits_for: str) -> str:
    return job.progress_text or (f"{job.state}, waits for {waits_for}" if waits_for else job.state)


@contextmanager
def display(output: Output, title: str) -> Iterator[Display]:
    """Give what fits where stderr goes."""
    if not output.moves:
        yield Lines(output, title)
        return
    bar = Bar(output, title)
    with bar.progress:
        yield bar


def follow(client: Client, job_id: str, output: Output, title: str) -> Job | None:
    """Return the job once it has ended; None when the person let go of it with ctrl+c.

    Raises:
        Unavailable: the daemon went away and did not come back.
    """
    try:
        with display(output, title) as shown:
            return wait_for_end(client, job_id, shown)
    except KeyboardInterrupt:
        return None


class Patience:
    """Bears for a while that no daemon is there: one that restarts adopts its jobs, and what we follow goes on."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lost_at: float | None = None

    def look_for_daemon(self, job_id: str) -> None:
        """See that a daemon is there: an owner's reads are answered without one, but no job ends then.

        Raises:
            Unavailable: none is.
        """
        if self._client.transport != "socket":
            raise Unavailable(
                f"no daemon runs; job {job_id[:16]} is kept, and the next daemon takes it up", "modeldeck daemon start"
            )
        self._lost_at = None

    def bear(self, error: Unavailable) -> None:
        """Take note that no daemon is there.

        Raises:
            Unavailable: the one given, when none has been there for so long that none will come by itself.
        """
        self._lost_at = self._lost_at or time.monotonic()
        if time.monotonic() - self._lost_at > DAEMON_BACK_WITHIN_S:
            raise error


def wait_for_end(client: Client, job_id: str, shown: Display | None = None) -> Job:
    """Look at a job until it has ended, showing each look.

    Raises:
        Unavailable: the daemon went away and did not come back.
    """
    patience = Patience(client)
    while True:
        try:
            job: Job = client.call("jobs.detail", JobRequest(job_id))
            if shown is not None:
                shown.show(job, _waits_for(client, job))
            if job.state in ENDED:
                return job
            patience.look_for_daemon(job_id)
        except Unavailable as error:
            patience.bear(error)
        time.sleep(LOOK_EVERY_S)


def _waits_for(client: Client, job: Job) -> str:
    if job.state != "queued":
        return ""
    waits_for: str = client.call("jobs.show", JobRequest(job.id)).waits_for
    return "" if waits_for == NOTHING_ELSE else waits_for


def failure(job: Job) -> ModeldeckError | None:
    """Return the error a follower of this ended job leaves with, None where it did what it was asked."""
    code = job.exit_code if job.exit_code is not None else int(job.state != "succeeded")
    if code == 0 and job.state == "succeeded":
        return None
    told = job.reason or f"the job {job.state}"
    kind = next((kind for kind in BY_CODE.values() if kind.exit_code == code), WorkFailed)
    message = told if job.state in ("failed", "succeeded") else f"{job.kind} {job.state}: {told}"
    redo = again(job)
    return kind(message, f"its log: modeldeck jobs logs {job.id[:16]}{f'; again: {redo}' if redo else ''}")
