"""The log of a job, read on from where the last read ended."""

from __future__ import annotations

from typing import Any

from console.poller import Asks
from console.render.cells import Line, exactly, line
from console.render.columns import Context, spans
from console.render.display import key
from console.render.jobs import progress
from console.render.signs import glyph_of, style_of
from console.screens.page import Page
from console.widgets.log_view import LogView
from engine.operations.work import JobLogsRequest, JobRequest
from store.rows import Job

MOST_PIECES = 64  # per read, so that a huge log comes in turns


class LogPage(Page):
    """A job's state in one line, and what it printed."""

    scope = "log"
    is_always = True

    def __init__(self, job: Job) -> None:
        super().__init__(f"log:{job.id}", f"{job.kind} {job.model or ''}".strip(), f"modeldeck jobs logs {job.id[:12]}")
        self._job = job
        self._offset = 0
        self._view = LogView()
        self._hits = 0

    @property
    def selected(self) -> Job:
        """The job."""
        return self._job

    @property
    def note(self) -> str:
        """Whether the end is followed, or how many lines match."""
        if self.filtered:
            return f"{self._hits} matching lines, {key('look.next_match')} {key('look.previous_match')}"
        return "following" if self._view.follows else f"{self._view.length} lines, {key('look.follow')} follows"

    def read(self, client: Asks) -> tuple[Job, int, str, int]:
        """Ask for the job and the part of its log that is new: (job, from, text, next)."""
        start = offset = self._offset
        job = client.call("jobs.detail", JobRequest(self._job.id))
        pieces = []
        for _ in range(MOST_PIECES):
            logs = client.call("jobs.logs", JobLogsRequest(self._job.id, offset))
            if logs.next_offset <= offset:
                break
            pieces.append(logs.text)
            offset = logs.next_offset
        return job, start, "".join(pieces), offset

    def take(self, value: Any) -> None:
        """Add the new part; a part that was read twice is taken once."""
        self.loaded = True
        self._job, start, text, offset = value
        if start == self._offset:
            self._view.append(text)
            self._offset = offset

    def set_filter(self, text: str) -> str:
        """Search."""
        self.filtered = text
        self._hits = self._view.search(text)
        return ""

    def move(self, action: str) -> bool:
        """Scroll, follow, go to a match."""
        return self._view.move(action)

    def body(self, width: int, height: int, context: Context) -> list[Line]:
        """Return the job's state above its log."""
        job = self._job
        head = line(
            ("  ", ""), (f"{glyph_of(job.state)} {job.state}  ", style_of(job.state)), *spans(progress(job, context))
        )
        log = self._view.draw(width, max(1, height - 2))
        if not log:
            running = "it has not started yet" if job.state == "queued" else "it has printed nothing yet"
            words = "it ended without printing a line" if job.ended_at is not None else running
            log = [line("  ", (f"no log: {words}", "dim"))]
        return [exactly(head, width), (), *log]
