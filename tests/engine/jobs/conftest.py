"""A deck whose worker is driven by the test, with jobs as real processes."""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from retraining_loop import loop

from engine.deck import Deck
from engine.jobs.processes import signal_group
from engine.jobs.report import log_of
from engine.jobs.worker import Worker
from engine.settings.apply import apply_settings
from store import events, jobs
from store.artifacts import Artifacts
from store.clock import FrozenClock
from store.database import open_database
from store.jobs import NO_TERMS
from store.rows import Job, Terms

__all__ = ["loop"]


class Stage:
    """A deck on a frozen clock, a worker, and the jobs it is given."""

    def __init__(self, deck: Deck, clock: FrozenClock, source: Any, until: Callable[..., Any]) -> None:
        self.deck = deck
        self.clock = clock
        self.source = source
        self.worker = Worker(deck)
        self._until = until
        self._gone: list[Worker] = []  # kept, as their jobs are children of this process

    def enqueue(
        self,
        kind: str = "ingest",
        model: str | None = "plain",
        *,
        terms: Terms = NO_TERMS,
        needs: Sequence[Job] = (),
        **args: Any,
    ) -> Job:
        """Ask for a job."""
        with self.deck.database.write() as tx:
            return jobs.enqueue(
                tx,
                kind=kind,
                model=model,
                args=args,
                actor="user:anna",
                settings_revision=1,
                terms=terms,
                needs=[job.id for job in needs],
            )

    def job(self, job: Job) -> Job:
        """Return the job as it stands."""
        return jobs.job(self.deck.database, job.id)

    def cancel(self, job: Job) -> Job:
        """Ask the job to stop."""
        with self.deck.database.write() as tx:
            return jobs.request_cancel(tx, job.id, actor="user:ben")

    def log(self, job: Job) -> Path:
        """Return the job's log."""
        return log_of(self.deck.workspace, job.id)

    def work_until(self, holds: Callable[[], Any]) -> Any:
        """Let the worker act until something holds."""

        def acted() -> Any:
            self.worker.tick()
            return holds()

        return self._until(acted)

    def settings(self, text: str) -> None:
        """Apply a deck.toml with this text in it."""
        (self.deck.workspace.root / "deck.toml").write_text(f'name = "test"\n{text}')
        apply_settings(self.deck, "user:anna", "a test")

    def actions(self, job: Job) -> list[str]:
        """Return the actions on record for a job, oldest first."""
        found = events.events(self.deck.database, subject=("job", job.id))
        return [event.action for event in reversed(found)]

    def end(self, job: Job) -> Job:
        """Let the worker act until the job has ended."""
        ended: Job = self.work_until(lambda: self.job(job) if self.job(job).ended_at is not None else None)
        return ended

    def run(self, kind: str = "ingest", model: str | None = "plain", **args: Any) -> Job:
        """Ask for a job and see it through."""
        return self.end(self.enqueue(kind, model, **args))

    def start_waiting(self, kind: str = "ingest", model: str = "waiting", terms: Terms = NO_TERMS) -> Job:
        """Start a job and return it once it is in the middle of its work."""
        self.source.hold()
        asked = self.enqueue(kind, model, terms=terms)
        self.work_until(lambda: self.source.is_reached() and self.job(asked).pid)
        return self.job(asked)

    def succeed(self) -> None:
        """Another worker takes over, as after the death of the first one's daemon."""
        self._gone.append(self.worker)
        self.worker = Worker(self.deck)

    def close(self) -> None:
        """End the processes of jobs and wait for them."""
        for worker in (*self._gone, self.worker):
            for watched in worker._watched.values():
                if watched.process is not None:
                    signal_group(watched.process.pid, signal.SIGKILL)
                    watched.process.wait()


@pytest.fixture
def stage(
    tmp_path: Path,
    clock: FrozenClock,
    empty_registry: Path,
    make_waiting: Callable[[Path], Any],
    until: Callable[..., Any],
) -> Iterator[Stage]:
    """A worker with settings applied and nothing to do."""
    source = make_waiting(tmp_path / "deck")
    workspace = source.workspace
    workspace.state.mkdir(mode=0o700)
    shutil.copyfile(empty_registry, workspace.registry)
    database = open_database(workspace.registry, clock)
    deck = Deck(workspace, database, Artifacts(workspace.artifacts), clock)
    apply_settings(deck, "user:anna", "a test")
    made = Stage(deck, clock, source, until)
    yield made
    made.close()
    database.close()
