"""APScheduler in memory: it knows when which schedule is due, and hands those due at once over in one go."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.executors.base import BaseExecutor
from apscheduler.jobstores.base import BaseJobStore, ConflictingIdError, JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from store.rows import EPOCH

AGAIN_S = 1.0


class Clockwork:
    """Calls `fire` with the ids that are due, each at its time; ids it could not fire stay due and are tried again."""

    def __init__(self, fire: Callable[[set[str]], None]) -> None:
        self._due = _Due()
        self._scheduler = _Scheduler(
            fire,
            self._due,
            timezone=UTC,
            executors={"default": self._due},
            jobstores={"default": _ByTime()},
            job_defaults={"coalesce": True, "max_instances": 1_000_000},
        )

    def start(self) -> None:
        """Begin to fire."""
        self._scheduler.start()

    @property
    def is_running(self) -> bool:
        """Tell whether it fires."""
        return bool(self._scheduler.running)

    def close(self) -> None:
        """Fire nothing more."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)

    def look(self) -> None:
        """Look at the wall clock again: it may have been set."""
        if self._scheduler.running:
            self._scheduler.wakeup()

    def put(self, id: str, next_at: int, after: Callable[[int], int | None]) -> None:
        """Make a schedule due at a time, and from then on when `after` says so."""
        self._scheduler.add_job(
            _nothing,
            _Following(after),
            id=id,
            replace_existing=True,
            next_run_time=EPOCH + timedelta(microseconds=next_at),
        )

    def take_away(self, id: str) -> None:
        """Make a schedule due no more."""
        self._due.ids.discard(id)
        try:
            self._scheduler.remove_job(id)
        except JobLookupError:
            return


class _Scheduler(BackgroundScheduler):  # type: ignore[misc]
    """Collects what is due in one look at the clock before anything is done about it."""

    def __init__(self, fire: Callable[[set[str]], None], due: _Due, **options: Any) -> None:
        super().__init__(**options)
        self._fire = fire
        self._collected = due

    def _process_jobs(self) -> float | None:
        wait: float | None = super()._process_jobs()
        ids = set(self._collected.ids)
        if not ids:
            return wait
        try:
            self._fire(ids)
        except Exception as error:
            self._logger.error("schedules could not be fired and are tried again: %s", error)
            return AGAIN_S
        self._collected.done(ids)
        return wait


class _ByTime(BaseJobStore):  # type: ignore[misc]
    """Keeps jobs, each with a time, in memory and in the order of their times.

    APScheduler's own looks for a job's place in Python, twice a firing.
    """

    def __init__(self) -> None:
        super().__init__()
        self._jobs: dict[str, tuple[datetime, Any]] = {}
        self._order: list[tuple[datetime, str]] = []

    def lookup_job(self, job_id: str) -> Any:
        """Return the job of an id, None where there is none."""
        return self._jobs.get(job_id, (None, None))[1]

    def get_due_jobs(self, now: datetime) -> list[Any]:
        """Return the jobs whose time has come, earliest first."""
        beyond = bisect_left(self._order, (now + timedelta.resolution, ""))
        return [self._jobs[id][1] for _, id in self._order[:beyond]]

    def get_next_run_time(self) -> datetime | None:
        """Return the earliest time there is."""
        return self._order[0][0] if self._order else None

    def get_all_jobs(self) -> list[Any]:
        """Return every job, earliest first."""
        return [self._jobs[id][1] for _, id in self._order]

    def add_job(self, job: Any) -> None:
        """Keep a job that is not there yet."""
        if job.id in self._jobs:
            raise ConflictingIdError(job.id)
        self._jobs[job.id] = (job.next_run_time, job)
        insort(self._order, (job.next_run_time, job.id))

    def update_job(self, job: Any) -> None:
        """Keep a job that is there at its new time."""
        self.remove_job(job.id)
        self.add_job(job)

    def remove_job(self, job_id: str) -> None:
        """Keep a job no more."""
        if job_id not in self._jobs:
            raise JobLookupError(job_id)
        at, _ = self._jobs.pop(job_id)
        del self._order[bisect_left(self._order, (at, job_id))]

    def remove_all_jobs(self) -> None:
        """Keep none."""
        self._jobs.clear()
        self._order.clear()


class _Due(BaseExecutor):  # type: ignore[misc]
    """An executor that remembers what it is to run."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()

    def _do_submit_job(self, job: Any, _run_times: list[datetime]) -> None:
        self.ids.add(job.id)

    def done(self, ids: set[str]) -> None:
        """Forget what was fired."""
        self.ids -= ids
        self._instances.clear()


class _Following(BaseTrigger):  # type: ignore[misc]
    """Tells the next time after now; what was missed is counted from the registry, not here."""

    def __init__(self, after: Callable[[int], int | None]) -> None:
        self._after = after
        self._known: tuple[datetime, datetime | None] | None = None

    def get_next_fire_time(self, _previous: datetime | None, now: datetime) -> datetime | None:
        """Return the time after `now`, asked for twice a firing and found once."""
        if self._known is None or self._known[0] != now:
            found = self._after((now - EPOCH) // timedelta(microseconds=1))
            self._known = (now, None if found is None else EPOCH + timedelta(microseconds=found))
        return self._known[1]


def _nothing() -> None:
    """Stand in for a job: what is due is fired by whoever collected it."""
